"""What there is to review now, from the folded ledger."""

from collections.abc import Mapping

from charter.compiler.ir import IR, Approval
from charter.runtime.state import Finished, State
from charter.runtime.trust.statement import Reviewed, ancestry, approve_stage, review


def results_on_the_way(ir: IR, approval: Approval, state: State) -> dict[str, Finished]:
    """The present iteration's finished results, by stage, of every stage that the approval follows from."""
    found = {}
    for stage in ancestry(ir, approve_stage(ir, approval).id):
        finished = state.stage(stage.id).finished
        if finished is not None:
            found[stage.id] = finished
    return found


def review_results(ir: IR, approval: Approval, results: Mapping[str, Finished], iteration: int) -> Reviewed:
    """What there is to review, given the finished results by stage."""
    artifacts = {
        f"{stage}:{name}": artifact.digest
        for stage, finished in results.items()
        for name, artifact in finished.body.artifacts.items()
    }
    evidence = {stage: finished.body.evidence for stage, finished in results.items()}
    return review(ir, approval, artifacts, evidence, iteration)


def review_state(ir: IR, approval: Approval, state: State) -> Reviewed:
    """What there is to review now."""
    return review_results(ir, approval, results_on_the_way(ir, approval, state), state.iteration)
