"""Files that the charter names: inside the project, regular, of a sane size, or refused with the reason."""

import stat
from pathlib import Path, PurePosixPath

from msgspec import Struct

MAX_TEXT = 1024 * 1024
"""Largest schema, Rego or code file, in bytes."""


class Refusal(Struct, frozen=True):
    """Why a file cannot be used; `code` is the diagnostic's, `detail` its sentences."""

    code: str
    detail: str


class ProjectFiles(Struct, frozen=True):
    """The directory of the charter; paths in the charter are relative to it."""

    root: Path

    def locate(self, written: str) -> Path | Refusal:
        """The file that a path of the charter means."""
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
            mode = real.stat().st_mode
        except (OSError, RuntimeError) as problem:
            reason = getattr(problem, "strerror", None) or "it cannot be resolved"
            return Refusal("CH0901", f"`{written}` cannot be found in `{self.root}`: {reason.lower()}. {_HOW}")
        if not real.is_relative_to(self.root.resolve()):
            return Refusal(
                "CH0902",
                f"`{written}` is a link to a file outside the project. Copy the file into the project: what the "
                "charter names must travel with it.",
            )
        if not stat.S_ISREG(mode):
            return Refusal("CH0901", f"`{written}` is not a regular file. {_HOW}")
        return path

    def read(self, written: str, most: int = MAX_TEXT) -> str | Refusal:
        """The text of a file of at most `most` bytes, in UTF-8."""
        path = self.locate(written)
        if isinstance(path, Refusal):
            return path
        try:
            with path.open("rb") as stream:
                data = stream.read(most + 1)
        except OSError as problem:
            return Refusal("CH0907", f"`{written}` cannot be read: {(problem.strerror or 'unknown').lower()}.")
        if len(data) > most:
            return Refusal("CH0907", f"`{written}` is larger than {most} bytes. Is it the file you meant?")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            return Refusal("CH0907", f"`{written}` is not UTF-8 text: byte {problem.start} is odd. Save it as UTF-8.")


_HOW = "Paths are relative to the charter's directory; check the spelling, or put the file there."


def _has_drive(written: str) -> bool:
    return len(written) > 1 and written[1] == ":" and written[0].isalpha()
