"""No way around: whoever signs has seen every evaluation that decides, and waivers leave a bound that can stop.

That an evaluation and, at high risk, an approval stand on every way to a deployment is proved in `gating.py`: all
joins of the graph are AND, so what comes before a stage dominates it.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from charter.compiler import model
from charter.compiler.codes import warning
from charter.compiler.controls import requirement_ids
from charter.compiler.graph import Ancestry
from charter.compiler.passes.context import Context
from charter.compiler.passes.gating import can_stop
from charter.dsl.diagnostics import Diagnostic, Related

_MOST_NAMED = 5


def check_bypass(context: Context) -> Iterator[Diagnostic]:
    """CH0410 signed without an evaluation that decides, CH0411 nothing left that stops (both warnings)."""
    charter, ancestry = context.charter, context.ancestry
    if ancestry is None:
        return
    waived = {waiver.of.text: waiver for waiver in charter.waivers.values() if waiver.of is not None}
    # Sets of stages as numbers: there may be thousands of evaluations and deployments of one model.
    stopping: dict[str, int] = defaultdict(int)
    signing: dict[str, int] = defaultdict(int)
    for evaluation in charter.evaluations.values():
        if evaluation.of is not None and can_stop(evaluation.requires):
            stopping[evaluation.of.text] |= ancestry.mask([f"evaluate/{evaluation.name}"])
    for approval in charter.approvals.values():
        if approval.of is not None:
            signing[approval.of.text] |= ancestry.mask([f"approve/{approval.name}"])
    for deployment in charter.deployments.values():
        name = deployment.of.text if deployment.of else ""
        before = ancestry.before(f"deploy/{deployment.name}")
        deciding = before & stopping[name]
        for stage in ancestry.picked(before & signing[name]):
            unseen = deciding & ~ancestry.before(stage)
            # That nobody has seen anything is an error already.
            if unseen and unseen != deciding:
                yield _unseen(charter.approvals[_name(stage)], deployment, _evaluations(charter, ancestry, unseen))
        if waived and deciding:
            yield from _waived(deployment, _evaluations(charter, ancestry, deciding), waived)


def _name(stage: str) -> str:
    return stage.partition("/")[2]


def _evaluations(charter: model.Charter, ancestry: Ancestry, mask: int) -> Iterator[model.Evaluation]:
    return (charter.evaluations[_name(stage)] for stage in ancestry.picked(mask))


def _unseen(approval: model.Approval, deployment: model.Deployment, unseen: Iterator[model.Evaluation]) -> Diagnostic:
    shown = tuple(islice(unseen, _MOST_NAMED))
    quoted = ", ".join(f"`{item.name}`" for item in shown)
    detail = (
        f"Whoever signs `{approval.name}` may not have seen {quoted}, on which it depends whether `{deployment.name}` "
        f"goes live. Add `after {', '.join(item.name for item in shown)}` to the approval."
    )
    related = (Related(item.node.header_span, "this evaluation may come later") for item in shown)
    return warning("CH0410", approval.node.name.span, detail, *related)


def _waived(
    deployment: model.Deployment, deciding: Iterator[model.Evaluation], waived: dict[str, model.Waiver]
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
