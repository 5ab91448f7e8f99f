"""The door to whatever runs stages: one small protocol, local processes by default."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct, field


class Resources(Struct, frozen=True):
    """What one stage may use; `memory_bytes` is resident memory of its whole process tree."""

    seconds: float
    memory_bytes: int
    gpus: int = 0


class Task(Struct, frozen=True):
    """One stage's work, as plain data, so that it can run on another machine.

    Attributes:
        name: the stage's id, for people.
        callable: `package.module:function`.
        context: the fields of `StageContext` as JSON, paths as strings.
        directory: scratch directory of this attempt; the result and the outputs appear below it.
        project: put on the import path when the callable is the project's own.
        flavour: which warm worker suits it (`workers/flavours.py`).
    """

    name: str
    callable: str
    context: Mapping[str, Any]
    directory: Path
    project: Path | None
    flavour: str = "plain"


class Ending(StrEnum):
    """How a task ended."""

    DONE = "done"
    REFUSED = "refused"
    """The stage said why it cannot work."""
    RAISED = "raised"
    TIME = "time"
    MEMORY = "memory"
    DIED = "died"
    """The process went away without a result: `os._exit`, a crash, a kill from outside."""
    INTERRUPTED = "interrupted"


class Outcome(Struct, frozen=True):
    """What came of a task.

    Attributes:
        result: the stage's result as JSON, when `ending` is DONE.
        summary, detail: for people, when it is not.
        log: the end of what the process printed.
    """

    ending: Ending
    seconds: float
    peak_bytes: int
    result: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    detail: str = ""
    log: str = ""


class Executor(Protocol):
    """Runs tasks. It may drop work when the driver dies: the ledger is the journal, stages are idempotent."""

    def expect(self, flavours: Iterable[str]) -> None:
        """Tasks of these flavours are likely to come: get ready for them, without waiting."""
        ...

    def submit(self, task: Task, *, resources: Resources) -> "Future[Outcome]":
        """Start a task as soon as there is room; the future never raises for what the stage did."""
        ...

    def close(self) -> None:
        """Kill what still runs and let go of the processes."""
        ...
