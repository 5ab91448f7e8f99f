"""Gating: nothing goes live that was not evaluated, approved where the risk is high, on evidence.

All joins of the graph are AND, so a stage's ancestors are what every way to it passes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.graph import Ancestry
from charter.compiler.passes.context import Context
from charter.dsl.diagnostics import Diagnostic, Related

_MOST_NAMED = 5
_OfModel = TypeVar("_OfModel", model.Evaluation, model.Approval)


def check_gating(context: Context) -> Iterator[Diagnostic]:
    """CH0402 ungated deployment, CH0403 without approval, CH0404 on no evidence, CH0407 and CH0409 without bound."""
    charter = context.charter
    for evaluation in charter.evaluations.values():
        yield from _bounded(evaluation)
    asked = {bound.node.metric.parts[0] for item in charter.retirements.values() for bound in item.whens}
    for monitor in charter.monitors.values():
        if monitor.clause("require") is None and monitor.name not in asked:
            detail = f"`{monitor.name}` watches nothing. Add a bound, such as `require psi of each feature <= 0.2`."
            yield error("CH0409", monitor.node.name.span, detail)
    if context.ancestry is None:
        return
    evaluations, approvals = by_model(charter.evaluations.values()), by_model(charter.approvals.values())
    for deployment in charter.deployments.values():
        name = deployment.of.text if deployment.of else ""
        if name in charter.models:
            yield from _evaluated(deployment, name, evaluations[name], context.ancestry)
            if charter.lifecycle is not None and charter.lifecycle.risk == "high":
                yield from _approved(deployment, name, approvals[name], context.ancestry)
    for approval in charter.approvals.values():
        name = approval.of.text if approval.of else ""
        if name in charter.models:
            yield from _informed(approval, name, evaluations[name], context.ancestry)


def by_model(items: Iterable[_OfModel]) -> dict[str, list[_OfModel]]:
    """What is about each model, by its name; nothing, for one that nothing is about."""
    found: dict[str, list[_OfModel]] = defaultdict(list)
    for item in items:
        if item.of is not None:
            found[item.of.text].append(item)
    return found


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


def _evaluated(
    deployment: model.Deployment, name: str, evaluations: list[model.Evaluation], ancestry: Ancestry
) -> Iterator[Diagnostic]:
    stage = (f"deploy/{deployment.name}",)
    if any(can_stop(item.requires) and ancestry.precedes(f"evaluate/{item.name}", stage) for item in evaluations):
        return
    able = [item.name for item in evaluations if can_stop(item.requires)][:_MOST_NAMED]
    add = f"Add `after {', '.join(able)}`." if able else f"Add an `evaluation … of {name}` with a `require`."
    detail = (
        f"`{deployment.name}` could go live although no evaluation of `{name}` with a bound that stops it has "
        f"passed. {add}"
    )
    related = (
        Related(item.node.header_span, _why_not(ancestry.precedes(f"evaluate/{item.name}", stage)))
        for item in evaluations[:_MOST_NAMED]
    )
    yield error("CH0402", deployment.node.name.span, detail, *related)


def _why_not(on_the_way: bool) -> str:
    if on_the_way:
        return "this evaluation has no bound that stops it"
    return "this evaluation is not on the way to it"


def _approved(
    deployment: model.Deployment, name: str, approvals: list[model.Approval], ancestry: Ancestry
) -> Iterator[Diagnostic]:
    stage = (f"deploy/{deployment.name}",)
    if any(ancestry.precedes(f"approve/{item.name}", stage) for item in approvals):
        return
    add = (
        f"Add `after {approvals[0].name}`."
        if approvals
        else f"Declare an `approval … of {name}` by a role, and put it into `after`."
    )
    related = (
        Related(item.node.header_span, "this approval is not on the way to it") for item in approvals[:_MOST_NAMED]
    )
    detail = f"The lifecycle is of high risk, and nobody approves `{name}` before `{deployment.name}` goes live. {add}"
    yield error("CH0403", deployment.node.name.span, detail, *related)


def _informed(
    approval: model.Approval, name: str, evaluations: list[model.Evaluation], ancestry: Ancestry
) -> Iterator[Diagnostic]:
    stage = (f"approve/{approval.name}",)
    if any(ancestry.precedes(f"evaluate/{item.name}", stage) for item in evaluations):
        return
    names = [item.name for item in evaluations[:_MOST_NAMED]]
    add = f"Add `after {', '.join(names)}`." if names else f"Evaluate `{name}` first, and add `after` it."
    detail = f"Whoever approves `{approval.name}` would sign before `{name}` is evaluated, on no evidence. {add}"
    yield error("CH0404", approval.node.name.span, detail)
