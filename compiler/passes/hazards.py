"""Hazards: whatever is said to mitigate one really stands at a gate and can close it."""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.controls import policy_gates
from charter.compiler.passes.context import Context
from charter.compiler.passes.gating import can_stop
from charter.dsl.diagnostics import Diagnostic, Related


def check_hazards(context: Context) -> Iterator[Diagnostic]:
    """CH0803: a mitigation that stops nothing."""
    charter = context.charter
    if context.ancestry is None:
        return
    for objective in charter.objectives.values():
        for hazard in objective.hazards:
            for name in hazard.mitigated_by:
                found = _mitigation(name.text, charter)
                reason = _why_not(found, context) if found is not None else ""
                if found is not None and reason:
                    detail = f"`{name.text}` is said to mitigate `{hazard.title}`, but {reason}"
                    where = Related(found.node.header_span, f"`{name.text}` is declared here")
                    yield error("CH0803", name.span, detail, where)


def _mitigation(name: str, charter: model.Charter) -> model.Declared | None:
    kinds = (charter.evaluations, charter.policies, charter.monitors, charter.approvals, charter.datasets)
    return next((declared[name] for declared in kinds if name in declared), None)


def _why_not(declared: model.Declared, context: Context) -> str:
    match declared:
        case model.Policy(enforce="advisory"):
            return "it only warns. Write `enforce mandatory`."
        case model.Policy() if not policy_gates(declared, context.graph):
            return "it stands at no gate. Name stages in its `before`."
        case model.Evaluation() | model.Monitor() | model.Dataset() if not can_stop(declared.requires):
            return "none of its bounds can stop anything. Give it a `require` that is not `advisory`."
        case model.Evaluation() if not _on_the_way(f"evaluate/{declared.name}", context):
            return "no deployment waits for it. Name it in an `after` on the way to the deployment."
        case model.Approval() if not _on_the_way(f"approve/{declared.name}", context):
            return "no deployment waits for it. Name it in an `after` on the way to the deployment."
    return ""


def _on_the_way(stage: str, context: Context) -> bool:
    # Where nothing goes live, the evaluation's own gate is all there is.
    return not context.charter.deployments or stage in context.deployed_after
