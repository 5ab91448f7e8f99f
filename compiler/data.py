"""References to rows: `applications` is a dataset's final rows, `applications.test` a part of its split."""

from msgspec import Struct

from charter.compiler import model
from charter.dsl import ast


class Rows(Struct, frozen=True):
    """Rows that a reference resolves to: the artifact of a stage."""

    dataset: model.Dataset
    part: str | None
    stage: str
    artifact: str


def rows_of(charter: model.Charter, reference: ast.Name | None) -> Rows | None:
    """What a reference to rows resolves to; None when it names no dataset or no part of its split."""
    if reference is None:
        return None
    name, *rest = reference.parts
    dataset = charter.datasets.get(name)
    if dataset is None or len(rest) > 1:
        return None
    if not rest:
        return final_rows(dataset)
    if rest[0] not in dataset.part_names:
        return None
    return Rows(dataset, rest[0], f"split/{name}", rest[0])


def final_rows(dataset: model.Dataset) -> Rows:
    """A dataset's rows after all that is done to them."""
    stage = "prepare" if dataset.prepared else "acquire"
    return Rows(dataset, None, f"{stage}/{dataset.name}", "data")


def validated(dataset: model.Dataset) -> bool:
    """Whether its rows are checked before anybody uses them."""
    return dataset.schema is not None or bool(dataset.requires)
