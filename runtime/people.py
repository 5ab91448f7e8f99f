"""Whose signatures count at a gate: the trust root applied to what people signed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from charter.compiler.ir import IR, Approval, Gate
from charter.runtime.erased import lost_halt
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gates.contract import ApprovalFact, WaiverFact
from charter.runtime.journal import Journal
from charter.runtime.ledger.ledger import Ledger
from charter.runtime.project import Project
from charter.runtime.state import Finished, Signed, State
from charter.runtime.waived import BROKEN

if TYPE_CHECKING:
    from charter.runtime.trust.acts import ActRecord, VerifiedAct
    from charter.runtime.trust.approvals import SignedRecord, VerifiedApproval
    from charter.runtime.trust.attestations import Attested
    from charter.runtime.trust.root import TrustRoot


def trusted(project: Project, state: State) -> "TrustRoot | None":
    """The trust root, verified, and the continuation of every version that a run has gone by; None: there is none.

    Raises:
        Failure: it is not what its administrators signed, or it was replaced or removed since a run.
    """
    pinned = {run.trust for run in state.runs if run.trust is not None}
    if not project.trust_root_path.exists() and not pinned:
        return None
    from charter.runtime.trust import file

    root = file.load(project)
    if not all(root.includes(digest) for digest in pinned):
        raise Failure(
            "the trust root was replaced",
            f"`{project.trust_root_path}` does not continue the trust root that earlier runs recorded, so "
            "nobody in it can be recognised. Restore the file from version control; people are added and keys are "
            "changed with `charter trust`, which keeps the chain.",
            exit_code=ExitCode.DENIED,
        )
    return root


def trust_digest(project: Project, state: State) -> str | None:
    """Digest of the trust root's present version, for the record of a run."""
    root = trusted(project, state)
    return None if root is None else root.digest


def signed_under(project: Project, state: State) -> frozenset[str] | None:
    """Digests of the trust root's versions from which nothing was taken since; None where nobody signed anything."""
    root = trusted(project, state) if state.signed or state.acts else None
    return None if root is None else root.undiminished


class People:
    """Reads the trust root each time it is needed: it may change beside a run."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def duties(self, ir: IR, approval: Approval, state: State) -> dict[str, tuple[str, ...]]:
        """Who is meant by `owner`, `trainer` and the like; a word that cannot be resolved is left out, and denies."""
        trust = trusted(self.project, state)
        if trust is None:
            return {}
        from charter.runtime.trust.duties import excluded_people

        found = excluded_people(ir, approval, state, trust)
        return {word: tuple(sorted(people)) for word, people in found.items() if people is not None}

    def signatures(
        self, ir: IR, approval: Approval, journal: Journal, results: Mapping[str, Finished], now: datetime
    ) -> tuple[ApprovalFact, ...]:
        """Verified signatures over exactly what there is to approve; without a trust root there are none."""
        trust = trusted(self.project, journal.state)
        if trust is None:
            return ()
        from charter.runtime.trust.approvals import Case, verified_approvals
        from charter.runtime.trust.duties import excluded_people
        from charter.runtime.trust.present import review_results

        case = Case(
            trust=trust,
            approval=approval,
            reviewed=review_results(ir, approval, results, journal.state.iteration),
            excluded=excluded_people(ir, approval, journal.state, trust),
        )
        verdict = verified_approvals((_record(journal, signed) for signed in journal.state.signed), case, now)
        return (
            *(_fact("approve", item) for item in verdict.approvals),
            *(_fact("reject", item) for item in verdict.rejections),
        )

    def waivers(self, ir: IR, gate: Gate, key: str, journal: Journal, now: datetime) -> tuple[WaiverFact, ...]:
        """Verified signatures under waivers of the gate's controls, and broken glass at it; nothing else is seen.

        Args:
            ir: the charter.
            gate: which gate asks.
            key: result key of the work that it decides about: glass is broken for one piece of work.
            journal: what was signed.
            now: the gate's time.
        """
        acts = {act.body.act for act in journal.state.acts}
        asked = [waiver for waiver in ir.waivers if waiver.control in gate.controls] if "waive" in acts else []
        trust = trusted(self.project, journal.state) if asked or "break-glass" in acts else None
        if trust is None:
            return ()
        from charter.runtime.trust.waivers import waiver_verdict

        records = act_records(journal)
        granted = [
            waiver_fact(waiver.name, act)
            for waiver in asked
            for act in waiver_verdict(ir, waiver, records, journal.state, trust, now).granted
        ]
        return (*granted, *glass_facts(ir, gate, key, records, trust, now))

    def attested(self, ir: IR, journal: Journal) -> "Attested":
        """Evidence that somebody in a role of the charter vouches for."""
        if not any(act.body.act in {"attest", "reproduce"} for act in journal.state.acts):
            return {}
        trust = trusted(self.project, journal.state)
        if trust is None:
            return {}
        from charter.runtime.trust.attestations import attested_evidence

        return attested_evidence(ir, act_records(journal), journal.state, trust)[0]


def act_records(journal: Journal) -> "tuple[ActRecord, ...]":
    """Every signed act with its envelope."""
    return _act_records(journal.ledger, journal.state)


def _act_records(ledger: Ledger, state: State) -> "tuple[ActRecord, ...]":
    from charter.runtime.trust.acts import ActRecord

    return tuple(
        ActRecord(act.body, ledger.attachment(act.body.envelope) or b"", act.seq, act.time) for act in state.acts
    )


def standing_still(project: Project, state: State, now: datetime) -> str | None:
    """Why nothing may happen now, in a sentence, from what is recorded; None when it may."""
    if (gone := lost_halt(state)) is not None:
        return gone
    if not any(act.body.act in {"halt", "break-glass"} for act in state.acts):
        return None
    from charter.runtime.trust.emergencies import standstill

    with Ledger.open_read_only(project.ledger_path) as ledger:
        records = _act_records(ledger, state)
    return standstill(records, trusted(project, state), now)


def waiver_fact(name: str, act: "VerifiedAct") -> WaiverFact:
    """What policies see of a signature under a waiver, or of broken glass."""
    from charter.runtime.trust.times import stamp

    return WaiverFact(
        waiver=name,
        person=act.person,
        role=act.role,
        key=act.key,
        signed_at=stamp(act.signed_at),
        statement_digest=act.record.body.statement,
    )


def glass_facts(
    ir: IR, gate: Gate, key: str, records: "Iterable[ActRecord]", trust: "TrustRoot | None", now: datetime
) -> "Iterator[WaiverFact]":
    """Broken glass as policies see it: that there is some here, and each breach that it was broken for.

    One that was broken under other controls than the gate has now was broken for none of today's breaches.
    """
    from charter.runtime.trust.emergencies import broken_glass, glass_controls

    for glass in broken_glass(records, trust):
        if glass.act is not None and glass.open_for(gate.id, key, now):
            yield waiver_fact(f"{BROKEN}{gate.id}", glass.act)
            if glass.controls == glass_controls(ir, gate):
                for breach in sorted(glass.shown):
                    yield waiver_fact(breach, glass.act)


def _fact(kind: Literal["approve", "reject"], item: "VerifiedApproval") -> ApprovalFact:
    return ApprovalFact(
        approval=item.approval,
        type=kind,
        person=item.person,
        role=item.role,
        key=item.key,
        signed_at=item.signed_at,
        statement_digest=item.statement,
    )


def _record(journal: Journal, signed: Signed) -> "SignedRecord":
    """A signed statement with its envelope; one whose envelope is gone cannot count, and is refused as empty."""
    from charter.runtime.trust.approvals import SignedRecord

    envelope = journal.ledger.attachment(signed.body.envelope) or b""
    return SignedRecord(signed.body, envelope, signed.seq, signed.time)
