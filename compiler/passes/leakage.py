"""Leakage: no evaluation or monitor looks at rows that its model has learnt from or was tuned on."""

from collections.abc import Iterator

from msgspec import Struct

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.data import Rows, rows_of
from charter.compiler.lineage import Lineage
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related

_LEARNING = ("impute", "encode")
TRAINING_PART = "train"
"""The part that `prepare` learns from."""


class Seen(Struct, frozen=True):
    """Rows that a model has seen, and where the charter says so."""

    rows: Rows
    reference: ast.Name
    how: str


def check_leakage(context: Context) -> Iterator[Diagnostic]:
    """CH0501 the same rows, CH0502 rows that may share some, CH0503 `prepare` learns from no part for it."""
    charter = context.charter
    lineage = Lineage(charter)
    for evaluation in charter.evaluations.values():
        if evaluation.of is not None:
            yield from _check(evaluation.of.text, evaluation.on, evaluation, lineage)
    for monitor in charter.monitors.values():
        watched = charter.deployments.get(monitor.of.text) if monitor.of else None
        if watched is not None and watched.of is not None:
            yield from _check(watched.of.text, monitor.on, monitor, lineage)
    for dataset in charter.datasets.values():
        yield from _learning_part(dataset)


def _check(name: str, on: ast.Name | None, declared: model.Declared, lineage: Lineage) -> Iterator[Diagnostic]:
    looked_at = rows_of(lineage.charter, on)
    if looked_at is None or on is None:
        return
    for seen in _seen(name, lineage.charter):
        common = lineage.common(looked_at, seen.rows)
        if not common:
            continue
        where = Related(seen.reference.span, f"the model {seen.how} these rows")
        if seen.rows.dataset.name == looked_at.dataset.name:
            detail = (
                f"`{declared.name}` would measure `{name}` on rows that the model {seen.how}, and find it better "
                f"than it is. Take a part of `{looked_at.dataset.name}` that no training or validation uses."
            )
            yield error("CH0501", on.span, detail, where)
        else:
            detail = (
                f"`{on.text}` may hold rows of `{seen.reference.text}`, which `{name}` {seen.how}: both come from "
                f"{common}. Take rows from a part that training and validation leave alone."
            )
            yield error("CH0502", on.span, detail, where)
        return


def _seen(name: str, charter: model.Charter) -> Iterator[Seen]:
    declared = charter.models.get(name)
    if declared is None:
        return
    for reference, how in ((declared.train_on, "was trained on"), (declared.validate_on, "was tuned on")):
        rows = rows_of(charter, reference)
        if rows is None or reference is None:
            continue
        yield Seen(rows, reference, how)
        dataset = rows.dataset
        if rows.part is not None and _learning_step(dataset) and TRAINING_PART in dataset.part_names:
            learnt = Rows(dataset, TRAINING_PART, rows.stage, TRAINING_PART)
            yield Seen(learnt, reference, "was given, in what `prepare` learnt from,")


def _learning_step(dataset: model.Dataset) -> model.Step | None:
    return next((step for step in dataset.steps if step.do in _LEARNING), None)


def _learning_part(dataset: model.Dataset) -> Iterator[Diagnostic]:
    learning = _learning_step(dataset)
    if learning is None or dataset.split is None or TRAINING_PART in dataset.part_names:
        return
    detail = (
        f"`{learning.do}` learns from the part called `{TRAINING_PART}`, and the split of `{dataset.name}` has "
        "none, so it could learn from rows that evaluations use. Call the part to learn from "
        f"`{TRAINING_PART}`."
    )
    where = Related(learning.clause.keyword_span, "this step learns from rows")
    yield error("CH0503", dataset.split.clause.keyword_span, detail, where)
