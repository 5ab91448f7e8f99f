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
    data, findings = load_bytes(path, shown)
    return decode(data, shown) if data is not None else (None, findings)


def load_bytes(path: Path, shown: str) -> tuple[bytes | None, tuple[Diagnostic, ...]]:
    """The bytes of a regular file of at most `MAX_BYTES`, or what is wrong with it."""
    try:
        return _read(path), ()
    except _Refused as refused:
        return None, (error(refused.code, Span(shown, 0, 0), refused.detail),)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        detail = f"`{shown}` cannot be read: {reason}. Check the path and its permissions."
        return None, (error("CH0001", Span(shown, 0, 0), detail),)


def decode(data: bytes, shown: str) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """The text that the bytes of a file are, without its byte order mark, or what is wrong with them."""
    start = Span(shown, 0, 0)
    if len(data) > MAX_BYTES:
        return None, (error("CH0003", start, _too_large(len(data))),)
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in data:
        at = data.index(b"\0")
        detail = f"There is a zero byte at offset {at}, so this is no text. A charter is a text file in UTF-8."
        return None, (error("CH0004", start, detail),)
    try:
        return Source(shown, data.decode("utf-8")), ()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        detail = (
            f"The byte 0x{data[problem.start]:02x} at offset {problem.start} (line {line}) is not UTF-8. "
            "Save the file in the encoding UTF-8."
        )
        return None, (error("CH0005", start, detail),)


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
                # Files of /proc may have nothing to say yet, and then read as None instead of blocking.
                data = file.read(MAX_BYTES + 1) or b""
            size = len(data)
    finally:
        os.close(descriptor)
    if size > MAX_BYTES:
        raise _Refused("CH0003", _too_large(size))
    return data


def _too_large(size: int) -> str:
    return f"The file has {size:,} bytes; at most {MAX_BYTES // (1024 * 1024)} MiB are read. Split the charter."


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
