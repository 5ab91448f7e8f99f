"""A charter's meaning in plain English: what officers and approvers read before they sign.

Made from the compiled charter, never from its text, so it says what the gates will do. Nothing is left out:
a clause for which there is no sentence is shown as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from charter.compiler.ir import IR, Declaration
from charter.compiler.metrics import METRICS
from charter.runtime.report.numbers import listed, plural

Body = dict[str, Any]

_HOW = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "exactly"}
_ENFORCED = {
    "mandatory": "",
    "advisory": " (advisory: a breach warns and stops nothing)",
    "absolute": " (absolute: nobody can waive it)",
}
_GRADED = {
    "attested": "as somebody in a role of this charter has attested by signature",
    "reproduced": "as somebody else has measured again and found the same",
}
_ORDER = (
    "parameter",
    "role",
    "objective",
    "dataset",
    "prompt",
    "model",
    "evaluation",
    "policy",
    "approval",
    "deployment",
    "monitor",
    "retirement",
    "waiver",
)
_TIMES = (("year", 31556952), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Section:
    """One declaration of the charter, in sentences."""

    title: str
    sentences: tuple[str, ...]


def plain_english(ir: IR, *, only: frozenset[str] | None = None) -> tuple[Section, ...]:
    """What a charter means, section by section.

    Args:
        ir: the compiled charter.
        only: subjects (`model/scorecard`) to keep, with the lifecycle itself; None keeps all.
    """
    declared = [item for item in ir.declarations.values() if only is None or f"{item.kind}/{item.name}" in only]
    rank = {kind: place for place, kind in enumerate(_ORDER)}
    ordered = sorted(
        (item for item in declared if item.kind != "lifecycle"),
        key=lambda item: (rank.get(item.kind, len(rank)), item.place.line),
    )
    return (_lifecycle(ir), *(_section(item) for item in ordered))


def as_text(sections: tuple[Section, ...]) -> str:
    """The rendering as it is shown, and as its digest is signed."""
    return "".join(
        f"{section.title}\n" + "".join(f"  - {sentence}\n" for sentence in section.sentences) for section in sections
    )


def _lifecycle(ir: IR) -> Section:
    head = ir.lifecycle
    body = dict(next((item.body for item in ir.declarations.values() if item.kind == "lifecycle"), {}))
    for key in ("owner", "purpose", "risk", "use policies"):
        body.pop(key, None)
    packs = listed(sorted(head.packs)) or "no pack"
    sentences = (
        f"The system is `{head.name}`; `{head.owner}` owns it.",
        f"Its purpose: {head.purpose}",
        f"Its risk class is {head.risk}.",
        f"At every gate the rules of {packs} apply.",
        "Whatever cannot be shown to be met is denied, and everything is recorded before it happens.",
        *_rest(body),
    )
    return Section(f"The lifecycle {head.name}", sentences)


def _section(item: Declaration) -> Section:
    body = dict(item.body)
    told = list(_TELLERS[item.kind](item.name, body)) if item.kind in _TELLERS else []
    return Section(f"The {item.kind} {item.name}", (*told, *_rest(body)))


def _rest(body: Body) -> Iterator[str]:
    """Clauses that have no sentence of their own."""
    for key, value in body.items():
        yield f"{key}: {_plain(value)}."


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(part) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return exact_number(value)


def exact_number(value: float) -> str:
    """Every digit: what is signed must not be rounded."""
    exact = Decimal(str(value))
    return f"{int(exact):,}" if exact == exact.to_integral_value() and abs(exact) < 10**15 else f"{exact}"


def _time(seconds: float) -> str:
    """`30 days`, in the largest unit that is exact."""
    for name, length in _TIMES:
        if seconds >= length and seconds % length == 0:
            return plural(int(seconds // length), name)
    return f"{exact_number(seconds)} seconds"


def _parameter(name: str, body: Body) -> Iterator[str]:
    yield f"`{name}` is {_plain(body.pop('value'))} wherever the charter says it."


def _role(name: str, body: Body) -> Iterator[str]:
    least = body.pop("members at least", None)
    if least:
        yield f"At least {plural(least, 'person', 'people')} must fill it."
    yield "Who they are, with their keys, stands in the signed trust root and not here."


def _objective(name: str, body: Body) -> Iterator[str]:
    for key, words in (("problem", "The problem"), ("sponsor", "Answerable for it")):
        if key in body:
            yield f"{words}: {body.pop(key)}"
    for bound in body.pop("kpi", ()):
        yield f"It is a success when {_bound(bound)}. No gate measures that."
    for hazard in body.pop("hazard", ()):
        mitigated = listed([f"`{name}`" for name in hazard.get("mitigated by", ())])
        yield (
            f"Hazard: {hazard['title']}. Likelihood {hazard.get('likelihood', 'not said')}, impact "
            f"{hazard.get('impact', 'not said')}" + (f"; held down by {mitigated}." if mitigated else ".")
        )


def _dataset(name: str, body: Body) -> Iterator[str]:
    personal = body.pop("personal", None)
    if personal:
        yield f"The columns {_plain(personal)} identify a person."
    if "protected" in body:
        yield f"Fairness is measured over {_plain(body.pop('protected'))}."
    for step in body.pop("prepare", ()):
        how = {key: value for key, value in step.items() if key != "do"}
        yield f"It is prepared: {step['do']}" + (f" ({_plain(how)})." if how else ".")
    if "split" in body:
        split = dict(body.pop("split"))
        parts = listed(
            [f"{exact_number(round(part * 100, 9))}% for {use}" for use, part in split.pop("parts", {}).items()]
        )
        more = f" ({_plain(split)})" if split else ""
        yield f"Its rows are split: {parts}{more}."
    yield from _requires(body, "Nothing is trained or measured on it unless")


def _measuring(name: str, body: Body) -> Iterator[str]:
    of, on = body.pop("of", None), body.pop("on", None)
    every = body.pop("every", None)
    if of:
        often = f", every {_time(every)}" if every else ""
        yield f"`{of}` is measured" + (f" on `{on}`" if on else "") + f"{often}."
    yield from _requires(body, "It is met only if")
    reports = [_plain(item.get("metric", item)) for item in body.pop("report", ())]
    if reports:
        yield f"Measured besides, and bound by nothing: {listed(reports)}."


def _requires(body: Body, lead: str) -> Iterator[str]:
    for bound in body.pop("require", ()):
        yield f"{lead} {_bound(bound)}."


def _bound(bound: Mapping[str, Any]) -> str:
    """`roc_auc is at least 0.75, and so is the lower end of its 95% interval`."""
    left = dict(bound)
    metric = left.pop("metric")
    words = [f"`{metric}`"]
    for key, word in (("each", "of each"), ("over", "over"), ("on", "on")):
        if left.get(key):
            words.append(f"{word} `{left.pop(key)}`")
    attack = left.pop("attack", None)
    if attack:
        words.append(f"under the attack {_plain(attack)}")
    comparison, value = left.pop("comparison", None), left.pop("bound", None)
    if comparison is not None:
        words.append(f"is {_HOW.get(comparison, comparison)} {_amount(metric, value)}")
    if "confidence" in left:
        end = "lower" if comparison in {">=", ">"} else "upper"
        words.append(f"at the {end} end of its {exact_number(round(left.pop('confidence') * 100, 9))}% interval")
    if "checks" in left:
        words.append(f"in {plural(left.pop('checks'), 'check')} in a row")
    if "graded" in left:
        words.append(_GRADED[left.pop("graded")])
    enforced = _ENFORCED.get(str(left.pop("enforce", "mandatory")), "")
    if "otherwise" in left:
        to = f" {left.pop('to')}" if "to" in left else ""
        words.append(f"(if not: {left.pop('otherwise')}{to})")
    return " ".join(words) + enforced + (f", {_plain(left)}" if left else "")


def _amount(metric: str, value: Any) -> str:
    known = METRICS.get(metric.rpartition(".")[2])
    unit = known.unit if known else ("seconds" if metric == "age" else None)
    if unit == "seconds" and isinstance(value, int | float):
        return _time(value)
    return _plain(value)


def _model(name: str, body: Body) -> Iterator[str]:
    limits = dict(body.pop("limits", {}))
    if limits:
        parts = []
        if "time" in limits:
            parts.append(_time(limits.pop("time")))
        if "memory" in limits:
            parts.append(f"{exact_number(limits.pop('memory'))} bytes of memory")
        parts += [f"{key} {_plain(value)}" for key, value in limits.items()]
        yield f"Its training may take {listed(parts)}; beyond that it is stopped."
    for key, words in (("train on", "It learns from"), ("validate on", "It is tuned on")):
        if key in body:
            yield f"{words} `{body.pop(key)}`."


def _policy(name: str, body: Body) -> Iterator[str]:
    before, enforce = listed(list(body.pop("before", ()))), body.pop("enforce", "mandatory")
    rego = body.pop("rego", None)
    how = f"{enforce}{_ENFORCED.get(enforce, '')}"
    yield f"The team's own rule `{rego}` decides before {before or 'its stage'}, and is {how}."
    serves = [f"{item.get('pack', '')} {item.get('clause', '')}".strip() for item in body.pop("satisfies", ())]
    if serves:
        yield f"It serves {listed(serves)}."


def _approval(name: str, body: Body) -> Iterator[str]:
    by = dict(body.pop("by", {}))
    excluding = listed([f"the {word}" for word in body.pop("excluding", ())])
    after = listed([f"`{item}`" for item in body.pop("after", ())])
    of = body.pop("of", None)
    quorum, role = int(by.pop("quorum", 1)), by.pop("role", "?")
    yield (
        f"{quorum} of the role `{role}` must sign for `{of}`" + (f", after {after}" if after else "")
        + (f"; {excluding} may not" if excluding else "") + "."
    )  # fmt: skip
    valid = body.pop("valid", None)
    yield (
        f"A signature counts for {_time(valid)}, for exactly what was measured, and not after a change."
        if valid
        else "A signature counts for exactly what was measured, and not after a change; it has no end."
    )
    yield "One rejection outweighs every approval."
    yield from _rest(by)


def _deployment(name: str, body: Body) -> Iterator[str]:
    of, after = body.pop("of", None), listed([f"`{item}`" for item in body.pop("after", ())])
    yield f"`{of}` goes live here" + (f" only after {after}." if after else ".")


def _retirement(name: str, body: Body) -> Iterator[str]:
    of = body.pop("of", name)
    for bound in body.pop("when", ()):
        yield f"`{of}` is taken out of service when {_bound(bound)}."
    archive = dict(body.pop("archive", {}))
    if archive:
        kept = listed([str(item) for item in archive.pop("what", ())])
        yield f"Kept for {_time(archive.pop('for', 0))} after that: {kept}."
        yield from _rest(archive)
    for item in body.pop("erase", ()):
        yield f"`{item['dataset']}` is erased {_time(item['after'])} after that."


def _waiver(name: str, body: Body) -> Iterator[str]:
    granted = dict(body.pop("granted by", {}))
    yield (
        f"It is asked that a breach of `{body.pop('of', '?')}` be lived with until {body.pop('until', '?')}: "
        f"{body.pop('reason', 'no reason is given')}"
    )
    yield f"In its place: {body.pop('compensating', 'nothing')}."
    quorum, role = int(granted.pop("quorum", 1)), granted.pop("role", "?")
    yield f"It counts for nothing until {quorum} of `{role}` have signed it."
    yield from _rest(granted)


_TELLERS: Mapping[str, Callable[[str, Body], Iterator[str]]] = {
    "parameter": _parameter,
    "role": _role,
    "objective": _objective,
    "dataset": _dataset,
    "model": _model,
    "evaluation": _measuring,
    "monitor": _measuring,
    "policy": _policy,
    "approval": _approval,
    "deployment": _deployment,
    "retirement": _retirement,
    "waiver": _waiver,
}
