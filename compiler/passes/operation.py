"""Operation: how a model comes into service step by step, when it goes back and to what, and what is learnt from it."""

from collections.abc import Iterator
from decimal import Decimal

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.compiler.units import fits, plain
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related


def check_operation(context: Context) -> Iterator[Diagnostic]:
    """CH1701 a rollout that does not rise to everybody, CH1702 a way back to the same, CH1705 nothing to learn from."""
    charter = context.charter
    for deployment in charter.deployments.values():
        rollout, fallback = deployment.clause("rollout"), deployment.clause("fallback")
        if rollout is not None:
            yield from _rollout(rollout)
        if fallback is not None:
            yield from _fallback(fallback, deployment, charter)
    for monitor in charter.monitors.values():
        learn = monitor.clause("learn")
        if learn is not None:
            yield from _learn(learn, monitor, charter)


def _rollout(clause: ast.Clause) -> Iterator[Diagnostic]:
    value = clause.arguments.get("steps")
    steps = value.items if isinstance(value, ast.ListValue) else (value,) if value is not None else ()
    before = Decimal(0)
    for step in steps:
        quantity = read.quantity(step)
        share = quantity.value if quantity is not None and fits(quantity.unit, "ratio") else None
        if share is None or not before < share <= 1:
            least = f"more than {plain(before * 100)}%" if share is not None and before else "more than 0%"
            detail = (
                f"Each step reaches more people than the one before: {least} and at most 100%, such as `10% -> 100%`."
            )
            yield error("CH1701", step.span, detail)
            return
        before = share
    if steps and before != 1:
        detail = f"The last step stops at {plain(before * 100)}%, so the rollout never ends. Let it end at `100%`."
        yield error("CH1701", steps[-1].span, detail)
    elif len(steps) > 1 and "each" not in clause.arguments:
        detail = "Nothing says how long a step lasts before the next one begins. Add `each` and a time: `each 1 day`."
        yield error("CH1701", clause.span, detail)


def _fallback(clause: ast.Clause, deployment: model.Deployment, charter: model.Charter) -> Iterator[Diagnostic]:
    to, version = read.name(clause, "to"), read.text(clause, "version")
    if to is None or deployment.of is None or to.text not in charter.models:
        return
    live = charter.models.get(deployment.of.text)
    here = charter.lifecycle.version if charter.lifecycle else ""
    if to.text == deployment.of.text and (version is None or version.value == here):
        which = f"version {here} of `{to.text}`" if version is not None else f"`{to.text}`"
        detail = (
            f"`{deployment.name}` serves {which} and would fall back to the same. Name a version that was live before, "
            f'such as `fallback {to.text} version "1.0"`, or another model.'
        )
        yield error("CH1702", clause.span, detail)
    elif live is not None and live.task != charter.models[to.text].task:
        detail = (
            f"`{to.text}` is for `{charter.models[to.text].task}`, and what `{deployment.name}` serves is for "
            f"`{live.task}`: nobody who calls it could use the answers. Fall back to a model for the same task."
        )
        yield error("CH1702", to.span, detail, Related(live.node.header_span, "what is served"))


def _learn(clause: ast.Clause, monitor: model.Monitor, charter: model.Charter) -> Iterator[Diagnostic]:
    origin = read.name(clause, "from")
    dataset = charter.datasets.get(origin.parts[0]) if origin is not None else None
    if origin is None or dataset is None:
        return
    if dataset.of is None:
        detail = (
            f"`{dataset.name}` is no feedback: people label what the deployment has served. Declare `dataset NAME of "
            f"{monitor.of.text if monitor.of else 'DEPLOYMENT'}` with `labels` and `join on`, and learn from it."
        )
        yield error("CH1705", origin.span, detail, Related(dataset.node.header_span, "declared here"))
    elif monitor.of is not None and dataset.of.text != monitor.of.text:
        detail = (
            f"`{dataset.name}` is feedback of `{dataset.of.text}`, and `{monitor.name}` watches `{monitor.of.text}`. "
            "Learn from what this deployment has served."
        )
        yield error("CH1705", origin.span, detail, Related(dataset.of.span, "feedback of this deployment"))
