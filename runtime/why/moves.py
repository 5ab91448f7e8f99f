"""What could be measured or signed against one violation, and what the policy input would then be."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from charter.compiler.ir import IR, Approval, Requirement, Waiver
from charter.runtime.english import exact_number
from charter.runtime.gates.contract import ApprovalFact, CheckFact, EvidenceFact, GateInput, Grade, WaiverFact
from charter.runtime.vouching import raising_command

_NOBODY = "sha256:" + "0" * 64
_GRADES: tuple[Grade, ...] = ("declared", "measured", "attested", "reproduced")


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that somebody can do about a violation.

    Attributes:
        what: in words.
        control: whose violation it is about.
        serves: the clauses that it serves, or the charter's own control.
        people: who can do it, where signatures are asked for.
        command: what to type; empty where something must be measured.
        apply: the policy input as it would be.
    """

    what: str
    control: str
    serves: tuple[str, ...]
    apply: Callable[[GateInput], GateInput] = field(compare=False, repr=False)
    people: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a gate.

    Attributes:
        able: who could still sign, by approval and by waiver, and who could raise the grade of a bound's evidence.
        waivers: those that the charter asks for and that have not lapsed.
        overruled: approvals that count again when no rejection stands against them, by approval.
    """

    ir: IR
    able: Mapping[str, tuple[str, ...]]
    waivers: tuple[Waiver, ...]
    overruled: Mapping[str, tuple[ApprovalFact, ...]] = field(default_factory=dict)


Violation = Mapping[str, Any]


def moves(violation: Violation, at: GateInput, around: Around) -> tuple[Move, ...]:
    """Everything that can be done about a violation of one of the charter's own controls; empty: nothing can."""
    control = next((item for item in around.ir.controls if item.id == violation["control"]), None)
    found = list(_waivers(violation, at, around))
    if isinstance(control, Requirement):
        found += _evidence(violation, control, around)
    elif isinstance(control, Approval):
        found += _approval(violation, control, at, around)
    return tuple(found)


def _serves(violation: Violation) -> tuple[str, ...]:
    clauses = tuple(str(clause) for clause in violation.get("clauses") or ())
    return clauses or (f"the charter's `{violation['control']}`",)


# -- waivers


def _waivers(violation: Violation, at: GateInput, around: Around) -> Iterator[Move]:
    if not violation.get("waivable"):
        return
    for waiver in around.waivers:
        if waiver.control == violation["control"]:
            signed = {fact.person for fact in at.waivers if fact.waiver == waiver.name}
            missing = max(1, waiver.quorum - len(signed))
            yield Move(
                f"{missing} of `{waiver.role}` sign{'s' if missing == 1 else ''} the waiver `{waiver.name}`",
                waiver.control,
                _serves(violation),
                _waived(waiver),
                around.able.get(f"waiver/{waiver.name}", ()),
                f"charter waive {waiver.name} --key YOUR.key",
            )


def _waived(waiver: Waiver) -> Callable[[GateInput], GateInput]:
    def apply(at: GateInput) -> GateInput:
        facts = tuple(
            WaiverFact(
                waiver=waiver.name,
                person=f"somebody-{number}",
                role=waiver.role,
                key=f"key-{number}",
                signed_at=at.time,
                statement_digest=_NOBODY,
            )
            for number in range(waiver.quorum)
        )
        return replace(at, waivers=(*at.waivers, *facts))

    return apply


# -- evidence


def _evidence(violation: Violation, control: Requirement, around: Around) -> Iterator[Move]:
    code = violation["code"]
    named = _name(violation)
    wanted = f"{control.comparison} {exact_number(control.bound)}"
    if control.confidence is not None:
        wanted += f" with confidence {exact_number(round(control.confidence * 100, 9))}%"
    if code == "evidence_grade":
        how = {
            "attested": "is attested by a role that the charter names",
            "reproduced": "is measured a second time, independently, and agrees",
        }.get(control.least_grade, "is measured by the runtime")
        grade = (violation.get("evidence") or {}).get("grade")
        if control.least_grade == "reproduced" and grade == "declared":
            return  # nobody has measured it, so nobody can measure it again
        yield Move(
            f"{named} {how}",
            control.id,
            _serves(violation),
            _regraded(violation, control.least_grade),
            around.able.get(f"grade/{control.id}", ()),
            raising_command(control),
        )
    elif code == "checks_insufficient":
        yield Move(
            f"{named} is {wanted} in as many checks as the charter asks for",
            control.id,
            _serves(violation),
            _checked(control),
        )
    elif code in {"bound_breached", "evidence_missing", "evidence_malformed", "interval_missing"}:
        item = violation.get("evidence") or {}
        was = "it was not measured" if code == "evidence_missing" else f"it is {_was(item)}"
        yield Move(f"{named} is {wanted}; {was}", control.id, _serves(violation), _measured(violation, control))


def _name(violation: Violation) -> str:
    item = violation.get("evidence") or {}
    words = [f"`{item.get('metric')}`"]
    if item.get("item") is not None:
        words.append(f"of `{item['item']}`")
    elif item.get("each") is not None:
        words.append(f"of each `{item['each']}`")
    for key, word in (("over", "over"), ("on", "on"), ("attack", "under attack")):
        if item.get(key) is not None:
            words.append(f"{word} `{item[key]}`")
    return " ".join(words)


def _was(item: Mapping[str, Any]) -> str:
    interval = f" [{item['low']} to {item['high']}]" if item.get("low") is not None else ""
    return f"{item.get('value')}{interval}"


def meeting(comparison: str, bound: float) -> float:
    """The value nearest to a bound that meets it."""
    if comparison == ">":
        return math.nextafter(bound, math.inf)
    if comparison == "<":
        return math.nextafter(bound, -math.inf)
    return bound


def _measured(violation: Violation, control: Requirement) -> Callable[[GateInput], GateInput]:
    """The record that a violation is about, as it would have to be; a new one if there is none."""

    def apply(at: GateInput) -> GateInput:
        value = meeting(control.comparison, control.bound)
        interval = (value, value, control.confidence) if control.confidence is not None else (UNSET,) * 3
        parts = dict(zip(("low", "high", "confidence"), interval, strict=True))
        changes = {"value": value} | {name: part for name, part in parts.items() if part is not UNSET}
        index = _index(violation)
        if index is not None:
            return _with(at, index, replace(at.evidence[index], **changes))
        return replace(at, evidence=(*at.evidence, replace(_record(control, at), **changes)))

    return apply


def _record(control: Requirement, at: GateInput) -> EvidenceFact:
    return EvidenceFact(
        metric=control.metric, value=0, grade=control.least_grade, stage=at.transition.stage, key=at.transition.key,
        digest=None, unit=None, n=None, low=None, high=None, confidence=None, method=None, each=control.each,
        item="each" if control.each else None, over=control.over, on=control.on,
        attack=None if control.attack is None else str(control.attack.get("name", control.attack)),
    )  # fmt: skip


def _regraded(violation: Violation, grade: Grade) -> Callable[[GateInput], GateInput]:
    def apply(at: GateInput) -> GateInput:
        index = _index(violation)
        return at if index is None else _with(at, index, replace(at.evidence[index], grade=grade))

    return apply


def _index(violation: Violation) -> int | None:
    path = str((violation.get("evidence") or {}).get("path") or "")
    number = path.removeprefix("evidence/")
    return int(number) if path.startswith("evidence/") and number.isdecimal() else None


def _with(at: GateInput, index: int, record: EvidenceFact) -> GateInput:
    return replace(at, evidence=(*at.evidence[:index], record, *at.evidence[index + 1 :]))


def _checked(control: Requirement) -> Callable[[GateInput], GateInput]:
    def apply(at: GateInput) -> GateInput:
        good = replace(_record(control, at), value=meeting(control.comparison, control.bound))
        have = len(at.history)
        more = tuple(
            CheckFact(stage=at.transition.stage, check=have + number, iteration=1, time=at.time, evidence=(good,))
            for number in range(control.checks or 1)
        )
        return replace(at, history=(*at.history, *more))

    return apply


# -- approvals


def _approval(violation: Violation, control: Approval, at: GateInput, around: Around) -> Iterator[Move]:
    serves = _serves(violation)
    able = around.able.get(f"approval/{control.id}", ())
    code = violation["code"]
    if code == "approval_missing":
        signed = {fact.person for fact in at.approvals if fact.approval == control.id and fact.type == "approve"}
        missing = max(1, control.quorum - len(signed))
        yield Move(
            f"{missing} more of `{control.role}` approve{'s' if missing == 1 else ''} `{control.id}`",
            control.id,
            serves,
            approved(control),
            able,
            f"charter approve {control.id} --key YOUR.key",
        )
    elif code == "rejected":
        who = tuple(sorted({fact.person for fact in at.approvals if fact.type == "reject"}))
        yield Move(
            f"who rejected `{control.id}` approves it, or what was reviewed changes and is reviewed anew",
            control.id,
            serves,
            _unrejected(around.overruled.get(control.id, ())),
            who,
            f"charter approve {control.id} --key YOUR.key",
        )
    elif code == "exclusion_unknown":
        words = [word for word in control.excluding if not at.people.get(word)]
        yield Move(
            f"it is shown who the {' and the '.join(words)} is: the owner is a person of the trust root, the model is "
            "trained in a run with a key, and the charter as it is now was first run with one",
            control.id,
            serves,
            _resolved(tuple(words)),
            command="charter run --key YOUR.key",
        )


def approved(control: Approval) -> Callable[[GateInput], GateInput]:
    """As if a quorum of people unknown so far had approved."""

    def apply(at: GateInput) -> GateInput:
        facts = tuple(
            ApprovalFact(
                approval=control.id,
                type="approve",
                person=f"somebody-{number}",
                role=control.role,
                key=f"key-{number}",
                signed_at=at.time,
                statement_digest=_NOBODY,
            )
            for number in range(control.quorum)
        )
        return replace(at, approvals=(*at.approvals, *facts))

    return apply


def _unrejected(overruled: tuple[ApprovalFact, ...]) -> Callable[[GateInput], GateInput]:
    """As if who rejected had approved: they are one of the quorum then, and what they overruled counts again."""

    def apply(at: GateInput) -> GateInput:
        changed = (
            replace(fact, type="approve", signed_at=at.time) if fact.type == "reject" else fact for fact in at.approvals
        )
        return replace(at, approvals=(*changed, *overruled))

    return apply


def _resolved(words: tuple[str, ...]) -> Callable[[GateInput], GateInput]:
    def apply(at: GateInput) -> GateInput:
        return replace(at, people=at.people | {word: (f"the {word}",) for word in words})

    return apply


# -- other people's Rego


def guesses(violation: Violation, at: GateInput, around: Around) -> Iterator[Move]:
    """What might satisfy a rule whose conditions cannot be read off: one change of the input each, to be tried."""
    serves = _serves(violation)
    control = str(violation["control"])
    for index, record in enumerate(at.evidence):
        named = f"`{record.metric}`" + (f" of `{record.item}`" if record.item else "") + f" ({record.stage})"
        if isinstance(record.value, int | float) and not isinstance(record.value, bool):
            for value in (0, 1, 1_000_000, -1_000_000):
                if value != record.value:
                    yield Move(
                        f"{named} moves from {record.value:g} towards {value:g}; how far, the rule alone knows",
                        control,
                        serves,
                        _valued(index, value),
                    )
        for grade in _GRADES[_GRADES.index(record.grade) + 1 :]:
            yield Move(f"{named} is {grade}", control, serves, _graded(index, grade))
    for grade in _GRADES[2:] if len(at.evidence) > 1 else ():
        yield Move(f"every piece of evidence is {grade}", control, serves, _all_graded(grade))
    for stage in at.lineage:
        if not stage.exit_allowed:
            yield Move(f"the exit gate of `{stage.stage}` allows", control, serves, _passed(stage.stage))
    for approval in around.ir.controls:
        if isinstance(approval, Approval):
            yield Move(
                f"`{approval.id}` is approved by {approval.quorum} of `{approval.role}`",
                control,
                serves,
                approved(approval),
                around.able.get(f"approval/{approval.id}", ()),
                f"charter approve {approval.id} --key YOUR.key",
            )


def _valued(index: int, value: float) -> Callable[[GateInput], GateInput]:
    return lambda at: _with(at, index, replace(at.evidence[index], value=value))


def _graded(index: int, grade: Grade) -> Callable[[GateInput], GateInput]:
    return lambda at: _with(at, index, replace(at.evidence[index], grade=grade))


def _all_graded(grade: Grade) -> Callable[[GateInput], GateInput]:
    return lambda at: replace(at, evidence=tuple(replace(record, grade=grade) for record in at.evidence))


def _passed(name: str) -> Callable[[GateInput], GateInput]:
    return lambda at: replace(
        at,
        lineage=tuple(replace(stage, exit_allowed=True) if stage.stage == name else stage for stage in at.lineage),
    )
