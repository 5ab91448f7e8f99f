"""Scratch directories for stages: one an attempt, used again only when it was left empty."""

import os
import stat
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure


class Scratch:
    """Directories below `root`, each with an empty `out` for the stage's files.

    Making and removing a directory costs more than a trivial stage, so those that were left as they were made serve
    again.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._made = 0
        self._free: list[Path] = []

    def take(self) -> Path:
        """A directory for one attempt.

        Raises:
            Failure: it cannot be made.
        """
        if self._free:
            return self._free.pop()
        directory = self.root / str(self._made)
        self._made += 1
        try:
            (directory / "out").mkdir(parents=True)
        except OSError as error:
            raise Failure(
                "cannot make a working directory",
                f"`{directory}`: {error.strerror or error}. Free space or mend the permissions, then run again: "
                "finished stages are kept and are not repeated.",
                exit_code=ExitCode.ENVIRONMENT,
            ) from error
        return directory

    def give_back(self, directory: Path) -> None:
        """The attempt is over, and what counts was moved away."""
        if _as_made(directory):
            self._free.append(directory)
        else:
            _remove(directory)

    def clear(self) -> None:
        """Remove everything, also what a killed run left."""
        _remove(self.root)
        self._free.clear()


def _remove(directory: Path) -> None:
    if directory.exists():
        import shutil  # with its archive formats it takes long to load, and a run that does nothing needs none of it

        shutil.rmtree(directory, ignore_errors=True)


def _as_made(directory: Path) -> bool:
    out = directory / "out"
    try:
        mode = out.lstat().st_mode
        usable = stat.S_ISDIR(mode) and mode & stat.S_IRWXU == stat.S_IRWXU
        return usable and os.listdir(directory) == ["out"] and not os.listdir(out)  # noqa: PTH208 - twice as quick
    except OSError:
        return False
