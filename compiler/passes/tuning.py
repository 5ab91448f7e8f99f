"""Tuning: a search looks for something that is measured, in ranges of the trainer's parameters, on rows set apart."""

from collections.abc import Iterator
from decimal import Decimal

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.metrics import METRICS
from charter.compiler.passes.context import Context
from charter.compiler.passes.metrics import fits_task, not_measured
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.suggest import did_you_mean

MOST_TRIALS = 100_000
SEARCHED: dict[str, tuple[Decimal, Decimal]] = {
    "epochs": (Decimal(1), Decimal(10_000)),
    "batch-size": (Decimal(2), Decimal(1_000_000)),
    "dropout": (Decimal(0), Decimal("0.95")),
    "learning-rate": (Decimal("1e-8"), Decimal(10)),
    "fairness-penalty": (Decimal(0), Decimal("1e6")),
}
"""What can be searched of the built-in trainer, with the values that it takes (a test holds both to each other)."""


def check_tuning(context: Context) -> Iterator[Diagnostic]:
    """CH1703 a search that finds nothing, CH0109 and CH0203 by a metric that nobody measures, CH0607 the wrong way."""
    for declared in context.charter.models.values():
        if declared.tune is not None:
            yield from _search(declared, declared.tune)


def _search(declared: model.Model, tune: model.Tune) -> Iterator[Diagnostic]:
    trials = tune.clause.arguments.get("trials")
    count = read.integer(tune.clause, "trials", 0)
    if trials is not None and not 1 <= count <= MOST_TRIALS:
        yield error("CH1703", trials.span, f"A search has from 1 to {MOST_TRIALS:,} trials.")
    if declared.validate_on is None:
        detail = (
            f"`{declared.name}` has no rows to choose by: whatever is best on the rows that it learns from has learnt "
            "them by heart. Add `validate on` with another part of the split."
        )
        yield error("CH1703", tune.clause.keyword_span, detail)
    if tune.metric is not None:
        yield from _metric(tune.metric, tune, declared.task)
    if not tune.space:
        detail = "There is nothing to choose from. Name a range: `{ learning-rate: 1e-4 .. 1e-2 log }`."
        yield error("CH1703", tune.clause.keyword_span, detail)
    for entry in tune.space:
        yield from _entry(entry, built_in=declared.trainer_kind == "builtin")


def _metric(name: ast.Name, tune: model.Tune, task: str) -> Iterator[Diagnostic]:
    metric = METRICS.get(name.text)
    if metric is None or "evaluate" not in metric.stages or not fits_task(metric, task):
        yield not_measured(name, name.text, "evaluate", task)
        return
    if metric.over or metric.each is not None:
        detail = (
            f"`{name.text}` has no one value to compare trials by. Search by a metric of all rows, such as `roc_auc`."
        )
        yield error("CH1703", name.span, detail)
    right = {"higher": "maximise", "lower": "minimise"}.get(metric.better or "")
    if right is not None and tune.direction in ("maximise", "minimise") and tune.direction != right:
        detail = f"A {metric.better} `{name.text}` is better, so this finds the worst model. Did you mean `{right}`?"
        yield warning("CH0607", tune.clause.arguments["direction"].span, detail)


def _entry(entry: ast.Entry, *, built_in: bool) -> Iterator[Diagnostic]:
    allowed = SEARCHED.get(entry.key.text)
    if built_in and allowed is None:
        listed = ", ".join(f"`{name}`" for name in SEARCHED)
        hint = did_you_mean(entry.key.text, SEARCHED)
        detail = f"`{entry.key.text}` is nothing to search for in `tabular-mlp`.{hint} It is {listed}."
        yield error("CH1703", entry.key.span, detail)
        return
    value = entry.value
    if isinstance(value, ast.ListValue) and value.items:
        if allowed is not None and built_in:
            yield from (found for item in value.items for found in _inside(item, entry.key.text, allowed))
        return
    if not isinstance(value, ast.Range):
        detail = (
            f"`{entry.key.text}` has one value here. Search in a range (`1 .. 9`) or a list, or set it in `parameters`."
        )
        yield error("CH1703", value.span, detail)
        return
    yield from _range(value)
    if allowed is not None and built_in:
        yield from (found for end in (value.low, value.high) for found in _inside(end, entry.key.text, allowed))


def _range(value: ast.Range) -> Iterator[Diagnostic]:
    low, high = read.quantity(value.low), read.quantity(value.high)
    if low is None or high is None:
        return
    if low.unit != high.unit:
        yield error("CH0201", value.span, "Both ends of a range are counted in the same unit.")
    elif low.value >= high.value:
        detail = "A range goes from the smaller to the larger number, and these are not in that order. Swap the two."
        yield error("CH1703", value.span, detail)
    elif value.scale is not None and value.scale.text not in ("log", "linear"):
        detail = f"`{value.scale.text}` is no scale; there is `log`, and `linear`, which goes without saying."
        yield error("CH1703", value.scale.span, detail)
    elif value.scale is not None and value.scale.text == "log" and low.value <= 0:
        detail = "A `log` range begins above 0: there are no powers of ten below. Choose another low end."
        yield error("CH1703", value.low.span, detail)


def _inside(value: ast.Value, name: str, allowed: tuple[Decimal, Decimal]) -> Iterator[Diagnostic]:
    quantity = read.quantity(value)
    low, high = allowed
    if quantity is None or not low <= quantity.value <= high:
        detail = f"`{name}` of `tabular-mlp` lies from {low:g} to {high:g}. Choose values inside."
        yield error("CH1703", value.span, detail)
