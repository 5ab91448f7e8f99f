"""Digests of the local files that a charter names: data, schemas, Rego and the team's own code."""

import errno
from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.code import code_files
from charter.compiler.files import ProjectFiles, Refusal
from charter.compiler.specs import read_trainer

DATA_FORMATS = ("csv", "parquet", "jsonl")


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
        source = dataset.source
        if source is not None and source.location is not None:
            if source.format in DATA_FORMATS:
                yield source.location.value
            elif source.format == "python":
                callables.add(source.location.value)
    for policy in charter.policies.values():
        if policy.rego is not None:
            yield policy.rego.value
    for declared in charter.models.values():
        if declared.checkpoint is not None:
            below = files.below(declared.checkpoint.value)
            yield from below if not isinstance(below, Refusal) else (declared.checkpoint.value,)
    for called in sorted(callables):
        yield from code_files(called, files.root)
