"""Inside a stage's own process: find the callable, run it, and leave the result in one file."""

import importlib
import json
import math
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from charter.runtime.stages.api import Evidence, Measure, StageCallable, StageContext, StageRefused, StageResult

RESULT = "result.json"
_TAIL = 4000


def run_stage(task: Mapping[str, Any]) -> int:
    """Run one task; the result file says what came of it. Returns the exit code."""
    directory = Path(task["directory"])
    try:
        answer = _work(task, directory)
    except StageRefused as refused:
        answer = {"ending": "refused", "summary": refused.summary, "detail": refused.detail}
    except MemoryError:
        answer = {
            "ending": "memory",
            "summary": "out of memory",
            "detail": "The stage asked for more memory than there is.",
        }
    except Exception as error:  # noqa: BLE001 - a team's code may raise anything; it is reported, not hidden
        answer = _raised(error)
    # A result appears whole or not at all.
    scratch = directory / f".{RESULT}"
    scratch.write_text(json.dumps(answer, allow_nan=False))
    scratch.replace(directory / RESULT)
    return 0


def _work(task: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    if task["project"]:
        sys.path.insert(0, task["project"])
    function = find_callable(task["callable"])
    context = _context(task["context"], directory)
    returned = function(context)
    if not isinstance(returned, StageResult):
        raise StageRefused(
            "not a stage result",
            f"`{task['callable']}` returned a `{type(returned).__name__}`; a stage returns "
            "`charter.runtime.stages.api.StageResult`.",
        )
    return {
        "ending": "done",
        "artifacts": {name: _artifact(name, path, context.out) for name, path in returned.artifacts.items()},
        "evidence": [_evidence(item) for item in returned.evidence],
        "effects": dict(returned.effects),
    }


def find_callable(name: str) -> StageCallable:
    """The function that `package.module:function` names.

    Raises:
        StageRefused: no such module or function, or importing it failed.
    """
    module_name, _, function_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if missing.split(".")[0] == module_name.split(".")[0]:
            detail = f"`{module_name}` is not in the project's directory and is not installed."
        else:
            detail = (
                f"`{name}` needs the package `{missing}`, which is not installed. The built-in stages over data "
                "and models come with `pip install 'charter-lifecycle[ml]'`."
            )
        raise StageRefused("module not found", detail) from error
    function: StageCallable | None = getattr(module, function_name, None)
    if not callable(function):
        raise StageRefused("function not found", f"`{module_name}` has no function `{function_name}`.")
    return function


def _context(given: Mapping[str, Any], directory: Path) -> StageContext:
    out = directory / "out"
    out.mkdir()
    return StageContext(
        stage=given["stage"],
        name=given["name"],
        spec=given["spec"],
        inputs={name: Path(path) for name, path in given["inputs"].items()},
        out=out,
        project=Path(given["project"]),
        measures=tuple(Measure(**measure) for measure in given["measures"]),
        seed=given["seed"],
        threads=given["threads"],
        effect=given["effect"],
        dossier=given["dossier"],
        state=Path(given["state"]) if given["state"] else None,
    )


def _artifact(name: str, path: Any, out: Path) -> str:
    file = Path(path)
    inside = file.resolve().is_relative_to(out.resolve())
    if not inside or file.is_symlink() or not file.is_file():
        raise StageRefused(
            "artifact is not a file of this stage",
            f"the output `{name}` is `{path}`; it must be an ordinary file below `context.out`.",
        )
    return str(file)


def _evidence(item: Any) -> dict[str, Any]:
    if not isinstance(item, Evidence):
        raise StageRefused("not evidence", f"evidence must be of the type `Evidence`, not `{type(item).__name__}`.")
    fields = {key: _plain(value) for key, value in asdict(item).items() if value is not None}
    for key, value in fields.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise StageRefused(
                "evidence is not a number",
                f"`{item.metric}` has the {key} {value}; a measurement must be finite. It was probably made on "
                "no rows, or on one class only.",
            )
    return fields


def _plain(value: Any) -> Any:
    """NumPy scalars become Python's own."""
    return value.item() if hasattr(value, "item") and not isinstance(value, str) else value


def _raised(error: Exception) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    text = "".join(traceback.format_exception(error))[-_TAIL:]
    sys.stderr.write(text)
    return {
        "ending": "raised",
        "summary": f"raised {type(error).__name__}",
        "detail": f"{str(error)[:_TAIL] or 'no message'}{place}.",
    }
