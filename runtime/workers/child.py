"""Inside a stage's own process: find the callable, run it, and answer with what came of it.

The runtime may hand the same process further stages of the same callable, as long as each left it as it was.
"""

import importlib
import math
import os
import socket
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from charter.runtime.stages.api import Evidence, Measure, StageCallable, StageContext, StageRefused, StageResult
from charter.runtime.workers import wire
from charter.runtime.workers.reads import Reads

_MOST_TEXT = 64 << 10
"""Characters of a message that are sent: more than is kept, so that the runtime finds no secret cut in two."""


def serve(channel: socket.socket) -> None:
    """Run the tasks that come over `channel`, one after the other, until the runtime closes it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    before = _surroundings()
    reads = Reads()
    while (received := wire.receive(channel)) is not None:
        task, (log,) = received
        _print_to(log)
        os.close(log)
        answer = _answer(task, reads)
        _flush()
        _print_to(nothing)  # what comes later belongs to no stage
        # Said with the answer, so that nothing is handed to a process that is about to end.
        stays = _surroundings() == before
        _send(channel, answer | {"stays": stays})
        if not stays:
            return


def _surroundings() -> tuple[object, ...]:
    """What a stage may change for those after it and the runtime cannot see from outside."""
    return os.getcwd(), dict(os.environ), os.umask(os.umask(0o077))  # noqa: PTH109 - ten times cheaper


def _print_to(fd: int) -> None:
    os.dup2(fd, 1)
    os.dup2(fd, 2)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed or replaced by the stage
            continue


def _send(channel: socket.socket, answer: dict[str, Any]) -> None:
    try:
        wire.send(channel, answer)
    except (TypeError, ValueError) as error:
        detail = f"What the stage returned has no JSON form: {error}."
        wire.send(channel, {"ending": "refused", "summary": "result of the wrong form", "detail": detail})


def _answer(task: Mapping[str, Any], reads: Reads) -> dict[str, Any]:
    try:
        return _work(task, reads)
    except StageRefused as refused:
        return {"ending": "refused", "summary": refused.summary, "detail": refused.detail}
    except MemoryError:
        return {
            "ending": "memory",
            "summary": "out of memory",
            "detail": "The stage asked for more memory than there is.",
        }
    except Exception as error:  # noqa: BLE001 - a team's code may raise anything; it is reported, not hidden
        return _raised(error)


def _work(task: Mapping[str, Any], reads: Reads) -> dict[str, Any]:
    if task["project"]:
        if task["project"] not in sys.path:
            sys.path.insert(0, task["project"])
        reads.watch(task["project"], but=frozenset(task["context"]["inputs"].values()))
    function = find_callable(task["callable"])
    context = _context(task["context"], Path(task["directory"]))
    returned = function(context)
    if not isinstance(returned, StageResult):
        raise StageRefused(
            "not a stage result",
            f"`{task['callable']}` returned a `{type(returned).__name__}`; a stage returns "
            "`charter.runtime.stages.api.StageResult`.",
        )
    return {
        "ending": "done",
        "artifacts": {name: _artifact(name, path, task["directory"]) for name, path in returned.artifacts.items()},
        "evidence": [_evidence(item) for item in returned.evidence],
        "effects": dict(returned.effects),
        "reads": reads.seen(),
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
    return StageContext(
        stage=given["stage"],
        name=given["name"],
        spec=given["spec"],
        inputs={name: Path(path) for name, path in given["inputs"].items()},
        out=directory / "out",
        project=Path(given["project"]),
        measures=tuple(Measure(**measure) for measure in given["measures"]),
        seed=given["seed"],
        threads=given["threads"],
        effect=given["effect"],
        dossier=given["dossier"],
        state=Path(given["state"]) if given["state"] else None,
    )


def _artifact(name: str, path: Any, directory: str) -> str:
    """The file as the runtime will look for it; the runtime looks again, this is for the early and clear message."""
    file = os.fspath(path)
    out = os.path.join(os.path.realpath(directory), "out", "")  # noqa: PTH118
    if not os.path.realpath(file).startswith(out) or os.path.islink(file) or not os.path.isfile(file):  # noqa: PTH113, PTH114
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
    text = "".join(traceback.format_exception(error))[-_MOST_TEXT:]
    sys.stderr.write(text)
    return {
        "ending": "raised",
        "summary": f"raised {type(error).__name__}",
        "detail": f"{str(error)[:_MOST_TEXT] or 'no message'}{place}.",
    }
