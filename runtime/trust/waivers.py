"""Waivers: which signatures under a request to live with a breach count, and why the others do not.

A waiver in a charter is a request (LANGUAGE, rule 11). It is signed for one control with its bound, one
subject, until its day; nothing measured is part of it, so it also covers the next measurement of the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from charter.compiler.canonical import digest_of
from charter.compiler.ir import IR, Approval, Control, PolicyControl, Waiver
from charter.runtime.state import State
from charter.runtime.trust.acts import ActRecord, VerifiedAct, changed_parts, verified_act
from charter.runtime.trust.approvals import Excluded, Ignored, exclusion
from charter.runtime.trust.duties import excluded_people
from charter.runtime.trust.genuine import NotGenuineError
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import ancestry, approve_stage, normal_digest


@dataclass(frozen=True, slots=True)
class WaiverVerdict:
    """What was signed under one waiver of the charter.

    Attributes:
        granted: who signed it so that it counts, one a person.
        ignored: what does not count, and why not.
        lapsed: the day is over.
    """

    waiver: Waiver
    granted: tuple[VerifiedAct, ...]
    ignored: tuple[Ignored, ...]
    lapsed: bool

    @property
    def missing(self) -> int:
        """How many more people must sign."""
        return max(0, self.waiver.quorum - len(self.granted))

    @property
    def in_force(self) -> bool:
        """Whether a breach of its control is waived now."""
        return not self.lapsed and not self.missing

    @property
    def standing(self) -> str:
        """Where it stands, in a few words."""
        if self.lapsed:
            return f"lapsed after {self.waiver.until}"
        if self.missing:
            return f"asked for, {self.missing} of {self.waiver.quorum} signatures missing"
        return f"in force until {self.waiver.until}"


def waived_control(ir: IR, waiver: Waiver) -> Control:
    """The control that a waiver is of."""
    return next(control for control in ir.controls if control.id == waiver.control)


def waiver_about(ir: IR, waiver: Waiver) -> dict[str, Any]:
    """All that a signature under a waiver is about; two are about the same when their digests are equal."""
    control = waived_control(ir, waiver)
    stage = next(stage for stage in ir.stages if control.gate in {stage.entry.id, stage.exit.id})
    about = {
        "lifecycle": ir.lifecycle.name,
        "waiver": normal_digest(waiver),
        "until": waiver.until,
        "control": control.id,
        "bound": normal_digest(control),
        "subject": digest_of([stage.id, stage.subject, sorted((i.name, i.stage, i.artifact) for i in stage.inputs)]),
    }
    if isinstance(control, PolicyControl):
        about["policy"] = ir.pins.get(control.path, "")
    return about


def bars(ir: IR, waiver: Waiver, state: State, trust: TrustRoot) -> tuple[tuple[Approval, Excluded], ...]:
    """Approvals on the way of which the waived control lies, with whom each excludes.

    Who may not approve a system may not wave its breaches through either: that would be the same by another door.
    """
    control = waived_control(ir, waiver)
    stage = next(stage for stage in ir.stages if control.gate in {stage.entry.id, stage.exit.id})
    before = {item.id for item in ancestry(ir, stage.id)}
    found = []
    for approval in ir.controls:
        if isinstance(approval, Approval):
            own = approve_stage(ir, approval)
            if own.id in before or stage.id in {item.id for item in ancestry(ir, own.id)}:
                found.append((approval, excluded_people(ir, approval, state, trust)))
    return tuple(found)


def barred(person: str, excluding: Iterable[tuple[Approval, Excluded]]) -> str | None:
    """Why a person may not waive; None if they may."""
    for approval, excluded in excluding:
        reason = exclusion(person, approval, excluded)
        if reason is not None:
            return f"{reason} from `{approval.id}`" if reason.startswith("they are") else reason
    return None


def waiver_verdict(
    ir: IR, waiver: Waiver, records: Iterable[ActRecord], state: State, trust: TrustRoot, now: datetime
) -> WaiverVerdict:
    """Sort what was signed under a waiver into what counts and what does not.

    Args:
        ir: the charter in force.
        waiver: one of its waivers.
        records: every signed act of the ledger; those about something else are left out silently.
        state: for who trained what.
        trust: the verified trust root of now.
        now: the gate's time.
    """
    about = waiver_about(ir, waiver)
    excluding = bars(ir, waiver, state, trust)
    ignored: list[Ignored] = []
    latest: dict[str, VerifiedAct] = {}
    for record in records:
        if record.body.act not in {"waive", "withdraw"} or record.body.name != waiver.name:
            continue
        try:
            act = _counts(record, waiver, about, trust)
        except NotGenuineError as error:
            ignored.append(Ignored(record.body.person, record.seq, str(error)))
            continue
        reason = barred(act.person, excluding)
        if reason is not None:
            ignored.append(Ignored(act.person, act.seq, reason))
            continue
        before = latest.get(act.person)
        older, latest[act.person] = _in_order(before, act)
        if older is not None:
            ignored.append(Ignored(act.person, older.seq, "they signed again; one person counts once"))
    granted = []
    for act in sorted(latest.values(), key=lambda item: item.seq):
        if act.record.body.act == "waive":
            granted.append(act)
        else:
            ignored.append(Ignored(act.person, act.seq, "they took their signature back"))
    return WaiverVerdict(
        waiver,
        tuple(granted),
        tuple(sorted(ignored, key=lambda item: item.seq)),
        lapsed=now.date().isoformat() > waiver.until,
    )


def _counts(record: ActRecord, waiver: Waiver, about: dict[str, Any], trust: TrustRoot) -> VerifiedAct:
    act = verified_act(record, trust)
    if act.role != waiver.role:
        raise NotGenuineError(f"it was not signed as `{waiver.role}`")
    if act.about != about:
        raise NotGenuineError(f"it does not cover what there is now: {changed_parts(act.about, about)} changed")
    return act


def _in_order(before: VerifiedAct | None, act: VerifiedAct) -> tuple[VerifiedAct | None, VerifiedAct]:
    """The older and the newer of two acts of one person, by the time that was signed; taking back wins a tie."""
    if before is None:
        return None, act
    older, newer = sorted(
        (before, act), key=lambda item: (item.signed_at, item.record.body.act == "withdraw", item.seq)
    )
    return older, newer
