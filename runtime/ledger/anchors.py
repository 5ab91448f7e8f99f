"""Anchors: a text file of signed checkpoints, one paragraph each, made to be committed, mailed and diffed.

A signature and a chain cannot show that a whole ledger was rolled back or signed anew; a checkpoint that somebody
else keeps can.
"""

import errno
import os
from pathlib import Path

from charter.runtime.ledger.checkpoint import Checkpoint, NoteError, read_note
from charter.runtime.ledger.errors import Unavailable
from charter.runtime.ledger.keys import sync_directory

_HEADING = (
    "# Signed checkpoints of the audit ledger. Commit this file, and keep a copy where the ledger's\n"
    "# holder cannot write: `charter audit verify --pin COPY` then shows a roll-back or a new signing.\n\n"
)
_MAX_BYTES = 64 << 20


def read_anchors(path: Path) -> list[str]:
    """The notes in an anchor file, in its order.

    Raises:
        Unavailable: missing, unreadable, or not an anchor file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Unavailable("anchor file is not readable", f"`{path}`: {error.strerror}.") from None
    if len(data) > _MAX_BYTES:
        raise Unavailable("anchor file is too large", f"`{path}` has more than {_MAX_BYTES >> 20} MiB.")
    try:
        return parse_anchors(data.decode())
    except (NoteError, UnicodeDecodeError) as error:
        raise Unavailable(
            "anchor file is not usable",
            f"`{path}` does not hold signed checkpoints: {error}. Take it from version control or from a copy.",
        ) from None


def parse_anchors(text: str) -> list[str]:
    """Split text into notes: comment lines start with `#`, a note is a text, a blank line and signature lines.

    Raises:
        NoteError: anything else is in the text.
    """
    notes: list[str] = []
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.startswith("#") and not lines:
            continue
        if line == "" and (not lines or (signed := lines[-1].startswith("—"))):
            if lines and signed:
                notes.append("\n".join(lines) + "\n")
                read_note(notes[-1])
                lines = []
            continue
        lines.append(line)
    if [line for line in lines if line]:
        raise NoteError(f"it ends within a checkpoint (`{lines[0][:60]}`)")
    return notes


def last_anchor(path: Path) -> tuple[str, Checkpoint] | None:
    """The newest note of an anchor file and its checkpoint; None when there is no file or no note."""
    if not os.path.lexists(path):
        return None
    notes = [(note, read_note(note)) for note in read_anchors(path)]
    return max(notes, key=lambda item: item[1].size, default=None)


def add_anchor(path: Path, note: str) -> bool:
    """Append a note in one synced write, unless the file ends with a checkpoint of the same size; whether it was.

    Raises:
        Unavailable: the file cannot be read or written.
    """
    newest = last_anchor(path)
    if newest is not None and newest[1].size >= read_note(note).size:
        return False
    _append(path, ("" if newest else _HEADING) + note + "\n")
    return True


def add_cosigned(path: Path, note: str) -> None:
    """Append a note that witnesses have cosigned, also where its size is there already without them.

    The file is only ever appended to: a run that ends at this moment loses nothing, and a diff shows one paragraph.

    Raises:
        Unavailable: the file cannot be read or written.
    """
    newest = last_anchor(path)
    _append(path, ("" if newest else _HEADING) + note + "\n")


def _append(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            data, before = text.encode(), os.fstat(descriptor).st_size
            if os.write(descriptor, data) != len(data):
                os.ftruncate(descriptor, before)  # half a checkpoint would make the file unreadable
                raise OSError(errno.ENOSPC, "the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_directory(path.parent)
    except OSError as error:
        raise Unavailable("anchor file cannot be written", f"`{path}`: {error.strerror}.") from None
