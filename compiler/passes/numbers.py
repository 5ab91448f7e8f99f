"""Numbers where they stand: shares that make a whole, limits with their units, counts that make sense."""

import itertools
from collections.abc import Iterator
from decimal import Decimal

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.ir import Unit
from charter.compiler.passes.context import Context
from charter.compiler.units import NAMES, fits, plain
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.suggest import did_you_mean

LIMITS: dict[str, Unit] = {"time": "seconds", "memory": "bytes", "gpus": "count"}
_EXAMPLES = {"time": "time: 10 minutes", "memory": "memory: 4 GB", "gpus": "gpus: 0"}
_MOST_SEED = 2**32 - 1


def check_numbers(context: Context) -> Iterator[Diagnostic]:
    """CH0206 shares, CH0210 limits, CH0201 their units, CH0211 numbers that make no sense."""
    charter = context.charter
    for dataset in charter.datasets.values():
        if dataset.split is not None:
            yield from _shares(dataset.split)
            yield from _seed(dataset.split.clause.arguments.get("seed"))
        for step in dataset.steps:
            yield from _edges(step)
        yield from _positive(dataset.labels.clause.arguments.get("after") if dataset.labels else None, "to an outcome")
    for declared in charter.models.values():
        yield from _limits(declared.limits)
        yield from _parameter_seed(declared.parameters)
    for monitor in charter.monitors.values():
        yield from _positive(monitor.node.header.get("every"), "between two checks")
    for approval in charter.approvals.values():
        valid = approval.clause("valid")
        yield from _positive(valid.arguments.get("for") if valid else None, "that an approval holds")
    for deployment in charter.deployments.values():
        rollout = deployment.clause("rollout")
        yield from _positive(rollout.arguments.get("each") if rollout else None, "that a step lasts")
    for monitor in charter.monitors.values():
        learn = monitor.clause("learn")
        count = learn.arguments.get("count") if learn else None
        if count is not None and read.integer(learn, "count", 0) < 1:
            yield error("CH0211", count.span, "People look at one case at least.")
    for retirement in charter.retirements.values():
        for clause in retirement.clauses("erase"):
            after = clause.arguments.get("after")
            quantity = read.quantity(after)
            if after is not None and quantity is not None and quantity.value < 0:
                yield error("CH0211", after.span, "Nothing can be erased before the retirement.")
        archive = retirement.clause("archive")
        yield from _positive(archive.arguments.get("for") if archive else None, "that an archive is kept")


def _shares(split: model.Split) -> Iterator[Diagnostic]:
    total = Decimal(0)
    for name, share in split.parts:
        if share is None or not 0 < share < 1:
            detail = f"The part `{name.text}` needs a share between 0% and 100%, such as `{name.text} 70%`."
            yield error("CH0206", name.span, detail)
            return
        total += share
    if split.parts and total != 1:
        detail = f"The parts make {plain(total * 100)}% of the rows together. Change the shares so that they make 100%."
        yield error("CH0206", split.parts[0][0].span.to(split.parts[-1][0].span), detail)


def _seed(value: ast.Value | None) -> Iterator[Diagnostic]:
    if not isinstance(value, ast.Number):
        if value is not None:
            yield error("CH0211", value.span, "A seed is a whole number, such as `7`.")
        return
    if not read.is_whole(value.value) or value.unit is not None or not 0 <= value.value <= _MOST_SEED:
        yield error("CH0211", value.span, f"A seed is a whole number from 0 to {_MOST_SEED}.")


def _parameter_seed(parameters: ast.MappingValue | None) -> Iterator[Diagnostic]:
    for entry in parameters.entries if parameters else ():
        if entry.key.text == "seed":
            yield from _seed(entry.value)


def _edges(step: model.Step) -> Iterator[Diagnostic]:
    value = step.clause.arguments.get("at")
    items = value.items if isinstance(value, ast.ListValue) else ()
    edges = [item for item in items if isinstance(item, ast.Number)]
    for left, right in itertools.pairwise(edges):
        if left.value >= right.value:
            detail = "The edges of `bin` ascend, each larger than the one before. Put them in order."
            yield error("CH0211", right.span, detail)
            return


def _limits(limits: ast.MappingValue | None) -> Iterator[Diagnostic]:
    for entry in limits.entries if limits else ():
        key = entry.key.text
        wanted = LIMITS.get(key)
        if wanted is None:
            known = ", ".join(f"`{name}`" for name in LIMITS)
            detail = f"`{key}` is no limit; there is {known}.{did_you_mean(key, LIMITS)}"
            yield error("CH0210", entry.key.span, detail)
            continue
        quantity = read.quantity(entry.value)
        if quantity is None or not fits(quantity.unit, wanted):
            detail = f"The limit `{key}` is {NAMES[wanted]}. Write `{_EXAMPLES[key]}`."
            yield error("CH0201", entry.value.span, detail)
        elif quantity.value < 0 or (quantity.value == 0 and key != "gpus"):
            detail = f"With this limit nothing could run. Write `{_EXAMPLES[key]}`."
            yield error("CH0211", entry.value.span, detail)
        elif key == "gpus" and not read.is_whole(quantity.value):
            yield error("CH0211", entry.value.span, "Write a whole number of GPUs.")


def _positive(value: ast.Value | None, what: str) -> Iterator[Diagnostic]:
    quantity = read.quantity(value)
    if value is not None and quantity is not None and quantity.value < 1:
        yield error("CH0211", value.span, f"The time {what} is at least one second.")
