"""Halts and broken glass: what stands still, until when an exception may be reviewed, and who may end either.

Anybody in the trust root may stop a lifecycle; only a quorum of the trust root's administrators lets it go on.
An administrator may break the glass at one gate for one piece of work; somebody else must close the review of
that by its date, or everything stands still.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from charter.compiler.ir import IR, Gate, PolicyControl
from charter.runtime.trust.acts import ActRecord, VerifiedAct, claimed_about, verified_act
from charter.runtime.trust.genuine import NotGenuineError
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import normal_digest
from charter.runtime.waived import BROKEN

LONGEST_REVIEW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Halt:
    """A halt that nobody has lifted yet.

    It holds even if its signature counts no more: stopping is safe, and a halt must not end because a key did.
    `resumed_by` has signed to go on; `missing` more administrators must.
    """

    record: ActRecord
    resumed_by: tuple[str, ...]
    missing: int


@dataclass(frozen=True, slots=True)
class Glass:
    """A gate whose glass was broken.

    Attributes:
        gate, key: what it is for: one gate, one piece of work by its result key.
        controls: digest of the normal form of each control that the gate had, by id.
        shown: the breaches that whoever broke it was shown, as `shown_breach` names them.
        review_by: the last day on which its review may be closed; empty if that cannot be read any more.
        act: the exception as it counts; None when its signature does not, which does not end its review.
        closed: who closed the review; None while it is open.
    """

    record: ActRecord
    gate: str
    key: str
    controls: Mapping[str, str]
    shown: frozenset[str]
    review_by: str
    act: VerifiedAct | None
    closed: VerifiedAct | None

    def overdue(self, now: datetime) -> bool:
        """Whether the review should have been closed by now."""
        return self.closed is None and now.date().isoformat() > self.review_by

    def open_for(self, gate: str, key: str, now: datetime) -> bool:
        """Whether it is about this gate and this work: while its review is open and not overdue."""
        return (
            self.act is not None
            and self.closed is None
            and (self.gate, self.key) == (gate, key)
            and not self.overdue(now)
        )


def glass_controls(ir: IR, gate: Gate) -> dict[str, str]:
    """The gate's controls as glass is broken for them: digest of each in its normal form, with its Rego file's."""
    return {
        control.id: normal_digest(control)
        + (f" {ir.pins.get(control.path, '')}" if isinstance(control, PolicyControl) else "")
        for control in ir.controls
        if control.gate == gate.id
    }


def shown_breach(gate: str, violation: Mapping[str, Any]) -> str:
    """The name under which policies see that glass was broken for this breach (`policies/decide.rego`)."""
    return f"{BROKEN}{gate} {violation.get('control')} {violation.get('code')}: {violation.get('message')}"


def halts(records: Iterable[ActRecord], trust: TrustRoot | None) -> tuple[Halt, ...]:
    """Halts that hold, oldest first."""
    every = tuple(records)
    resumed: dict[str, set[str]] = {}
    for act in _genuine(every, trust, "resume"):
        if trust is not None and act.person in trust.current.administrators.people:
            for statement in act.about.get("halts", ()):
                resumed.setdefault(str(statement), set()).add(act.person)
    quorum = trust.current.administrators.quorum if trust else 1
    found = []
    for record in every:
        if record.body.act == "halt":
            by = tuple(sorted(resumed.get(record.body.statement, ())))
            if len(by) < quorum:
                found.append(Halt(record, by, quorum - len(by)))
    return tuple(found)


def broken_glass(records: Iterable[ActRecord], trust: TrustRoot | None) -> tuple[Glass, ...]:
    """Every gate whose glass was broken, oldest first."""
    every = tuple(records)
    closings = _genuine(every, trust, "close-review")
    counting = {act.seq: act for act in _genuine(every, trust, "break-glass")}
    found = []
    for record in every:
        if record.body.act != "break-glass":
            continue
        about = claimed_about(record)
        act = counting.get(record.seq)
        if act is not None and (trust is None or not trust.administrated(act.person, act.trust)):
            act = None
        found.append(
            Glass(
                record,
                record.body.name,
                str(about.get("key", "")),
                controls if isinstance(controls := about.get("controls"), dict) else {},
                frozenset(map(str, shown)) if isinstance(shown := about.get("shown"), list) else frozenset(),
                str(about.get("review_by", "")),
                act,
                next((item for item in closings if _closes(item, record)), None),
            )
        )
    return tuple(found)


def _closes(closing: VerifiedAct, record: ActRecord) -> bool:
    """Nobody reviews what they did themselves."""
    return closing.about.get("of") == record.body.statement and closing.person != record.body.person


def _genuine(records: Iterable[ActRecord], trust: TrustRoot | None, kind: str) -> list[VerifiedAct]:
    found = []
    for record in records:
        if trust is not None and record.body.act == kind:
            try:
                found.append(verified_act(record, trust))
            except NotGenuineError:
                continue
    return found


def standstill(records: Iterable[ActRecord], trust: TrustRoot | None, now: datetime) -> str | None:
    """Why nothing may happen, in a sentence; None when it may."""
    every = tuple(records)
    for halt in halts(every, trust):
        body = halt.record.body
        return (
            f"`{body.person}` halted it at {halt.record.time[:19]}Z (record {halt.record.seq}): {body.comment}. "
            f"{halt.missing} of the trust root's administrators must sign `charter resume` before anything goes on"
        )
    for glass in broken_glass(every, trust):
        if glass.overdue(now):
            return (
                f"`{glass.record.body.person}` broke the glass at `{glass.gate}` (record {glass.record.seq}), and its "
                f"review should have been closed by {glass.review_by}. Nothing goes on before "
                f"`charter close-review {glass.gate}`"
            )
    return None
