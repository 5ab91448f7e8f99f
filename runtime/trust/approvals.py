"""Which signed statements count as approvals at a gate, and why the others do not.

A pure function of what was signed, the trust root, what there is to review now, and the time.
Whatever cannot be shown to count does not count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from charter.compiler.canonical import digest
from charter.compiler.ir import Approval
from charter.runtime.events import StatementSigned
from charter.runtime.failure import Failure
from charter.runtime.trust.genuine import NotGenuineError, demand, demand_signer, signed_payload
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import Predicate, Reviewed, differences, read_statement
from charter.runtime.trust.times import parse_time, stamp

Excluded = Mapping[str, frozenset[str] | None]
"""People by the word that excludes them (`owner`, `trainer`); None: who that is, is unknown."""


@dataclass(frozen=True, slots=True)
class Case:
    """What signed statements are judged against.

    Attributes:
        trust: the verified trust root of now.
        approval: whose statements count.
        reviewed: what there is to review now.
        excluded: who may not approve, by the word in the charter's `excluding`.
    """

    trust: TrustRoot
    approval: Approval
    reviewed: Reviewed
    excluded: Excluded


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """One signed statement as the ledger holds it."""

    body: StatementSigned
    envelope: bytes
    seq: int
    time: str


@dataclass(frozen=True, slots=True)
class VerifiedApproval:
    """An approval that counts."""

    approval: str
    person: str
    role: str
    key: str
    signed_at: str
    statement: str
    seq: int

    def facts(self) -> dict[str, str]:
        """What policies see of it."""
        return {
            "approval": self.approval,
            "person": self.person,
            "role": self.role,
            "key": self.key,
            "signed_at": self.signed_at,
            "statement": self.statement,
        }


@dataclass(frozen=True, slots=True)
class Ignored:
    """A signed statement that does not count as an approval, and why not. `person` is who it says signed."""

    person: str
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the signed statements of one approval amount to.

    Attributes:
        approvals: those that count, one a person, in the ledger's order.
        rejections: who rejected exactly this; one rejection leaves no approvals, and it does not expire.
        ignored: those that do not count.
        overruled: those that would count if nobody had rejected; they are among the ignored too.
    """

    approvals: tuple[VerifiedApproval, ...]
    rejections: tuple[VerifiedApproval, ...]
    ignored: tuple[Ignored, ...]
    overruled: tuple[VerifiedApproval, ...] = ()


@dataclass(frozen=True, slots=True)
class _Genuine:
    record: SignedRecord
    predicate: Predicate
    signed_at: datetime

    @property
    def approves(self) -> bool:
        return self.predicate.decision == "approve"


def verified_approvals(signed: Iterable[SignedRecord], case: Case, now: datetime) -> Verdict:
    """Sort signed statements into those that count at an approval's gate and those that do not.

    Args:
        signed: every signed statement of the ledger; those of other approvals are left out silently.
        case: what they are judged against.
        now: the gate's time.
    """
    ignored: list[Ignored] = []
    latest: dict[str, _Genuine] = {}
    for record in signed:
        if record.body.approval != case.approval.id:
            continue
        try:
            genuine = _genuine(record, case)
        except NotGenuineError as error:
            ignored.append(Ignored(record.body.person, record.seq, str(error)))
            continue
        person = genuine.predicate.person
        before = latest.get(person)
        newer = genuine if before is None or _rank(genuine) > _rank(before) else before
        older = before if newer is genuine else genuine
        latest[person] = newer
        if older is not None:
            ignored.append(Ignored(person, older.record.seq, "they signed again; one person counts once"))
    return _count(sorted(latest.values(), key=lambda item: item.record.seq), case, now, ignored)


def _rank(genuine: _Genuine) -> tuple[datetime, bool, int]:
    """Later wins: by the earlier of both clocks, so that neither an old envelope nor a clock set forward wins."""
    return (genuine.signed_at, not genuine.approves, genuine.record.seq)


def _count(latest: list[_Genuine], case: Case, now: datetime, ignored: list[Ignored]) -> Verdict:
    may_decide, counted, overruled = [], [], []
    for item in latest:
        reason = exclusion(item.predicate.person, case.approval, case.excluded)
        if reason is None:
            may_decide.append(item)
        else:
            ignored.append(Ignored(item.predicate.person, item.record.seq, reason))
    rejections = [item for item in may_decide if not item.approves]
    for item in may_decide:
        if not item.approves:
            continue
        reason = _expired(item, case.approval, now)
        if reason is None and rejections:
            overruled.append(item)
            reason = f"`{rejections[0].predicate.person}` rejected exactly this, and a rejection beats approvals"
        if reason is None:
            counted.append(item)
        else:
            ignored.append(Ignored(item.predicate.person, item.record.seq, reason))
    return Verdict(
        tuple(map(_verified, counted)),
        tuple(map(_verified, rejections)),
        tuple(sorted(ignored, key=lambda item: item.seq)),
        tuple(map(_verified, overruled)),
    )


def _expired(item: _Genuine, approval: Approval, now: datetime) -> str | None:
    if approval.valid_seconds is None:
        return None
    until = item.signed_at + timedelta(seconds=approval.valid_seconds)
    return f"it was valid until {stamp(until)}" if now > until else None


def exclusion(person: str, approval: Approval, excluded: Excluded) -> str | None:
    """Why a person may not approve; somebody excluded who is unknown excludes everybody (rule 13)."""
    for word in approval.excluding:
        people = excluded.get(word)
        if people is None:
            return f"who the {word} is, is not known, so nobody can be shown to be somebody else"
        if person in people:
            return f"they are the {word}, whom the charter excludes"
    return None


def _verified(item: _Genuine) -> VerifiedApproval:
    predicate, record = item.predicate, item.record
    return VerifiedApproval(
        approval=predicate.reviewed.approval,
        person=predicate.person,
        role=predicate.role,
        key=predicate.key,
        signed_at=stamp(item.signed_at),
        statement=record.body.statement,
        seq=record.seq,
    )


def _genuine(record: SignedRecord, case: Case) -> _Genuine:
    """The statement, if it is a role holder's own about exactly what there is to review."""
    body, trust, role = record.body, case.trust, case.approval.role
    payload, signers = signed_payload(record.envelope, body.envelope, trust, body.person, record.time)
    predicate = _said(body, payload)
    demand_signer(trust, predicate.key, signers, predicate.trust)
    holds = predicate.role == role and trust.held_role(body.person, role, parse_time(record.time))
    demand(holds, f"they do not hold the role `{role}`")
    if predicate.reviewed != case.reviewed:
        changes = "; ".join(differences(predicate.reviewed, case.reviewed))
        raise NotGenuineError(f"it does not cover what there is now: {changes}")
    # The earlier of the signer's clock and the ledger's: a clock set forward must not lengthen its life.
    signed_at = min(parse_time(predicate.time), parse_time(record.time))
    return _Genuine(record, predicate, signed_at)


def _said(body: StatementSigned, payload: bytes) -> Predicate:
    """What was signed, which must be what the record says."""
    try:
        predicate = read_statement(payload).predicate
        parse_time(predicate.time)
    except Failure as failure:
        raise NotGenuineError(f"{failure.summary}: {failure.detail}") from failure
    except ValueError as error:
        raise NotGenuineError("the time in the signed statement cannot be read") from error
    said = (predicate.decision, predicate.reviewed.approval, predicate.person, predicate.role, predicate.key)
    recorded = (body.type, body.approval, body.person, body.role, body.key)
    demand(
        said == recorded and digest(payload) == body.statement,
        "the record says something else than what was signed",
    )
    return predicate
