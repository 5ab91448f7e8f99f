"""What there is to review, from finished results as the ledger holds them."""

from collections.abc import Mapping

from charter.compiler.ir import IR, Approval
from charter.runtime.state import Finished
from charter.runtime.trust.statement import Reviewed, review


def review_results(ir: IR, approval: Approval, results: Mapping[str, Finished], iteration: int) -> Reviewed:
    """What there is to review, given the finished results by stage."""
    artifacts = {
        f"{stage}:{name}": artifact.digest
        for stage, finished in results.items()
        for name, artifact in finished.body.artifacts.items()
    }
    evidence = {stage: finished.body.evidence for stage, finished in results.items()}
    return review(ir, approval, artifacts, evidence, iteration)
