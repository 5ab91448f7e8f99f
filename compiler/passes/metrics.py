"""Metrics: every bound is on something that the stage it stands at can measure."""

from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.controls import criterion_of
from charter.compiler.ir import StageKind
from charter.compiler.metrics import CLASSIFICATION, GENERATION, METRICS, Metric, measured_by
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.suggest import did_you_mean

_MEASURED_AT: dict[str, StageKind] = {
    "dataset": "validate",
    "evaluation": "evaluate",
    "monitor": "monitor",
}


def check_metrics(context: Context) -> Iterator[Diagnostic]:
    """CH0109 unknown, CH0203 not here, CH0204 needs a column, CH0205 takes none, CH0215 no interval."""
    for declared in context.charter.measuring():
        task = _task(declared, context.charter)
        for bound in declared.requires:
            yield from _check(bound, _MEASURED_AT[declared.kind], task)
        if isinstance(declared, model.Monitor):
            yield from _source(declared)
    for evaluation in context.charter.evaluations.values():
        for clause in evaluation.reports:
            yield from _report(read.name(clause, "metric"), _task(evaluation, context.charter))
            yield from _top(clause)
    for deployment in context.charter.deployments.values():
        for bound in deployment.bounds:
            yield from _check(bound, "monitor", _task(deployment, context.charter))
            yield from _of_the_log(bound)
    for retirement in context.charter.retirements.values():
        for bound in retirement.whens:
            yield from _criterion(bound, context.charter)


def _task(declared: model.Declared, charter: model.Charter) -> str:
    """The task of the model that is measured; that of most, where there is none or it is not known."""
    name: ast.Name | None = None
    if isinstance(declared, model.Evaluation | model.Deployment):
        name = declared.of
    elif isinstance(declared, model.Monitor):
        watched = charter.deployments.get(declared.of.text) if declared.of else None
        name = watched.of if watched else None
    found = charter.models.get(name.text) if name else None
    return found.task if found is not None else CLASSIFICATION


def fits_task(metric: Metric, task: str) -> bool:
    """Whether it is of models for this task; of a task that is misspelt nothing more is said."""
    return metric.task in (None, task) or task not in (CLASSIFICATION, GENERATION)


def _check(bound: model.Bound, stage: StageKind, task: str) -> Iterator[Diagnostic]:
    node = bound.node
    metric = METRICS.get(bound.metric)
    if metric is None or stage not in metric.stages or not fits_task(metric, task):
        yield not_measured(node.metric, bound.metric, stage, task)
        return
    yield from _column(bound, metric)
    if bound.confidence is not None and not metric.interval and node.confidence is not None:
        detail = (
            f"`{metric.name}` is measured without a confidence interval, so a bound `with confidence` on it could "
            "never be met. Leave `with confidence` out."
        )
        yield error("CH0215", node.confidence.span, detail)


def not_measured(name: ast.Name, metric: str, stage: StageKind, task: str = CLASSIFICATION) -> Diagnostic:
    """CH0109 or CH0203: the finding that no stage of this kind measures it of a model for this task."""
    known = measured_by(stage, task)
    listed = ", ".join(f"`{item}`" for item in known)
    if metric in METRICS and stage in METRICS[metric].stages:
        other = METRICS[metric].task
        detail = (
            f"`{metric}` is measured of models for {other}, and this one is for {task}. Measured of it is {listed}."
        )
        return error("CH0203", name.span, detail)
    if metric in METRICS:
        where = " and ".join(f"`{kind}`" for kind in sorted(METRICS[metric].stages))
        detail = f"`{metric}` is measured by stages of kind {where}, not by `{stage}`, which measures {listed}."
        return error("CH0203", name.span, detail)
    hint = did_you_mean(metric, known)
    detail = f"No stage of kind `{stage}` measures `{metric}`.{hint} It measures {listed}."
    return error("CH0109", name.span, detail)


def _column(bound: model.Bound, metric: Metric) -> Iterator[Diagnostic]:
    node = bound.node
    if metric.over and node.over is None:
        detail = f"`{metric.name}` compares groups. Say of which column: `{metric.name} over COLUMN`."
        yield error("CH0204", node.metric.span, detail)
    if metric.each is not None and node.each is None:
        what = "feature" if metric.each == "feature" else "COLUMN"
        detail = f"`{metric.name}` has one value for each {what.lower()}. Write `{metric.name} of each {what}`."
        yield error("CH0204", node.metric.span, detail)
    if node.over is not None and not metric.over:
        detail = f"`{metric.name}` has one value for all rows and is not measured `over` a column. Leave it out."
        yield error("CH0205", node.over.span, detail)
    if node.each is not None and metric.each is None:
        detail = f"`{metric.name}` has one value and is not measured `of each` of something. Leave it out."
        yield error("CH0205", node.each.span, detail)
    if node.each is not None and metric.each == "feature" and node.each.text != "feature":
        detail = f"`{metric.name}` is measured of every feature: write `{metric.name} of each feature`."
        yield error("CH0205", node.each.span, detail)


def _report(name: ast.Name | None, task: str) -> Iterator[Diagnostic]:
    if name is None:
        return
    metric = METRICS.get(name.text)
    if metric is None or "evaluate" not in metric.stages or not fits_task(metric, task):
        yield not_measured(name, name.text, "evaluate", task)
    elif metric.over:
        detail = (
            f"`{name.text}` compares groups, and `report` names none. Bound it, with "
            f"`require {name.text} over COLUMN …`; `enforce advisory` only warns."
        )
        yield error("CH0204", name.span, detail)


def _top(clause: ast.Clause) -> Iterator[Diagnostic]:
    top, name = clause.arguments.get("top"), read.name(clause, "metric")
    if top is None or name is None:
        return
    metric = METRICS.get(name.text)
    if metric is not None and metric.each is None:
        detail = f"`{name.text}` has one value, and no `top` of many. Leave `top` out."
        yield error("CH0205", top.span, detail)
    elif read.integer(clause, "top", 0) < 1:
        yield error("CH0211", top.span, "Write a whole number, at least one.")


def _of_the_log(bound: model.Bound) -> Iterator[Diagnostic]:
    metric = METRICS.get(bound.metric)
    if metric is not None and metric.monitored in ("rows", "decisions") and "monitor" in metric.stages:
        detail = (
            f"A deployment rolls back on what its own log tells at once, and `{bound.metric}` is not in it. Roll back "
            "on `error_rate`, or let a monitor say `otherwise rollback`."
        )
        yield error("CH0203", bound.node.metric.span, detail)


def _source(monitor: model.Monitor) -> Iterator[Diagnostic]:
    """A monitor looks at rows of a dataset, or at the log of what is served; each knows something else."""
    for bound in monitor.requires:
        metric = METRICS.get(bound.metric)
        if metric is None or "monitor" not in metric.stages:
            continue
        on = bound.node.on or monitor.on
        if metric.monitored == "rows" and on is None:
            detail = (
                f"`{bound.metric}` needs {_missing_in_log(metric)}. Name a dataset: "
                f"`monitor {monitor.name} of … on DATASET every …`, or `{bound.metric} on DATASET` in the bound."
            )
            yield error("CH0203", bound.node.metric.span, detail)
        elif metric.monitored == "log" and on is not None:
            detail = (
                f"`{bound.metric}` is read from the log of what is served, and this monitor looks at "
                f"`{on.text}` instead. Put it into a monitor without `on`."
            )
            yield error("CH0203", bound.node.metric.span, detail)


def _missing_in_log(metric: Metric) -> str:
    """What of the rows that a metric needs is not in the log of what is served: features and predictions are."""
    if metric.over:
        return "the outcome and the protected attribute of every row, and the log of what is served has neither"
    return "rows with outcomes, and the log of what is served has none"


def _criterion(bound: model.Bound, charter: model.Charter) -> Iterator[Diagnostic]:
    monitor, metric = criterion_of(bound)
    span = bound.node.metric.span
    if monitor is None:
        if metric != "age":
            hint = did_you_mean(metric, ("age",))
            detail = f"A retirement looks at `age`, or at what a monitor measures: `MONITOR.METRIC`.{hint}"
            yield error("CH0109", span, detail)
        return
    watching = charter.monitors.get(monitor)
    if watching is None:
        hint = did_you_mean(monitor, charter.monitors)
        yield error("CH0101", span, f"`{monitor}` is not declared as a monitor.{hint}")
        return
    known, task = METRICS.get(metric), _task(watching, charter)
    if known is None or "monitor" not in known.stages or not fits_task(known, task):
        yield not_measured(bound.node.metric, metric, "monitor", task)
    elif known.monitored == "rows" and watching.on is None and not _measures_on_rows(watching, metric):
        detail = (
            f"`{metric}` needs {_missing_in_log(known)}, and `{monitor}` looks at that log. Add `require {metric} on "
            f"DATASET …` to it, or `on DATASET` to the monitor."
        )
        yield error("CH0203", span, detail)
    elif (bound.over or bound.each) and all(_scope(other) != _scope(bound, metric) for other in watching.requires):
        detail = (
            f"`{monitor}` does not measure `{metric}` so. Add a `require` with the same column to the monitor, or "
            "leave the column out here: then the worst that it measures counts."
        )
        yield error("CH0204", span, detail)
    elif known.over and all(other.metric != metric for other in watching.requires):
        detail = (
            f"`{monitor}` does not measure `{metric}`, because no `require` in it says over which column. Add "
            f"`require {metric} over COLUMN …` to the monitor."
        )
        yield error("CH0204", span, detail)


def _measures_on_rows(monitor: model.Monitor, metric: str) -> bool:
    return any(bound.metric == metric and bound.on is not None for bound in monitor.requires)


def _scope(bound: model.Bound, metric: str = "") -> tuple[str, str | None, str | None]:
    return (metric or bound.metric, bound.over, bound.each)
