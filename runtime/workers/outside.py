"""A stage's process from outside: its resident memory, its descendants and threads, and its end."""

import contextlib
import os
import signal
import sys
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int:
    """Bytes of resident memory of the tree below `pid`; 0 when it is gone.

    Linux reads `/proc` directly (proc(5): `statm`, `task/TID/children`), twenty times cheaper than
    asking psutil, which serves the other systems. Shared pages count in every process.
    """
    if sys.platform == "linux":
        return _linux(pid)
    return _elsewhere(pid)


def _linux(pid: int) -> int:
    total = 0
    waiting = [pid]
    while waiting:
        here = waiting.pop()
        try:
            total += int(Path(f"/proc/{here}/statm").read_bytes().split()[1]) * _PAGE
            for task in Path(f"/proc/{here}/task").iterdir():
                waiting += map(int, (task / "children").read_bytes().split())
        except (OSError, IndexError):
            continue
    return total


def _elsewhere(pid: int) -> int:
    import psutil

    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
        return sum(item.memory_info().rss for item in tree)
    except psutil.Error:
        return 0


def resident_alone(pid: int) -> int:
    """The same of a process without descendants (`is_alone`): one file to read instead of four."""
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _read(path: str) -> bytes:
    """A small file of `/proc`: three system calls, where a file object makes nine."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 4096)
    finally:
        os.close(handle)


def is_alone(pid: int) -> bool:
    """Whether `pid` runs with one thread and has no descendants left. Linux only: unknown elsewhere, so no."""
    if sys.platform != "linux":
        return False
    try:
        return (
            os.listdir(f"/proc/{pid}/task") == [str(pid)]  # noqa: PTH208 - several times cheaper
            and not _read(f"/proc/{pid}/task/{pid}/children")
        )
    except OSError:
        return False


def kill_group(pid: int) -> None:
    """Kill a stage's process group, if any of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
