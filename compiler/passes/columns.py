"""Columns: none is used after it was dropped, and the target and protected ones stay as recorded."""

from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.metrics import METRICS
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.source import Span
from charter.dsl.suggest import did_you_mean


def check_columns(context: Context) -> Iterator[Diagnostic]:
    """CH0111 used after it was dropped, CH0112 changed, CH0212 not protected, CH0214 no target, CH0216 another."""
    charter = context.charter
    for dataset in charter.datasets.values():
        yield from _prepared(dataset)
    yield from _targets(charter)
    for evaluation in charter.evaluations.values():
        yield from _protected(evaluation, evaluation.on, charter)
    for monitor in charter.monitors.values():
        yield from _protected(monitor, monitor.on or _learnt_from(monitor, charter), charter)


def _prepared(dataset: model.Dataset) -> Iterator[Diagnostic]:
    dropped: dict[str, Span] = {}
    for step in dataset.steps:
        columns = read.names(step.clause, "columns") or read.names(step.clause, "column")
        for column in columns:
            if column.text in dropped:
                yield _gone(column, dropped[column.text], dataset)
            elif step.do in ("impute", "encode", "redact", "drop columns"):
                yield from _changed(column, step, dataset)
        if step.do == "drop columns":
            dropped |= {column.text: column.span for column in columns}
        elif step.do == "bin":
            made = read.word(step.clause, "into")
            dropped.pop(made, None)
    yield from _used_later(dataset, dropped)


def _used_later(dataset: model.Dataset, dropped: dict[str, Span]) -> Iterator[Diagnostic]:
    used = [*dataset.protected]
    used += [dataset.split.stratified_by] if dataset.split and dataset.split.stratified_by else []
    used += [dataset.split.grouped_by] if dataset.split and dataset.split.grouped_by else []
    used += [bound.node.each for bound in dataset.requires if bound.node.each is not None]
    for column in used:
        if column.text in dropped:
            yield _gone(column, dropped[column.text], dataset)


def _gone(column: ast.Name, where: Span, dataset: model.Dataset) -> Diagnostic:
    detail = (
        f"`prepare` of `{dataset.name}` drops `{column.text}`, so it is not there when it is needed here. Keep the "
        "column, or take it out here."
    )
    return error("CH0111", column.span, detail, Related(where, f"`{column.text}` is dropped here"))


def _changed(column: ast.Name, step: model.Step, dataset: model.Dataset) -> Iterator[Diagnostic]:
    is_target = dataset.target is not None and column.text == dataset.target.text
    is_protected = any(column.text == name.text for name in dataset.protected)
    is_personal = any(column.text == name.text for name in dataset.personal)
    by = dataset.split.grouped_by if dataset.split else None
    is_group = by is not None and column.text == by.text
    kept = {
        "drop columns": is_target,
        "impute": is_target or is_group,
        "redact": is_target or is_protected or is_group,
        "encode": is_target or is_protected or is_personal or is_group,
    }
    if not kept[step.do]:
        return
    what = "the target" if is_target else "a protected attribute" if is_protected else "a personal column"
    what = "what the split groups by" if is_group and not is_target else what
    detail = (
        f"`{column.text}` is {what} of `{dataset.name}` and stays as it was recorded: what is measured over it "
        f"would mean something else. Take it out of `{step.do}`."
    )
    yield error("CH0112", column.span, detail)


def _dataset(reference: ast.Name | None, charter: model.Charter) -> model.Dataset | None:
    return charter.datasets.get(reference.parts[0]) if reference else None


def _targets(charter: model.Charter) -> Iterator[Diagnostic]:
    for declared in charter.models.values():
        yield from _has_target(declared.train_on, charter, f"the model `{declared.name}` predicts")
    for evaluation in charter.evaluations.values():
        yield from _same_target(evaluation, charter)


def _has_target(reference: ast.Name | None, charter: model.Charter, what: str) -> Iterator[Diagnostic]:
    dataset = _dataset(reference, charter)
    if dataset is not None and dataset.target is None and reference is not None:
        detail = f"The dataset `{dataset.name}` does not say what {what}. Add `target COLUMN` to it."
        where = Related(dataset.node.header_span, f"`{dataset.name}` is declared here")
        yield error("CH0214", reference.span, detail, where)


def _same_target(evaluation: model.Evaluation, charter: model.Charter) -> Iterator[Diagnostic]:
    declared = charter.models.get(evaluation.of.text) if evaluation.of else None
    if declared is not None and declared.generative and not _compares(evaluation):
        return
    yield from _has_target(evaluation.on, charter, f"`{evaluation.name}` compares predictions with")
    learnt = _dataset(declared.train_on, charter) if declared else None
    measured = _dataset(evaluation.on, charter)
    if learnt is None or measured is None or learnt.target is None or measured.target is None:
        return
    if learnt.target.text != measured.target.text and evaluation.on is not None:
        detail = (
            f"The model learns to predict `{learnt.target.text}`, but the target of `{measured.name}` is "
            f"`{measured.target.text}`. Evaluate on rows with the same target."
        )
        yield error("CH0216", evaluation.on.span, detail, Related(learnt.target.span, "the model's target"))


def _compares(evaluation: model.Evaluation) -> bool:
    """Whether texts are compared with what should have been written."""
    asked = [bound.metric for bound in evaluation.requires]
    asked += [read.word(clause, "metric") for clause in evaluation.reports]
    return any(METRICS[name].reference for name in asked if name in METRICS)


def _learnt_from(monitor: model.Monitor, charter: model.Charter) -> ast.Name | None:
    watched = charter.deployments.get(monitor.of.text) if monitor.of else None
    declared = charter.models.get(watched.of.text) if watched and watched.of else None
    return declared.train_on if declared else None


def _protected(
    declared: model.Evaluation | model.Monitor, rows: ast.Name | None, charter: model.Charter
) -> Iterator[Diagnostic]:
    for bound in declared.requires:
        column = bound.node.over
        dataset = _dataset(bound.node.on or rows, charter)
        if dataset is None:
            continue
        if dataset.of is not None and not dataset.protected:
            dataset = charter.served_from(dataset) or dataset
        names = [name.text for name in dataset.protected]
        if column is not None and column.text not in names:
            hint = did_you_mean(column.text, names)
            detail = (
                f"`{column.text}` is not declared as a protected attribute of `{dataset.name}`.{hint} Fairness is "
                f"measured over these; add it to the dataset: `protected {', '.join([*names, column.text])}`."
            )
            where = Related(dataset.node.header_span, f"`{dataset.name}` is declared here")
            yield error("CH0212", column.span, detail, where)
