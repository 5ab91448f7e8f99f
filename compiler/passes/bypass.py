"""No way around: whoever signs has seen every evaluation that decides, and waivers leave a bound that can stop.

That an evaluation and, at high risk, an approval stand on every way to a deployment is proved in `gating.py`: all
joins of the graph are AND, so what comes before a stage dominates it.
"""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import warning
from charter.compiler.controls import requirement_ids
from charter.compiler.graph import Ancestry
from charter.compiler.passes.context import Context
from charter.compiler.passes.gating import by_model, can_stop
from charter.dsl.diagnostics import Diagnostic, Related

_MOST_NAMED = 5


def check_bypass(context: Context) -> Iterator[Diagnostic]:
    """CH0410 signed without an evaluation that decides, CH0411 nothing left that stops (both warnings)."""
    charter, ancestry = context.charter, context.ancestry
    if not context.complete or ancestry is None:
        return
    waived = {waiver.of.text: waiver for waiver in charter.waivers.values() if waiver.of is not None}
    stopping = by_model(item for item in charter.evaluations.values() if can_stop(item.requires))
    approvals = by_model(charter.approvals.values())
    for deployment in charter.deployments.values():
        stage = (f"deploy/{deployment.name}",)
        of = deployment.of.text if deployment.of is not None else ""
        signed = [item for item in approvals[of] if ancestry.precedes(f"approve/{item.name}", stage)]
        if not signed and not waived:
            continue
        deciding = [item for item in stopping[of] if ancestry.precedes(f"evaluate/{item.name}", stage)]
        for approval in signed:
            yield from _unseen(approval, deployment, deciding, ancestry)
        if waived and deciding:
            yield from _waived(deployment, deciding, waived)


def _unseen(
    approval: model.Approval, deployment: model.Deployment, deciding: list[model.Evaluation], ancestry: Ancestry
) -> Iterator[Diagnostic]:
    before = (f"approve/{approval.name}",)
    unseen = [item for item in deciding if not ancestry.precedes(f"evaluate/{item.name}", before)]
    # That nobody has seen anything is an error already.
    if not unseen or len(unseen) == len(deciding):
        return
    names = [item.name for item in unseen[:_MOST_NAMED]]
    quoted = ", ".join(f"`{name}`" for name in names)
    detail = (
        f"Whoever signs `{approval.name}` may not have seen {quoted}, on which it depends whether `{deployment.name}` "
        f"goes live. Add `after {', '.join(names)}` to the approval."
    )
    related = (Related(item.node.header_span, "this evaluation may come later") for item in unseen[:_MOST_NAMED])
    yield warning("CH0410", approval.node.name.span, detail, *related)


def _waived(
    deployment: model.Deployment, deciding: list[model.Evaluation], waived: dict[str, model.Waiver]
) -> Iterator[Diagnostic]:
    asked: list[model.Waiver] = []
    for evaluation in deciding:
        for id_, bound in zip(requirement_ids(evaluation, evaluation.requires), evaluation.requires, strict=True):
            if bound.enforce == "advisory":
                continue
            if id_ not in waived:
                return
            asked.append(waived[id_])
    detail = (
        f"Once these waivers are signed, no bound is left that could stop `{deployment.name}`: every one that decides "
        "about it is waived. Leave one that has to be met, or add one that the model meets."
    )
    related = (Related(waiver.node.header_span, "this waiver is asked for") for waiver in asked[:_MOST_NAMED])
    yield warning("CH0411", deployment.node.name.span, detail, *related)
