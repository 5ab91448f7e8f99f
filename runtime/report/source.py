"""What reports, reviews and traces are made from: one read of the ledger, folded, with the IR and the people."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from msgspec.structs import replace

from charter.compiler.ir import IR, Approval, Waiver
from charter.runtime.assess import Assessment, Basis, assess_all
from charter.runtime.erased import lost_halt, refuse_gaps
from charter.runtime.events import EvidenceRecord
from charter.runtime.ledger import Ledger, Recorded, VerifierKey
from charter.runtime.ledger.anchors import last_anchor
from charter.runtime.ledger.keys import load_public_key
from charter.runtime.project import Project
from charter.runtime.result_key import lock_digest
from charter.runtime.session import dead_deployments, ledger_time, recorded_ir
from charter.runtime.state import Finished, State, fold
from charter.runtime.store import ArtifactStore
from charter.runtime.trust import file
from charter.runtime.trust.acts import ActRecord
from charter.runtime.trust.approvals import Case, SignedRecord, Verdict, verified_approvals
from charter.runtime.trust.attestations import Attested, attested_evidence, grade_of
from charter.runtime.trust.duties import excluded_people
from charter.runtime.trust.emergencies import standstill
from charter.runtime.trust.present import review_results
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import Reviewed, ancestry, approve_stage
from charter.runtime.trust.waivers import WaiverVerdict, waiver_verdict


@dataclass(frozen=True)
class Source:
    """A project's records at one moment, and what follows from them.

    Attributes:
        events: the records that still have their bodies.
        standing: where each stage stands, in the graph's order.
        trust: the verified trust root; None where there is none.
        signed: every signed statement about an approval with its envelope.
        acts: everything else that people signed, with its envelope.
        dead: deployments whose recorded server does not answer.
    """

    project: Project
    ir: IR
    events: tuple[Recorded, ...]
    state: State
    now: datetime
    standing: dict[str, Assessment]
    trust: TrustRoot | None
    signed: tuple[SignedRecord, ...]
    acts: tuple[ActRecord, ...]
    dead: frozenset[str]

    def missing_records(self) -> int:
        """How many records a checkpoint beside the project has signed that the ledger does not have."""
        newest = last_anchor(self.project.checkpoints_path)
        return max(0, (newest[1].size if newest else 0) - self.state.size)

    def results_before(self, approval: Approval) -> dict[str, Finished]:
        """Finished results, by stage, of all that an approval follows from: what its gate looks at."""
        stages = ancestry(self.ir, approve_stage(self.ir, approval).id)
        return {stage.id: result for stage in stages if (result := self.standing[stage.id].result) is not None}

    @cached_property
    def raised(self) -> Attested:
        """The grades that people's signatures give evidence now."""
        if self.trust is None:
            return {}
        return attested_evidence(self.ir, self.acts, self.state, self.trust)[0]

    def graded(self, result: Finished | None) -> tuple[EvidenceRecord, ...]:
        """The evidence of a result, with the grade that it has now; none without a result."""
        if result is None:
            return ()
        records = result.body.evidence
        return tuple(replace(record, grade=grade_of(self.raised, result, record)) for record in records)

    def reviewed(self, approval: Approval) -> Reviewed:
        """What there is to review."""
        return review_results(self.ir, approval, self.results_before(approval), self.state.iteration)

    def case(self, approval: Approval, trust: TrustRoot) -> Case:
        """What signed statements of an approval are judged against."""
        excluded = excluded_people(self.ir, approval, self.state, trust)
        return Case(trust=trust, approval=approval, reviewed=self.reviewed(approval), excluded=excluded)

    def verdict(self, approval: Approval) -> Verdict:
        """Which signed statements count now; without a trust root, none."""
        if self.trust is None:
            return Verdict((), (), ())
        return verified_approvals(self.signed, self.case(approval, self.trust), self.now)

    @property
    def standstill(self) -> str | None:
        """Why nothing may happen now, in a sentence; None when it may."""
        return lost_halt(self.state) or standstill(self.acts, self.trust, self.now)

    def waiver_verdict(self, waiver: Waiver) -> WaiverVerdict:
        """Which signatures under a waiver count now; without a trust root, none."""
        if self.trust is None:
            return WaiverVerdict(waiver, (), (), self.now.date().isoformat() > waiver.until)
        return waiver_verdict(self.ir, waiver, self.acts, self.state, self.trust, self.now)


def ledger_key(project: Project) -> VerifierKey | None:
    """The ledger's public key from the file beside it; None: only the key that the ledger itself names."""
    path = project.ledger_public_key_path
    return load_public_key(path, None) if path.exists() else None


def whole_source(project: Project) -> Source:
    """As `read_source`, for who acts on what is recorded.

    Raises:
        Failure: records that runs build on are gone.
    """
    source = read_source(project)
    refuse_gaps(source.state)
    return source


def read_source(project: Project) -> Source:
    """Read a project's records; `state.gaps` says which of them are gone, and who shows the rest says so.

    Raises:
        Failure: nothing has run here, or the ledger, the IR or the trust root is not what it should be.
    """
    with Ledger.open_read_only(project.ledger_path, key=ledger_key(project)) as ledger:
        everything = tuple(ledger.events(allow_erased=True))
        state = fold(everything)
        signed = tuple(
            SignedRecord(item.body, ledger.attachment(item.body.envelope) or b"", item.seq, item.time)
            for item in state.signed
        )
        acts = tuple(
            ActRecord(item.body, ledger.attachment(item.body.envelope) or b"", item.seq, item.time)
            for item in state.acts
        )
    ir = recorded_ir(project, state)
    now = ledger_time(state)
    dead = dead_deployments(state)
    trust = file.load(project) if project.trust_root_path.exists() else None
    undiminished = None if trust is None else trust.undiminished
    basis = Basis(ir, state, ArtifactStore(project.store), now, lock_digest(project.root), dead, undiminished)
    events = tuple(event for event in everything if not event.erased)
    return Source(project, ir, events, state, now, assess_all(basis), trust, signed, acts, dead)
