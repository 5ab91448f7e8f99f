"""Leakage: no evaluation or monitor looks at rows that its model has learnt from or was tuned on."""

from collections.abc import Iterator, Mapping

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
    """CH0501 same rows, CH0502 related rows, CH0503 no part to learn from, CH0504 groups torn, CH0505 validation."""
    charter = context.charter
    lineage = Lineage(charter)
    for declared in charter.models.values():
        yield from _validated(declared, lineage)
    for evaluation in charter.evaluations.values():
        if evaluation.of is not None:
            yield from _check(evaluation.of.text, evaluation.on, evaluation, lineage)
    for monitor in charter.monitors.values():
        for reference in (monitor.on, *(bound.node.on for bound in monitor.requires)):
            yield from _check(charter.watched(monitor), reference, monitor, lineage)
    grouped = {name: by for name, dataset in charter.datasets.items() if (by := _grouped_by(dataset)) is not None}
    for dataset in charter.datasets.values():
        yield from _learning_part(dataset)
        if grouped and dataset.split is not None:
            yield from _torn(dataset, dataset.split, grouped, lineage)


def _check(name: str, on: ast.Name | None, declared: model.Declared, lineage: Lineage) -> Iterator[Diagnostic]:
    looked_at = rows_of(lineage.charter, on)
    if looked_at is None or on is None:
        return
    for seen in _seen(name, lineage):
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


def _seen(name: str, lineage: Lineage) -> Iterator[Seen]:
    charter = lineage.charter
    declared = charter.models.get(name)
    if declared is None:
        return
    for reference, how in declared.rows():
        rows = rows_of(charter, reference)
        if rows is None:
            continue
        yield Seen(rows, reference, how)
        made_of = [charter.datasets[origin] for origin in sorted(lineage.ancestors(rows.dataset))]
        for dataset in (*([rows.dataset] if rows.part is not None else []), *made_of):
            if _learning_step(dataset) and TRAINING_PART in dataset.part_names:
                learnt = Rows(dataset, TRAINING_PART, f"split/{dataset.name}", TRAINING_PART)
                yield Seen(learnt, reference, "was given, in what `prepare` learnt from,")


def _validated(declared: model.Model, lineage: Lineage) -> Iterator[Diagnostic]:
    learnt, tuned = rows_of(lineage.charter, declared.train_on), rows_of(lineage.charter, declared.validate_on)
    if learnt is None or tuned is None or declared.train_on is None or declared.validate_on is None:
        return
    common = lineage.common(learnt, tuned)
    if common:
        both = f"`{declared.validate_on.text}` and `{declared.train_on.text}` both come from {common}"
        why = "it is trained on the same" if declared.validate_on.text == declared.train_on.text else both
        detail = (
            f"`{declared.name}` would stop and be tuned by rows that it may have learnt by heart: {why}. Validate on a "
            "part of the split that training leaves alone."
        )
        where = Related(declared.train_on.span, "the model is trained on these rows")
        yield error("CH0505", declared.validate_on.span, detail, where)


def _grouped_by(dataset: model.Dataset) -> str | None:
    return dataset.split.grouped_by.text if dataset.split and dataset.split.grouped_by else None


def _torn(
    dataset: model.Dataset, split: model.Split, grouped: Mapping[str, str], lineage: Lineage
) -> Iterator[Diagnostic]:
    """A dataset that others keep together by a column, and that this split may tear apart again."""
    own = grouped.get(dataset.name)
    for name in sorted(lineage.ancestors(dataset) & grouped.keys()):
        column = grouped[name]
        if column == own:
            continue
        detail = (
            f"`{dataset.name}` is made of `{name}`, which keeps all rows of one `{column}` in one part. This split "
            f"does not, so one `{column}` could be learnt by heart from one part and be met again in another. Write "
            f"`grouped by {column}`."
        )
        origin = lineage.charter.datasets[name].split
        related = (Related(origin.grouped_by.span, "kept together here"),) if origin and origin.grouped_by else ()
        yield error("CH0504", split.clause.keyword_span, detail, *related)
        return


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
