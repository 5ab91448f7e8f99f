"""Digests of the local files that a charter names: data, schemas, Rego and the team's own code."""

import errno
from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.code import code_files
from charter.compiler.files import ProjectFiles, Refusal
from charter.compiler.specs import read_trainer
from charter.dsl import ast

DATA_FORMATS = ("csv", "parquet", "jsonl")


def data_files(dataset: model.Dataset) -> Iterator[ast.Text]:
    """The files whose rows a dataset is made of: its source, or the outcomes that arrive later."""
    for origin in (dataset.source, dataset.labels):
        if origin is not None and origin.location is not None and origin.format in DATA_FORMATS:
            yield origin.location


def rule_directories(charter: model.Charter) -> Iterator[ast.Text]:
    """The directories with rule packs of others."""
    for clause in charter.lifecycle.clauses("use policies") if charter.lifecycle else ():
        written = read.text(clause, "from")
        if written is not None:
            yield written


def pin_files(charter: model.Charter, files: ProjectFiles) -> dict[str, str]:
    """`sha256:...` by path, sorted.

    Raises:
        OSError: a file that the passes have seen is gone or cannot be read.
    """
    return {written: _digest(written, files) for written in sorted(set(_paths(charter, files)))}


def _digest(written: str, files: ProjectFiles) -> str:
    digest = files.digest(written)
    if isinstance(digest, Refusal):
        # Left out, it would be a file that nobody holds to what was reviewed.
        raise OSError(errno.ENOENT, "was there, and is gone or another file now; compile again", written)
    return digest


def _paths(charter: model.Charter, files: ProjectFiles) -> Iterator[str]:
    callables = {read_trainer(item) for item in charter.models.values() if item.trainer_kind == "python"}
    for dataset in charter.datasets.values():
        if dataset.schema is not None:
            yield dataset.schema.value
        yield from (location.value for location in data_files(dataset))
        source = dataset.source
        if source is not None and source.location is not None and source.format == "python":
            callables.add(source.location.value)
    for policy in charter.policies.values():
        if policy.rego is not None:
            yield policy.rego.value
    checkpoints = (declared.checkpoint for declared in charter.models.values() if declared.checkpoint is not None)
    for written in (*checkpoints, *rule_directories(charter)):
        below = files.below(written.value)
        yield from below if not isinstance(below, Refusal) else (written.value,)
    for called in sorted(callables):
        yield from code_files(called, files.root)
