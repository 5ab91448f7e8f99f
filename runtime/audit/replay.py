"""Re-performs recorded decisions: the recorded bundle and input, asked again; a changed decision is a finding."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from charter.compiler.ir import Bundle
from charter.runtime.audit.past import Compiled, Past, PastDecision, input_facts
from charter.runtime.audit.redecide import Answer, differences, recorded_answer, redecide
from charter.runtime.events import GateDecided
from charter.runtime.failure import ExitCode
from charter.runtime.gates.engine import EngineFailure, PolicyEngine

Progress = Callable[[int, int], None]
"""Called with the number of decisions done and their total."""


class Outcome(StrEnum):
    """What came of re-deciding one record."""

    SAME = "same"
    CHANGED = "changed"
    UNDECIDED = "not re-decided"
    NO_POLICY = "no policy was asked"
    """Denied by the gate itself (no engine answered, or a recall): a denial that needs no policy to compare."""


@dataclass(frozen=True, slots=True)
class Redecided:
    """One decision, asked again. `what` says in words how it changed, or why it was not re-decided."""

    seq: int
    time: str
    gate: str
    outcome: Outcome
    then: str
    now: str
    what: tuple[str, ...] = ()


@dataclass
class Replay:
    """What a replay found so far; `total` is how many there were to re-decide.

    Attributes:
        missing: numbers of records, decisions or not, whose body is gone without any record of it.
    """

    engine: str
    total: int
    missing: tuple[int, ...] = ()
    interrupted: bool = False
    done: list[Redecided] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        """How many had this outcome."""
        return sum(item.outcome is outcome for item in self.done)

    @property
    def exit_code(self) -> int:
        """130 interrupted, 1 a decision changed, 6 something was not re-decided or nothing at all, 0 otherwise."""
        if self.count(Outcome.CHANGED):
            return int(ExitCode.DENIED)
        if self.interrupted:
            return 130
        if self.missing or self.count(Outcome.UNDECIDED) or not self.count(Outcome.SAME):
            return int(ExitCode.INCOMPLETE)
        return int(ExitCode.OK)


def replay(past: Past, engine: PolicyEngine, wanted: Iterable[PastDecision], progress: Progress) -> Replay:
    """Re-decide, one bundle after the other; Ctrl-C ends it, and what was found until then is returned."""
    found = Replay(engine.name, 0, tuple(e.seq for e in past.events if past.erasures.word(e) == "missing"))
    groups, undecided = grouped(past, wanted)
    found.done += undecided
    found.total = len(undecided) + sum(len(group) for _, group in groups)
    try:
        for compiled, group in groups:
            refused = load(engine, compiled.bundle)
            for item in group:
                assert item.body is not None
                found.done.append(
                    _undecided(item, refused) if refused else _again(past, engine, compiled, item, item.body)
                )
                progress(len(found.done), found.total)
    except KeyboardInterrupt:
        found.interrupted = True
    found.engine = f"{engine.name} {engine.version}"
    found.done.sort(key=lambda item: item.seq)
    return found


def grouped(
    past: Past, wanted: Iterable[PastDecision]
) -> tuple[list[tuple[Compiled, list[PastDecision]]], list[Redecided]]:
    """Decisions by what they were decided with, and those that cannot be re-decided."""
    groups: dict[str, tuple[Compiled, list[PastDecision]]] = {}
    undecided = []
    for item in wanted:
        if item.body is None:
            undecided.append(_undecided(item, _gone("body", erased=item.seq in past.erasures.records)))
            continue
        if _no_policy(item.body):
            codes = ", ".join(sorted({str(one.get("code")) for one in item.body.violations}))
            undecided.append(_plain(item, Outcome.NO_POLICY, (codes,)))
            continue
        compiled = past.compiled(item.body)
        if isinstance(compiled, str):
            undecided.append(_undecided(item, compiled))
        else:
            groups.setdefault(compiled.ir, (compiled, []))[1].append(item)
    return list(groups.values()), undecided


def load(engine: PolicyEngine, bundle: Bundle) -> str:
    """Load a bundle; empty, or why the engine refuses it."""
    try:
        engine.load(bundle)
    except EngineFailure as failure:
        return f"the engine does not load its policies: {failure.message}"
    return ""


def _no_policy(body: GateDecided) -> bool:
    """Denied by the gate itself, with nothing evaluated (`gates/decide.py`): an engine failed, or a recall."""
    return (
        not body.allow
        and not body.evaluated
        and all((item.get("policy"), item.get("control")) == ("charter", "gate") for item in body.violations)
    )


def _again(past: Past, engine: PolicyEngine, compiled: Compiled, item: PastDecision, body: GateDecided) -> Redecided:
    data = past.input(body)
    if data is None:
        return _undecided(item, _gone("input", erased=body.input.removeprefix("sha256:") in past.erasures.attachments))
    now = redecide(engine, compiled.bundle, data)
    then = recorded_answer(body)
    if now.failed:
        return Redecided(
            item.seq, item.time, body.gate, Outcome.CHANGED, then.word, "no answer", (f"no answer: {now.failed}",)
        )
    what = (*_misfits(body, compiled, input_facts(data)), *_unheard(body, compiled, now), *differences(then, now))
    outcome = Outcome.CHANGED if what else Outcome.SAME
    return Redecided(item.seq, item.time, body.gate, outcome, then.word, now.word, what)


def _gone(what: str, *, erased: bool) -> str:
    return f"its {what} was erased" if erased else f"its {what} is missing, and no record says why"


def _misfits(body: GateDecided, compiled: Compiled, asked: dict[str, Any]) -> Iterator[str]:
    """Where the record and the input that it names are not about the same thing."""
    transition = asked.get("transition")
    about = transition if isinstance(transition, dict) else {}
    lifecycle = asked.get("lifecycle")
    meaning = lifecycle.get("meaning") if isinstance(lifecycle, dict) else None
    for name, recorded, seen in (
        ("gate", body.gate, about.get("gate")),
        ("stage", body.stage, about.get("stage")),
        ("point", body.point, about.get("point")),
        ("result", body.key, about.get("key")),
        ("time", body.time, asked.get("time")),
        ("actor", body.actor, asked.get("actor")),
        ("meaning of the charter", compiled.meaning, meaning),
        ("revision of the policies", body.revision, compiled.bundle.revision),
    ):
        if recorded != seen:
            yield f"the record and its input differ in the {name}: `{recorded}`, `{seen}`"


def _unheard(body: GateDecided, compiled: Compiled, now: Answer) -> list[str]:
    """Controls that the charter puts at the gate and an allow does not account for."""
    wanted = compiled.controls.get(body.gate)
    if wanted is None:
        return [f"the charter has no gate `{body.gate}`"]
    missing = [control for control in wanted if control not in now.evaluated] if body.allow else []
    return [f"allowed without `{control}` being evaluated" for control in missing]


def _undecided(item: PastDecision, why: str) -> Redecided:
    return _plain(item, Outcome.UNDECIDED, (why,))


def _plain(item: PastDecision, outcome: Outcome, what: tuple[str, ...]) -> Redecided:
    body = item.body
    then = recorded_answer(body).word if body else "?"
    return Redecided(item.seq, item.time, body.gate if body else "?", outcome, then, "", what)
