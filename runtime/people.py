"""Whose signatures count at a gate: the trust root applied to what people signed."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from charter.compiler.ir import IR, Approval
from charter.runtime.gates.contract import ApprovalFact
from charter.runtime.journal import Journal
from charter.runtime.project import Project
from charter.runtime.state import Finished, Signed, State

if TYPE_CHECKING:
    from charter.runtime.trust.approvals import SignedRecord, VerifiedApproval


class People:
    """Reads the trust root each time it is needed: it may change beside a run."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def duties(self, ir: IR, approval: Approval, state: State) -> dict[str, tuple[str, ...]]:
        """Who is meant by `owner`, `trainer` and the like; a word that cannot be resolved is left out, and denies."""
        if not self.project.trust_root_path.exists():
            return {}
        from charter.runtime.trust import file
        from charter.runtime.trust.duties import excluded_people

        found = excluded_people(ir, approval, state, file.load(self.project))
        return {word: tuple(sorted(people)) for word, people in found.items() if people is not None}

    def signatures(
        self, ir: IR, approval: Approval, journal: Journal, results: Mapping[str, Finished], now: datetime
    ) -> tuple[ApprovalFact, ...]:
        """Verified signatures over exactly what there is to approve; without a trust root there are none."""
        if not self.project.trust_root_path.exists():
            return ()
        from charter.runtime.trust import file
        from charter.runtime.trust.approvals import Case, verified_approvals
        from charter.runtime.trust.duties import excluded_people
        from charter.runtime.trust.present import review_results

        trust = file.load(self.project)
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
