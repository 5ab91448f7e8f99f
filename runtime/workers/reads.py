"""Which files of the project a team's code opens to read, by Python's own audit events (PEP 578).

A result's key covers the stage's inputs and the code that was pinned, not what the code opens by itself. Such files are
named, so that nobody takes an unchanged key for unchanged data. What a library opens in C is not seen.
"""

import os
import sys
from importlib.util import source_from_cache

_MOST = 100
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Reads:
    """Files below one directory that were opened to read. Hooks cannot be removed (PEP 578): one instance a process."""

    def __init__(self) -> None:
        self._below = ""
        self._but: frozenset[str] = frozenset()
        self._seen: set[str] = set()
        self._hooked = False

    def watch(self, project: str, *, but: frozenset[str]) -> None:
        """Begin anew: what is below `project`, but not below its hidden folders and not one of the files `but`."""
        self._below, self._but, self._seen = os.path.join(project, ""), but, set()  # noqa: PTH118
        if not self._hooked:
            self._hooked = True
            sys.addaudithook(self._hook)

    def seen(self) -> list[str]:
        """Paths relative to the project, sorted."""
        return sorted(self._seen)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or len(self._seen) >= _MOST:
            return
        path, mode, flags = arguments
        if not isinstance(path, str) or not self._below or _is_write(mode, flags):
            return
        full = os.path.abspath(path)  # noqa: PTH100 - in every open of the stage
        if not full.startswith(self._below) or full in self._but:
            return
        name = full[len(self._below) :]
        if name.startswith("."):
            return
        if name.endswith(".pyc"):
            try:
                name = source_from_cache(name)
            except ValueError:
                return
        self._seen.add(name)


def _is_write(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return "r" not in mode or "+" in mode
    return isinstance(flags, int) and bool(flags & _WRITES)
