"""Files that the charter names: inside the project, regular, of a sane size, or refused with the reason."""

import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

MOST_BELOW = 10_000
MAX_TEXT = 1024 * 1024
"""Largest schema, Rego or code file, in bytes."""


class Refusal(Struct, frozen=True):
    """Why a file cannot be used; `code` is the diagnostic's, `detail` its sentences."""

    code: str
    detail: str


class ProjectFiles(Struct, frozen=True):
    """The directory of the charter; paths in the charter are relative to it.

    A file that was read stays as it was read: its digest is that of the text which went into the IR.
    """

    root: Path
    known: dict[str, bytes] = field(default_factory=dict)

    def locate(self, written: str) -> Path | Refusal:
        """The regular file that a path of the charter means."""
        real = self._resolved(written)
        if isinstance(real, Refusal):
            return real
        try:
            mode = real.stat().st_mode
        except OSError as problem:
            return Refusal(
                "CH0901", f"`{written}` cannot be looked at: {(problem.strerror or 'unknown').lower()}. {_HOW}"
            )
        if not stat.S_ISREG(mode):
            return Refusal("CH0901", f"`{written}` is not a regular file. {_HOW}")
        return self.root / PurePosixPath(written)

    def _resolved(self, written: str) -> Path | Refusal:
        """Where in the project a path of the charter leads, whatever is there."""
        pure = PurePosixPath(written)
        if not written.strip() or "\0" in written:
            return Refusal("CH0901", "The path is empty or has a NUL in it. Name a file of the project.")
        if pure.is_absolute() or ".." in pure.parts or "\\" in written or _has_drive(written):
            return Refusal(
                "CH0902",
                f"`{written}` is not a plain path inside the project. Write it relative to the charter's directory, "
                "with `/` and without `..`, and copy or link nothing from outside.",
            )
        path = self.root / pure
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError) as problem:
            reason = getattr(problem, "strerror", None) or "it cannot be resolved"
            return Refusal("CH0901", f"`{written}` cannot be found in `{self.root}`: {reason.lower()}. {_HOW}")
        if not real.is_relative_to(self.root.resolve()):
            return Refusal(
                "CH0902",
                f"`{written}` is a link to a file outside the project. Copy the file into the project: what the "
                "charter names must travel with it.",
            )
        return real

    def below(self, written: str) -> tuple[str, ...] | Refusal:
        """The paths of all files in a directory of the project, sorted; of a file its own.

        Not the project itself, and nothing that hides behind a symbolic link: each file is pinned by its own path.
        """
        real = self._resolved(written)
        if isinstance(real, Refusal):
            return real
        if not real.is_dir():
            found = self.locate(written)
            return found if isinstance(found, Refusal) else (written,)
        if PurePosixPath(written) == PurePosixPath("."):
            return Refusal("CH0901", f"`{written}` is the whole project. Name a directory in it.")
        paths: list[str] = []
        for parent, directories, names in os.walk(self.root / PurePosixPath(written)):
            paths += (Path(parent, name).relative_to(self.root).as_posix() for name in names)
            odd = next((name for name in directories if Path(parent, name).is_symlink()), None)
            if odd is not None:
                return Refusal("CH0902", f"`{odd}` in `{written}` is a link to a directory. Copy the files there.")
            if not all(map(_is_text, names)):
                return Refusal("CH0907", f"The name of a file in `{written}` is not UTF-8. Give it another.")
            if len(paths) > MOST_BELOW:
                detail = f"`{written}` holds more than {MOST_BELOW:,} files. Is it the directory you meant?"
                return Refusal("CH0907", detail)
        if not paths:
            return Refusal("CH0901", f"The directory `{written}` is empty. {_HOW}")
        refused = (found for path in paths if isinstance(found := self.locate(path), Refusal))
        return next(refused, tuple(sorted(paths)))

    def read(self, written: str, most: int = MAX_TEXT) -> str | Refusal:
        """The text of a file of at most `most` bytes, in UTF-8."""
        data = self._bytes(written, most)
        if isinstance(data, Refusal):
            return data
        if len(data) > most:
            return Refusal("CH0907", f"`{written}` is larger than {most} bytes. Is it the file you meant?")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            return Refusal("CH0907", f"`{written}` is not UTF-8 text: byte {problem.start} is odd. Save it as UTF-8.")

    def digest(self, written: str) -> str | Refusal:
        """`sha256:...` of a file, of any size.

        Raises:
            OSError: it cannot be read to its end.
        """
        if written in self.known:
            return f"sha256:{hashlib.sha256(self.known[written]).hexdigest()}"
        path = self.locate(written)
        if isinstance(path, Refusal):
            return path
        with _opened(path) as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"

    def _bytes(self, written: str, most: int) -> bytes | Refusal:
        if written not in self.known:
            path = self.locate(written)
            if isinstance(path, Refusal):
                return path
            try:
                with _opened(path) as stream:
                    self.known[written] = stream.read(most + 1)
            except OSError as problem:
                return Refusal("CH0907", f"`{written}` cannot be read: {(problem.strerror or 'unknown').lower()}.")
        return self.known[written]


def _opened(path: Path) -> BufferedReader:
    """The file, opened without waiting: what was a file a moment ago may be a pipe by now.

    Raises:
        OSError: it is gone, no regular file any more, or may not be read.
    """
    stream = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - Path.open takes no opener; handed on
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "no regular file any more", str(path))
    return stream


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY)


_HOW = "Paths are relative to the file that names them; check the spelling, or put the file there."


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _has_drive(written: str) -> bool:
    return len(written) > 1 and written[1] == ":" and written[0].isalpha()
