"""What a charter demands, as a list of standards that can be compared: made from declarations in normal form.

The one place that says which clause is a control, from which side it can be weakened, and what it is called. The
baseline, `charter diff`, overrides and what approvers are told all compare these.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field

from charter.compiler import order
from charter.compiler.controls import Identified, control_ids
from charter.compiler.intervals import Interval, accepted
from charter.compiler.metrics import METRICS
from charter.compiler.order import Comparer
from charter.compiler.sentences import shown
from charter.compiler.units import Quantity, plain, show

ENFORCEMENT = order.ranked("advisory", "mandatory", "absolute")
GRADE = order.ranked("declared", "measured", "attested", "reproduced")
RISK = order.ranked("minimal", "limited", "high", "prohibited")
_CLASSES = ("public", "internal", "personal", "special-category")
CLASS = order.ranked(*_CLASSES)
CLEARED = order.at_most_ranked(*_CLASSES)
USE = order.ranked("non-commercial", "commercial")
LEVEL = order.ranked("low", "medium", "high")
REACTION = order.ranked("alert", "retrain", "rollback", "retire")


class Facet(Struct, frozen=True):
    """One side of a standard.

    Attributes:
        value: in the form that `compare` takes.
        text: the value for people.
        control: whether a gate, a person or a duty hangs on it; otherwise it only describes the system.
    """

    value: Any
    compare: Comparer
    text: str
    control: bool = True


class Standard(Struct, frozen=True):
    """One thing that a charter demands or says.

    Attributes:
        subject: `<kind>/<name>` of its declaration.
        scope: what it is about inside the subject; standards of one scope are compared.
        id: what people call it: a control's id, or the declaration's name.
        text: it as a sentence.
        clause: (keyword, number among the clauses of that keyword) where it stands; None for the header.
        gate: whether leaving it out asks for less.
    """

    subject: str
    scope: tuple[str, ...]
    id: str
    text: str
    facets: Mapping[str, Facet]
    clause: tuple[str, int] | None = None
    gate: bool = True


class Stated(Struct, frozen=True):
    """One declaration in normal form."""

    kind: str
    name: str
    body: Mapping[str, Any]


class Statement(Struct):
    """All declarations of one charter, with the digests of the files that controls name.

    `waits` holds what each approval and deployment waits for, directly or through others.
    """

    declarations: tuple[Stated, ...]
    digests: Mapping[str, str] = field(default_factory=dict)
    waits: dict[str, frozenset[str]] = field(default_factory=dict)


def standards(declarations: Iterable[Stated], digests: Mapping[str, str]) -> tuple[Standard, ...]:
    """Every standard, in the order of the declarations.

    Args:
        digests: of the Rego and schema files by path as written; a file without one counts by its path.
    """
    statement = Statement(tuple(declarations), digests)
    statement.waits = _waits(statement)
    found: list[Standard] = []
    for stated in statement.declarations:
        reader = _READERS.get(stated.kind)
        found += reader(stated, statement) if reader else _described(stated, (), {}, gate=False)
    return (*found, *_ways_to_live(statement))


def _text(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str() | int():
            return str(value)
        case float():
            return plain(Decimal(repr(value)))
        case list() | tuple():
            return ", ".join(_text(item) for item in value)
        case Mapping():
            return ", ".join(f"{key} {_text(item)}" for key, item in sorted(value.items()))
    return str(value)


def _names(value: Any) -> frozenset[str]:
    items = value if isinstance(value, list | tuple) else [value] if value is not None else []
    return frozenset(str(item) for item in items)


def _set(value: Any, *, control: bool = True) -> Facet:
    names = _names(value)
    return Facet(names, order.superset, ", ".join(sorted(names)) or "nobody and nothing", control)


def _number(value: Any) -> Decimal | None:
    return Decimal(repr(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _lasting(value: Any, compare: Comparer) -> Facet:
    seconds = _number(value)
    return Facet(seconds, compare, show(Quantity(seconds, "seconds")) if seconds is not None else "for ever")


def _same(value: Any, *, control: bool = True) -> Facet:
    return Facet(value, order.same, _text(value), control)


def _rank(value: Any, compare: Comparer, *, control: bool = True) -> Facet:
    return Facet(value, compare, _text(value), control)


def _described(
    stated: Stated, taken: tuple[str, ...], facets: Mapping[str, Facet], *, gate: bool, text: str = ""
) -> Iterator[Standard]:
    """The declaration as a whole: its controlled sides, and every other clause as a description."""
    others = {
        keyword: _same(value, control=False)
        for keyword, value in stated.body.items()
        if keyword not in taken and keyword not in facets
    }
    subject = f"{stated.kind}/{stated.name}"
    yield Standard(subject, (), stated.name, text or f"{stated.kind} {stated.name}", {**others, **facets}, gate=gate)


def _requirements(stated: Stated, keyword: str) -> Iterator[Standard]:
    bodies = [body for body in stated.body.get(keyword, ()) if isinstance(body, Mapping)]
    ids = control_ids(
        stated.name,
        [_identified(body) for body in bodies],
    )
    for number, (id_, body) in enumerate(zip(ids, bodies, strict=True)):
        standard = bound_standard(body, keyword)
        yield msgspec.structs.replace(
            standard, subject=f"{stated.kind}/{stated.name}", id=id_, clause=(keyword, number)
        )


def _identified(body: Mapping[str, Any]) -> Identified:
    return Identified(
        str(body.get("metric")),
        body.get("each"),
        body.get("over"),
        _inner(body.get("attack"), "name"),
        body.get("on"),
        body.get("not worse than"),
        body.get("comparison"),
    )


def bound_standard(body: Mapping[str, Any], keyword: str) -> Standard:
    """One control in normal form, of a `require` or a `when`, whatever declaration it stands in."""
    scope = (keyword, *(_text(body.get(part, "")) for part in _SCOPE))
    sides = _retiring(body) if keyword in ("when", "rollback") else _asked(body)
    return Standard("", scope, str(body.get("metric")), control_text(body), sides)


_SCOPE = ("metric", "each", "over", "on", "attack", "not worse than")
"""What a bound is on."""


def control_text(body: Mapping[str, Any]) -> str:
    """A control in normal form as a sentence: `roc_auc >= 0.75 with confidence 0.95`."""
    metric, bound = str(body.get("metric")), _number(body.get("bound"))
    words = [metric]
    words += (f"{word} {_selected(body[key])}" for word, key in _SELECTORS if key in body)
    if bound is not None:
        known = METRICS.get(metric.rpartition(".")[2])
        unit = "seconds" if metric.rpartition(".")[2] == "age" else known.unit if known else "number"
        words.append(f"{body.get('comparison')} {shown(metric, Quantity(bound, unit))}")
    if "margin" in body:
        words.append(f"by more than {_text(body['margin'])}")
    confidence = _number(body.get("confidence"))
    if confidence is not None:
        words.append(f"with confidence {plain(confidence * 100)}%")
    if "checks" in body:
        words.append(f"for {body['checks']} checks")
    if "seconds" in body:
        words.append(f"for {_duration(body).text}")
    if "graded" in body:
        words.append(f"graded {body['graded']}")
    if "otherwise" in body:
        words.append(f"otherwise {body['otherwise']}" + (f" {body['to']}" if "to" in body else ""))
    if body.get("enforce", "mandatory") != "mandatory":
        words.append(f"enforce {body['enforce']}")
    return " ".join(words)


def _selected(value: Any) -> str:
    """A name, or of an attack `fgsm(eps: 0.05)`."""
    if not isinstance(value, Mapping):
        return _text(value)
    given = value.get("arguments")
    arguments = ", ".join(f"{key}: {_text(item)}" for key, item in dict(given or {}).items())
    return f"{_text(value.get('name'))}({arguments})"


_SELECTORS = (
    ("of each", "each"),
    ("over", "over"),
    ("under attack", "attack"),
    ("on", "on"),
    ("not worse than", "not worse than"),
)


def _values(body: Mapping[str, Any]) -> Interval | None:
    bound, comparison = _number(body.get("bound")), body.get("comparison")
    return accepted(comparison, bound) if bound is not None and comparison in (">=", ">", "<=", "<", "==") else None


def _bound_text(body: Mapping[str, Any]) -> str:
    return control_text({key: body[key] for key in ("metric", "comparison", "bound") if key in body})


def _confidence(body: Mapping[str, Any]) -> Facet:
    level = _number(body.get("confidence"))
    return Facet(level, order.at_least, f"{plain(level * 100)}%" if level is not None else "nothing")


def _asked(body: Mapping[str, Any]) -> dict[str, Facet]:
    """The sides of a `require`."""
    return {
        "bound": Facet(_values(body), order.accepts, _bound_text(body)),
        "margin": Facet(_number(body.get("margin")), order.at_most, _text(body.get("margin"))),
        "confidence": _confidence(body),
        "grade": _rank(body.get("graded", "measured"), GRADE),
        "enforcement": _rank(body.get("enforce", "mandatory"), ENFORCEMENT),
        "reaction": _rank(body.get("otherwise"), REACTION),
        "alerted": _same(body.get("to")),
        "checks": Facet(_number(body.get("checks")), order.at_most, _text(body.get("checks"))),
        "duration": _duration(body),
    }  # fmt: skip


def _retiring(body: Mapping[str, Any]) -> dict[str, Facet]:
    """The sides of a retirement's `when`: what retires sooner is stricter."""
    return {
        "bound": Facet(_values(body), order.retires, _bound_text(body)),
        "checks": Facet(_number(body.get("checks", 1)), order.at_most, _text(body.get("checks", 1))),
        "duration": _duration(body),
    }  # fmt: skip


def _duration(body: Mapping[str, Any]) -> Facet:
    """What `for` asks to last; what need not last is acted on sooner."""
    seconds = _number(body.get("seconds")) or Decimal(0)
    return Facet(seconds, order.at_most, show(Quantity(seconds, "seconds")) if seconds else "no time")


def _lifecycle(stated: Stated, _: Statement) -> Iterator[Standard]:
    packs = [pack for clause in stated.body.get("use policies", ()) for pack in _names(_inner(clause, "packs"))]
    theirs = [_inner(clause, "from") for clause in stated.body.get("use policies", ()) if isinstance(clause, Mapping)]
    facets = {
        "risk": _rank(stated.body.get("risk"), RISK),
        "use policies": _set(packs),
        "policies from": _set([path for path in theirs if path is not None]),
    }
    yield from _described(stated, (), facets, gate=False, text="the lifecycle")


def _inner(clause: Any, argument: str) -> Any:
    return clause.get(argument) if isinstance(clause, Mapping) else clause


def _role(stated: Stated, _: Statement) -> Iterator[Standard]:
    members = _number(stated.body.get("members at least", 1))
    facets = {"members at least": Facet(members, order.at_least, _text(stated.body.get("members at least", 1)))}
    yield from _described(stated, (), facets, gate=False)


def _objective(stated: Stated, _: Statement) -> Iterator[Standard]:
    yield from _described(stated, ("hazard",), {}, gate=False)
    for number, hazard in enumerate(stated.body.get("hazard", ())):
        title = str(_inner(hazard, "title"))
        yield Standard(
            f"objective/{stated.name}",
            ("hazard", title),
            stated.name,
            f'hazard "{title}"',
            {
                "likelihood": _rank(_inner(hazard, "likelihood"), LEVEL),
                "impact": _rank(_inner(hazard, "impact"), LEVEL),
                "mitigated by": _set(_inner(hazard, "mitigated by")),
            },
            ("hazard", number),
        )


def _file(path: Any, statement: Statement) -> Facet:
    digest = statement.digests.get(str(path))
    return Facet(digest or path, order.same, f"{path}" + (f" ({digest[:19]}…)" if digest else ""))


def _dataset(stated: Stated, statement: Statement) -> Iterator[Standard]:
    body = stated.body
    facets = {
        "class": _rank(body.get("class"), CLASS),
        "personal": _set(body.get("personal")),
        "protected": _set(body.get("protected")),
        "schema": _file(body["schema"], statement) if "schema" in body else _same(None),
        "attested as": Facet(body.get("attested as"), order.exemption, _text(body.get("attested as"))),
    }
    yield from _described(stated, ("require",), facets, gate=False)
    yield from _requirements(stated, "require")


def _model(stated: Stated, _: Statement) -> Iterator[Standard]:
    facets = {
        f"{keyword} {key}": Facet(_number(value), order.at_most, _text(value), control=False)
        if keyword == "limits" and _number(value) is not None
        else _same(value, control=False)
        for keyword in ("limits", "parameters")
        for key, value in dict(stated.body.get(keyword) or {}).items()
    }
    facets["cleared for"] = _cleared(stated)
    yield from _described(stated, ("limits", "parameters"), facets, gate=False)


def _cleared(stated: Stated) -> Facet:
    """What reaches a model or a deployment that says nothing is personal data, on a lawful basis."""
    return _rank(stated.body.get("cleared for", "personal"), CLEARED)


def _evaluation(stated: Stated, _: Statement) -> Iterator[Standard]:
    facets = {"of": _same(stated.body.get("of")), "on": _same(stated.body.get("on"))}
    yield from _described(stated, ("require",), facets, gate=False)
    yield from _requirements(stated, "require")


def _policy(stated: Stated, statement: Statement) -> Iterator[Standard]:
    body = stated.body
    served = [f"{_inner(clause, 'pack')} {_inner(clause, 'clause')}" for clause in body.get("satisfies", ())]
    facets = {
        "rego": _file(body.get("rego"), statement),
        "before": _set(body.get("before")),
        "enforcement": _rank(body.get("enforce", "mandatory"), ENFORCEMENT),
        "satisfies": _set(served),
    }
    text = f"{body.get('rego')} before {_text(body.get('before'))}, {body.get('enforce', 'mandatory')}"
    yield from _described(stated, ("enforce",), facets, gate=True, text=text)


def _waited_for(stated: Stated, statement: Statement) -> Facet:
    return _set(sorted(statement.waits.get(stated.name, frozenset())))


def _approval(stated: Stated, statement: Statement) -> Iterator[Standard]:
    by = stated.body.get("by")
    role, quorum = _inner(by, "role"), by.get("quorum", 1) if isinstance(by, Mapping) else 1
    facets = {
        "of": _same(stated.body.get("of")),
        "role": _same(role),
        "quorum": Facet(_number(quorum), order.at_least, _text(quorum)),
        "excluding": _set(stated.body.get("excluding")),
        "valid": _lasting(stated.body.get("valid"), order.at_most),
        "after": _waited_for(stated, statement),
    }
    excluded = sorted(_names(stated.body.get("excluding")))
    text = f"{_text(quorum)} of {_text(role)}" + (f", none of them {', '.join(excluded)}" if excluded else "")
    yield from _described(stated, ("by",), facets, gate=True, text=text)


def _deployment(stated: Stated, statement: Statement) -> Iterator[Standard]:
    facets = {
        "of": _same(stated.body.get("of")),
        "after": _waited_for(stated, statement),
        "cleared for": _cleared(stated),
        "use": _rank(stated.body.get("use", "commercial"), USE),
        "rollout": _same(stated.body.get("rollout")),
        "fallback": _same(stated.body.get("fallback")),
    }
    yield from _described(stated, ("rollback",), facets, gate=False)
    rollback = stated.body.get("rollback")
    if isinstance(rollback, Mapping):
        standard = bound_standard(rollback, "rollback")
        subject, id_ = f"deployment/{stated.name}", f"{stated.name}.rollback"
        text = f"roll back when {standard.text}"
        yield msgspec.structs.replace(standard, subject=subject, id=id_, text=text, clause=("rollback", 0))


def _monitor(stated: Stated, _: Statement) -> Iterator[Standard]:
    facets = {
        "of": _same(stated.body.get("of")),
        "on": _same(stated.body.get("on")),
        "every": _lasting(stated.body.get("every"), order.at_most),
        "learn": _same(stated.body.get("learn")),
    }
    yield from _described(stated, ("require",), facets, gate=False)
    yield from _requirements(stated, "require")


def _retirement(stated: Stated, _: Statement) -> Iterator[Standard]:
    yield from _described(stated, ("when", "archive", "erase"), {}, gate=False)
    yield from _requirements(stated, "when")
    subject = f"retirement/{stated.name}"
    archive = stated.body.get("archive")
    if isinstance(archive, Mapping):
        kept = {"archive": _set(archive.get("what")), "retention": _lasting(archive.get("for"), order.at_least)}
        text = f"archive {_text(archive.get('what'))} for {kept['retention'].text}"
        yield Standard(subject, ("archive",), f"{stated.name}.archive", text, kept, ("archive", 0))
    for number, erase in enumerate(stated.body.get("erase", ())):
        dataset = str(_inner(erase, "dataset"))
        after = _lasting(erase.get("after", 0) if isinstance(erase, Mapping) else 0, order.at_most)
        text = f"erase {dataset} after {after.text}"
        scope = ("erase", dataset)
        yield Standard(subject, scope, f"{stated.name}.erase.{dataset}", text, {"erasure": after}, ("erase", number))


def _waiver(_: Stated, __: Statement) -> Iterator[Standard]:
    """A waiver demands nothing: it asks for less, and is told on its own."""
    return iter(())


_READERS: Mapping[str, Callable[[Stated, Statement], Iterator[Standard]]] = {
    "lifecycle": _lifecycle,
    "role": _role,
    "objective": _objective,
    "dataset": _dataset,
    "model": _model,
    "evaluation": _evaluation,
    "policy": _policy,
    "approval": _approval,
    "deployment": _deployment,
    "monitor": _monitor,
    "retirement": _retirement,
    "waiver": _waiver,
    "parameter": _waiver,
}
"""A parameter, too, demands nothing by itself: it shows in the bounds that name it."""


def _waits(statement: Statement) -> dict[str, frozenset[str]]:
    """Of every name with an `after`, the names that must be green before it; safe where some wait in a circle."""
    direct = {s.name: _names(s.body.get("after")) for s in statement.declarations if "after" in s.body}
    found: dict[str, frozenset[str]] = {}
    for name, first in direct.items():
        seen: set[str] = set()
        ahead = list(first)
        while ahead:
            item = ahead.pop()
            if item not in seen:
                seen.add(item)
                ahead += direct.get(item, ())
        found[name] = frozenset(seen - {name})
    return found


def _ways_to_live(statement: Statement) -> Iterator[Standard]:
    """For each model, what every one of its deployments waits for: a new way to go live must not avoid any of it."""
    gates: dict[str, list[frozenset[str]]] = defaultdict(list)
    deployments = {s.name for s in statement.declarations if s.kind == "deployment"}
    for stated in statement.declarations:
        if stated.kind == "deployment":
            waited = statement.waits.get(stated.name, frozenset())
            gates[str(stated.body.get("of"))].append(waited - deployments)
    for name, all_of in sorted(gates.items()):
        every = frozenset.intersection(*all_of)
        text = f"every deployment of {name} waits for {', '.join(sorted(every)) or 'nothing'}"
        yield Standard(f"model/{name}", ("live",), name, text, {"coverage": _set(sorted(every))}, gate=False)
