"""Reads a source file as if it wanted to do harm: bounded, never blocking, strictly UTF-8."""

import codecs
import os
import stat
from pathlib import Path

from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.source import Source, Span

MAX_BYTES = 8 * 1024 * 1024


def load_source(path: Path, *, shown_as: str | None = None) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """The text of a file, or what is wrong with it.

    A byte order mark is dropped; line ends stay as they are. `shown_as` is how the path is called in
    messages and spans; as it was given, if absent.
    """
    shown = shown_as if shown_as is not None else str(path)
    start = Span(shown, 0, 0)

    def failed(code: str, detail: str) -> tuple[None, tuple[Diagnostic, ...]]:
        return None, (error(code, start, detail),)

    try:
        data = _read(path)
    except _Refused as refused:
        return failed(refused.code, refused.detail)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        return failed("CH0001", f"`{shown}` cannot be read: {reason}. Check the path and its permissions.")
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in data:
        at = data.index(b"\0")
        detail = f"There is a zero byte at offset {at}, so this is no text. A charter is a text file in UTF-8."
        return failed("CH0004", detail)
    try:
        return Source(shown, data.decode("utf-8")), ()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        detail = (
            f"The byte 0x{data[problem.start]:02x} at offset {problem.start} (line {line}) is not UTF-8. "
            "Save the file in the encoding UTF-8."
        )
        return failed("CH0005", detail)


class _Refused(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def _read(path: Path) -> bytes:
    # O_NONBLOCK: opening a pipe that nobody writes to must not hang; a regular file does not care.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = _kind(status.st_mode)
            raise _Refused("CH0002", f"This is {kind}. Name a charter, a text file that ends in `.charter`.")
        size, data = status.st_size, b""
        if size <= MAX_BYTES:
            # One byte more than allowed tells a file that grows while it is read.
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
            size = len(data)
    finally:
        os.close(descriptor)
    if size > MAX_BYTES:
        mebibytes = MAX_BYTES // (1024 * 1024)
        detail = f"The file has {size:,} bytes; at most {mebibytes} MiB are read. Split the charter."
        raise _Refused("CH0003", detail)
    return data


def _kind(mode: int) -> str:
    for test, kind in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return kind
    return "no regular file"
