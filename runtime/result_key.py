"""The key of a result: the same key means the same work, so it is not done twice.

A key covers the stage's normal form, its inputs' digests, its code, the project's lock file and its
seed (LANGUAGE, rule 7). The charter's version string is not part of it.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from charter.compiler.ir import IR, Stage
from charter.runtime.version import VERSION

_LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "requirements.lock", "requirements.txt")


def result_key(
    ir: IR, stage: Stage, inputs: Mapping[str, str], *, after: Mapping[str, str], lock: str, check: int = 0
) -> str:
    """`sha256:...` of everything that a stage's result depends on.

    Args:
        ir: for the digests of files and code that the stage names.
        stage: what is done.
        inputs: artifact digest by input name.
        after: keys of the stages it only waits for, where they are part of what it says
            (an approval is about the evaluations it waits for).
        lock: digest of the project's lock file, or empty.
        check: number of a monitor's check; every check is new work.
    """
    document = {
        "kind": stage.kind,
        "name": stage.name,
        "callable": stage.callable,
        "code": _code(ir, stage),
        "spec": stage.spec,
        "measures": stage.measures,
        "seed": stage.seed,
        "inputs": inputs,
        "after": after,
        "pin": ir.pins.get(str(stage.spec.get("location", ""))),
        "lock": lock,
        "check": check,
    }
    return "sha256:" + hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


def _code(ir: IR, stage: Stage) -> str | dict[str, str]:
    """The team's own code by its files' digests, those it imports included; built-in code by Charter's version.

    Which of the project's modules one callable uses is not worked out: all that the IR pins count.
    """
    if not stage.project_code:
        return f"charter {VERSION}"
    return {path: digest for path, digest in ir.pins.items() if path.endswith(".py")}


@cache
def lock_digest(project: Path) -> str:
    """Digest of the first lock file that the project has; empty when there is none."""
    for name in _LOCK_FILES:
        path = project / name
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""
