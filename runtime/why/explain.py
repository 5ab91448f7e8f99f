"""Why a gate is closed: its last decision, asked again with what has been signed since, and what would open it."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from charter.compiler.ir import IR, Approval, Gate, Requirement
from charter.runtime.assess import Status
from charter.runtime.erased import lost
from charter.runtime.failure import Failure
from charter.runtime.gates.contract import ApprovalFact, EvidenceFact, GateInput, decode_input, encode_input
from charter.runtime.gates.decide import Decision, decide
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.facts import evidence_fact
from charter.runtime.inbox import able_to_approve, able_to_waive
from charter.runtime.ledger import Ledger
from charter.runtime.people import glass_facts, waiver_fact
from charter.runtime.report.source import Source
from charter.runtime.state import Decided
from charter.runtime.trust.approvals import VerifiedApproval
from charter.runtime.trust.attestations import grade_of
from charter.runtime.vouching import able_to_raise
from charter.runtime.why.moves import Around
from charter.runtime.why.search import Found, smallest


@dataclass(frozen=True, slots=True)
class Why:
    """Why a gate stands as it does.

    Attributes:
        gate: its id.
        word: `open`, `denied`, `waiting`, `not decided`, `blocked`, or `not known` where records are gone.
        said: one sentence.
        seq: the decision's record; None when there is none.
        violations: what the engine says now.
        found: what would open it; None when nothing was searched.
    """

    gate: str
    word: str
    said: str
    seq: int | None = None
    violations: tuple[Mapping[str, Any], ...] = ()
    found: Found | None = None


def resolve(ir: IR, target: str) -> tuple[Gate, ...]:
    """The gates that a gate's id, a stage's id or a stage's name stands for.

    Raises:
        Failure: nothing of that name, or more than one thing.
    """
    gates = {gate.id: gate for stage in ir.stages for gate in (stage.entry, stage.exit)}
    if target in gates:
        return (gates[target],)
    named = [stage for stage in ir.stages if target in {stage.id, stage.name}]
    if len(named) == 1:
        return (named[0].entry, named[0].exit)
    if named:
        raise Failure("which one?", f"`{target}` is {', '.join(f'`{stage.id}`' for stage in named)}. Name one of them.")
    known = [*gates, *(stage.id for stage in ir.stages), *(stage.name for stage in ir.stages)]
    near = difflib.get_close_matches(target, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"It has {', '.join(f'`{stage.id}`' for stage in ir.stages)}."
    raise Failure("no such stage or gate", f"the lifecycle `{ir.lifecycle.name}` has no `{target}`. {hint}")


def why(source: Source, gate: Gate, engine: PolicyEngine) -> Why:
    """Why one gate stands as it does; the engine must have the bundle of the source's IR loaded."""
    told = _why(source, gate, engine)
    gone = [gap for gap in source.state.gaps.values() if (gap.kind, gap.subject) == ("gate.decided", gate.stage)]
    if told.word == "not decided" and told.seq is None and gone:
        return Why(gate.id, "not known", f"it may have been decided: {lost(gone[-1])}")
    if source.state.gaps and not told.violations and told.word in {"open", "waiting"}:
        return replace(told, word="not known", said=f"{told.said}; but records are gone that may have said otherwise")
    return told


def _why(source: Source, gate: Gate, engine: PolicyEngine) -> Why:
    standing = source.standing[gate.stage]
    if standing.status is Status.BLOCKED:
        closed = [name for name in _before(source, gate) if source.standing[name].status is not Status.DONE]
        first = closed[0] if closed else gate.stage
        return Why(gate.id, "blocked", f"nothing is asked here before `{first}` is through: {standing.why}")
    decided: Decided | None = getattr(source.state.stage(gate.stage), gate.point)
    if decided is None:
        return Why(gate.id, "not decided", f"it has not been asked yet: {standing.why}")
    if decided.body.bundle != source.ir.bundle.digest:
        said = "it last decided under other policies than those of the latest run; `charter run` asks it again"
        return Why(gate.id, "not decided", said, decided.seq)
    if standing.key is not None and decided.body.key != standing.key:
        return Why(gate.id, "not decided", "it last decided about other work; `charter run` asks it again", decided.seq)
    if decided.body.allow and standing.status is not Status.DECIDE:
        return Why(gate.id, "open", f"it allowed on {decided.time[:19]}Z", decided.seq)
    data = _input(source, decided)
    if not data:
        said = "it was denied before any policy was asked: " + _first(decided)
        return Why(gate.id, "denied", said, decided.seq, decided.body.violations)
    return _searched(source, gate, decided, decode_input(data), engine)


def _searched(source: Source, gate: Gate, decided: Decided, then: GateInput, engine: PolicyEngine) -> Why:
    around = _around(source)

    def ask(at: GateInput) -> Decision:
        return decide(engine, source.ir.bundle, encode_input(at))

    now = _with_signatures(source, gate, then)
    decision = ask(now)
    if decision.failure is not None:
        return Why(gate.id, "denied", "no engine could decide it", decided.seq, decision.violations)
    if decision.allow and decided.body.allow:
        return Why(gate.id, "open", f"it allowed on {decided.time[:19]}Z, and would allow now", decided.seq)
    if decision.allow:
        said = "what has been signed since is enough: `charter run` asks it again, and it will allow"
        return Why(gate.id, "waiting", said, decided.seq, (), None)
    found = smallest(ask, now, around)
    word = "waiting" if decision.waiting else "denied"
    beside = "".join(f"; {item['message']}" for item in decision.warnings if item.get("code") == "glass_elsewhere")
    said = f"asked last on {decided.time[:19]}Z{beside}"
    return Why(gate.id, word, said, decided.seq, decision.violations, found)


def _first(decided: Decided) -> str:
    return next((str(item.get("message")) for item in decided.body.violations), "no reason was recorded")


def _before(source: Source, gate: Gate) -> list[str]:
    """Stages on the way, those that nothing waits for first."""
    by_id = {stage.id: stage for stage in source.ir.stages}
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        for needed in by_id[name].entry.waits_for:
            if needed not in found:
                visit(needed)
                found[needed] = None

    visit(gate.stage)
    return list(found)


def _input(source: Source, decided: Decided) -> bytes:
    with Ledger.open_read_only(source.project.ledger_path) as ledger:
        return ledger.attachment(decided.body.input) or b""


def _with_signatures(source: Source, gate: Gate, then: GateInput) -> GateInput:
    """The recorded input at the present time, with the signatures that count now."""
    now = max(source.now, datetime.fromisoformat(then.time))
    at = msgspec.structs.replace(then, time=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    approval = next((c for c in source.ir.controls if isinstance(c, Approval) and c.gate == gate.id), None)
    if approval is not None:
        verdict = source.verdict(approval)
        facts = (
            *(_approval_fact("approve", item) for item in verdict.approvals),
            *(_approval_fact("reject", item) for item in verdict.rejections),
        )
        at = msgspec.structs.replace(at, approvals=facts)
    waivers = tuple(
        waiver_fact(waiver.name, act)
        for waiver in source.ir.waivers
        if waiver.control in gate.controls
        for act in source.waiver_verdict(waiver).granted
    )
    broken = glass_facts(source.ir, gate, at.transition.key or "", source.acts, source.trust, now)
    return msgspec.structs.replace(at, waivers=(*waivers, *broken), evidence=_graded(source, at))


def _graded(source: Source, at: GateInput) -> tuple[EvidenceFact, ...]:
    """The evidence with the grades that attestations of now give it."""
    if source.trust is None:
        return at.evidence
    graded = {}
    for result in source.state.results.values():
        for record in result.body.evidence:
            fact = evidence_fact(record, stage=result.body.stage, key=result.body.key)
            graded[_ungraded(fact)] = grade_of(source.raised, result, record)
    return tuple(msgspec.structs.replace(fact, grade=graded.get(_ungraded(fact), fact.grade)) for fact in at.evidence)


def _ungraded(fact: EvidenceFact) -> bytes:
    """All of a record but its grade, which people may have raised by then, or raise no more."""
    return msgspec.json.encode(msgspec.structs.replace(fact, grade="measured"))


def _approval_fact(kind: Any, item: VerifiedApproval) -> ApprovalFact:
    return ApprovalFact(
        approval=item.approval,
        type=kind,
        person=item.person,
        role=item.role,
        key=item.key,
        signed_at=item.signed_at,
        statement_digest=item.statement,
    )


def _around(source: Source) -> Around:
    able: dict[str, tuple[str, ...]] = {}
    overruled: dict[str, tuple[ApprovalFact, ...]] = {}
    for control in source.ir.controls:
        if isinstance(control, Approval):
            judged = source.verdict(control)
            signed = {item.person for item in (*judged.approvals, *judged.overruled)}
            overruled[control.id] = tuple(_approval_fact("approve", item) for item in judged.overruled)
            able[f"approval/{control.id}"] = able_to_approve(source, control, signed)
    good = []
    for waiver in source.ir.waivers:
        verdict = source.waiver_verdict(waiver)
        if not verdict.lapsed:
            good.append(waiver)
            able[f"waiver/{waiver.name}"] = able_to_waive(source, waiver, {act.person for act in verdict.granted})
    for control in source.ir.controls:
        if isinstance(control, Requirement) and control.least_grade in ("attested", "reproduced"):
            able[f"grade/{control.id}"] = able_to_raise(source, control)
    return Around(source.ir, able, tuple(good), overruled)
