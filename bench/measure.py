"""Timing of whole commands, interleaved (A B A B ...), so that the machine's moods hit all alike."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
CHARTER = (sys.executable, "-m", "charter.runtime.main")

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""As a user has it. A builder's PYTHONDONTWRITEBYTECODE would have every run compile an editable install anew, while
the peers were compiled when pip installed them; the round that is not counted writes the bytecode."""


class NotMeasured(Exception):
    """A figure could not be taken; the message says why."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A fresh directory on the disk of the repository, where a person's projects would be too."""
    base = ROOT / "build" / "bench"
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=base) as name:
        yield Path(name)


def seconds(command: Sequence[str | Path], cwd: Path, *, ends: int = 0) -> float:
    """Wall time of one command from a cold process.

    Raises:
        NotMeasured: it ended otherwise than it should, so its time says nothing.
    """
    started = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    elapsed = time.perf_counter() - started
    if done.returncode != ends:
        raise NotMeasured(f"{Path(command[0]).name} ended with {done.returncode}, not {ends}: {done.stdout[-600:]}")
    return elapsed


def interleaved(tasks: Mapping[str, Callable[[], float]], runs: int, *, warm: bool = True) -> dict[str, float]:
    """Median seconds of each task over `runs` rounds of all of them, after one round that is not counted.

    `warm=False` leaves that round out, where a task makes itself ready before it looks at the clock.
    """
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(runs + warm):
        for name, task in tasks.items():
            taken_now = task()
            if turn or not warm:
                taken[name].append(taken_now)
    return {name: median(values) for name, values in taken.items()}


def machine() -> str:
    """What the figures were taken on, in a line."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} CPUs{load}, Python {version}, {sys.platform}"
