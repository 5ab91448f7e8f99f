"""Gating: nothing goes live that was not evaluated, approved where the risk is high, on evidence.

All joins of the graph are AND, so a stage's ancestors are what every way to it passes.
"""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.passes.context import Context
from charter.dsl.diagnostics import Diagnostic, Related


def check_gating(context: Context) -> Iterator[Diagnostic]:
    """CH0402 ungated deployment, CH0403 without approval, CH0404 approval without evidence, CH0407 without bound."""
    charter = context.charter
    if not context.complete:
        return
    for evaluation in charter.evaluations.values():
        yield from _bounded(evaluation)
    for deployment in charter.deployments.values():
        yield from _evaluated(deployment, context)
        yield from _approved(deployment, context)
    for approval in charter.approvals.values():
        yield from _informed(approval, context)
    for monitor in charter.monitors.values():
        yield from _watching(monitor, charter)


def can_stop(bounds: tuple[model.Bound, ...]) -> bool:
    """Whether any of the bounds stops the lifecycle when it is missed."""
    return any(bound.enforce != "advisory" for bound in bounds)


def _bounded(evaluation: model.Evaluation) -> Iterator[Diagnostic]:
    if evaluation.requires or evaluation.clause("require") is not None:
        return
    span = evaluation.node.name.span
    if evaluation.reports:
        detail = f"`{evaluation.name}` only reports: whatever it measures, its gate lets it pass. Add a `require`."
        yield warning("CH0407", span, detail)
    else:
        detail = (
            f"`{evaluation.name}` measures nothing and decides nothing. Add a bound, such as `require roc_auc >= 0.75`."
        )
        yield error("CH0407", span, detail)


def _evaluated(deployment: model.Deployment, context: Context) -> Iterator[Diagnostic]:
    if deployment.of is None or deployment.of.text not in context.charter.models:
        return
    name = deployment.of.text
    of_model = [item for item in context.charter.evaluations.values() if item.of and item.of.text == name]
    before = context.graph.ancestors(f"deploy/{deployment.name}")
    on_the_way = [item for item in of_model if f"evaluate/{item.name}" in before]
    if any(can_stop(item.requires) for item in on_the_way):
        return
    related = [Related(item.node.header_span, _why_not(item, before)) for item in of_model]
    able = [item.name for item in of_model if can_stop(item.requires)]
    add = (
        f"Add `after {', '.join(able)}`."
        if able
        else f"Add an `evaluation … of {name}` with a `require`, and `after` it."
    )
    detail = (
        f"`{deployment.name}` could go live although no evaluation of `{name}` with a bound that stops it has "
        f"passed. {add}"
    )
    yield error("CH0402", deployment.node.name.span, detail, *related)


def _why_not(evaluation: model.Evaluation, before: set[str]) -> str:
    if f"evaluate/{evaluation.name}" not in before:
        return "this evaluation is not on the way to it"
    return "this evaluation has no bound that stops it"


def _approved(deployment: model.Deployment, context: Context) -> Iterator[Diagnostic]:
    lifecycle = context.charter.lifecycle
    if lifecycle is None or lifecycle.risk != "high" or deployment.of is None:
        return
    name = deployment.of.text
    before = context.graph.ancestors(f"deploy/{deployment.name}")
    approvals = [item for item in context.charter.approvals.values() if item.of and item.of.text == name]
    if name not in context.charter.models or any(f"approve/{item.name}" in before for item in approvals):
        return
    add = (
        f"Add `after {approvals[0].name}`."
        if approvals
        else f"Declare an `approval … of {name}` by a role, and put it into `after`."
    )
    related = [Related(item.node.header_span, "this approval is not on the way to it") for item in approvals]
    detail = f"The lifecycle is of high risk, and nobody approves `{name}` before `{deployment.name}` goes live. {add}"
    yield error("CH0403", deployment.node.name.span, detail, *related)


def _informed(approval: model.Approval, context: Context) -> Iterator[Diagnostic]:
    if approval.of is None or approval.of.text not in context.charter.models:
        return
    before = context.graph.ancestors(f"approve/{approval.name}")
    name = approval.of.text
    of_model = [item.name for item in context.charter.evaluations.values() if item.of and item.of.text == name]
    if any(f"evaluate/{item}" in before for item in of_model):
        return
    add = f"Add `after {', '.join(of_model)}`." if of_model else f"Evaluate `{name}` first, and add `after` it."
    detail = f"Whoever approves `{approval.name}` would sign before `{name}` is evaluated, on no evidence. {add}"
    yield error("CH0404", approval.node.name.span, detail)


def _watching(monitor: model.Monitor, charter: model.Charter) -> Iterator[Diagnostic]:
    asked = any(
        bound.node.metric.parts[0] == monitor.name
        for retirement in charter.retirements.values()
        for bound in retirement.whens
    )
    if monitor.clause("require") is None and not asked:
        detail = f"`{monitor.name}` watches nothing. Add a bound, such as `require psi of each feature <= 0.2`."
        yield error("CH0409", monitor.node.name.span, detail)
