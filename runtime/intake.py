"""What a stage's process left behind, taken in with suspicion: it may have written anything there."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from charter.compiler.ir import IR, Stage
from charter.runtime.events import EvidenceRecord
from charter.runtime.evidence import evidence_record
from charter.runtime.failure import Failure
from charter.runtime.ledger.canonical import encode
from charter.runtime.store import digest_file

_WITH_EFFECTS = frozenset({"deploy", "monitor", "retire"})


class ResultRefused(Exception):
    """A result that cannot be taken in; the stage has failed.

    Args:
        summary: about five words, lower-case start, no period.
        detail: full sentences: what, where, what to do.
    """

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail


class Claimed(msgspec.Struct, frozen=True):
    """A stage's result after the checks: files by output name, graded evidence, effects ready for the ledger."""

    files: dict[str, Path]
    evidence: tuple[EvidenceRecord, ...]
    effects: dict[str, Any]
    reads: tuple[str, ...]


def claimed(ir: IR, stage: Stage, directory: Path, result: Mapping[str, Any]) -> Claimed:
    """Check a result as its process reported it.

    Raises:
        ResultRefused: a file outside the stage's directory, a link, an output missing, a value that the ledger has no
            form for, or effects of a stage that may have none.
    """
    try:
        files = {str(name): Path(path) for name, path in dict(result["artifacts"]).items()}
        grade = "declared" if stage.project_code else "measured"
        evidence = tuple(evidence_record(item, grade=grade) for item in result["evidence"])  # type: ignore[arg-type]
        effects = dict(result["effects"])
        reads = tuple(str(path) for path in result.get("reads", ()) if path not in ir.pins)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultRefused(
            "result of the wrong form",
            f"`{stage.id}` reported something that is no artifact, evidence or effect: {error}. Evidence has a finite "
            "number, a bool or a short text as its value.",
        ) from error
    _check_files(stage, directory, files)
    if effects and (stage.kind not in _WITH_EFFECTS or stage.project_code):
        raise ResultRefused(
            "effects of a stage that has none",
            f"`{stage.id}` reported effects. Only deployments, monitors and retirements act outside.",
        )
    try:
        encode({"evidence": msgspec.to_builtins(evidence), "effects": effects, "reads": list(reads)})
    except Failure as refused:
        raise ResultRefused(refused.summary, f"the result of `{stage.id}`: {refused.detail}") from refused
    return Claimed(files, evidence, effects, reads)


def _check_files(stage: Stage, directory: Path, files: Mapping[str, Path]) -> None:
    out = f"{directory}/out"
    for name, path in files.items():
        try:
            status = os.lstat(path)
            plain = stat.S_ISREG(status.st_mode) and _inside(out, str(path))
        except (OSError, ValueError):
            plain = False
        if not plain:
            raise ResultRefused(
                "artifact is not a file of this stage",
                f"the output `{name}` of `{stage.id}` must be an ordinary file below `context.out`.",
            )
        if status.st_nlink > 1 or list(files.values()).count(path) > 1:
            raise ResultRefused(
                "one file under two names",
                f"the output `{name}` of `{stage.id}` has another name too, under which it could be changed later. "
                "Each output needs a file of its own: copy it.",
            )
    missing = [name for name in stage.outputs if name not in files]
    if missing:
        raise ResultRefused(
            "output missing",
            f"it made no artifact named {', '.join(f'`{name}`' for name in missing)}, which others wait for.",
        )


def _inside(out: str, path: str) -> bool:
    """Whether a path is below `out`, whatever links it goes through; `out` itself must be no link."""
    if os.path.dirname(path) == out and stat.S_ISDIR(os.lstat(out).st_mode):  # noqa: PTH120 - for every artifact
        return True
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(os.path.dirname(out)), "out", ""))  # noqa: PTH118, PTH120


def changed_pin(ir: IR, stage: Stage, project: Path) -> str | None:
    """A sentence about the first file that is not what was compiled, of those that the stage reads; None: all are.

    The result is filed under the pinned digests, so work on other bytes must not count as it.
    """
    location = str(stage.spec.get("location", ""))
    for path, digest in ir.pins.items():
        if not (path == location or (stage.project_code and path.endswith(".py"))):
            continue
        try:
            present = digest_file(project / path).digest
        except OSError as error:
            return f"`{path}` cannot be read any more: {error.strerror}. Put it back, and run again."
        if present != digest:
            return (
                f"`{path}` is not the file that was compiled: it was {digest[:19]}…, and is {present[:19]}…. Compile "
                "and run again with the file as it is now, or put the old one back."
            )
    return None
