"""What a witness remembers: the newest checkpoint of each ledger that it has cosigned, durable before it answers.

The file is one of anchors (docs/ledger-format.md): signed notes with the ledger's line and the witness's. A copy of it
is a pin. It is replaced as a whole, so that a crash leaves the old one or the new one.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.checkpoint import Checkpoint, NoteError, read_note
from charter.runtime.ledger.cosignature import WitnessKey
from charter.runtime.ledger.errors import Tampered, Unavailable
from charter.runtime.ledger.keys import create_file, sync_directory

_HEADING = (
    "# What this witness has cosigned last, of each ledger. Never restore an older copy: the witness would then\n"
    "# cosign a ledger that was rolled back.\n\n"
)


def start_memory(path: Path) -> None:
    """Make the file of a witness that has seen nothing; raises Unavailable when there is one."""
    if os.path.lexists(path):
        raise Unavailable("witness has a memory", f"`{path}` is there already, and is never emptied.")
    create_file(path, _HEADING.encode(), 0o644)


class Memory:
    """The file, held by one process at a time; `lock` makes a check and the change after it one step."""

    def __init__(self, path: Path, key: WitnessKey) -> None:
        """Read what was cosigned.

        Raises:
            Unavailable: missing, unreadable, or another process serves from it.
            Tampered: it holds what this witness has not cosigned.
        """
        self.lock = Lock()
        # The file itself, not a link to it: that would be replaced in its place, and the file stay as it was.
        self._path = path = path.resolve()
        self._descriptor = _held(path)
        try:
            self._notes = _read(path, key)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._descriptor)

    @property
    def notes(self) -> Mapping[str, str]:
        """The newest note by origin."""
        return self._notes

    def seen(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint that was cosigned for an origin."""
        note = self._notes.get(origin)
        return read_note(note) if note else None

    def remember(self, note: str) -> None:
        """Put a cosigned note in the place of the one before; durable when this returns.

        Raises:
            OSError: it cannot be written; then nothing was changed, and nothing may be answered.
        """
        notes = self._notes | {read_note(note).origin: note}
        text = _HEADING + "".join(f"{notes[origin]}\n" for origin in sorted(notes))
        draft = self._path.with_name(f".{self._path.name}.new")
        with draft.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        sync_directory(self._path.parent)
        self._notes = notes


def _held(path: Path) -> int:
    """The lock, in a file of its own: the memory's is replaced at each change."""
    if not path.is_file():
        raise Unavailable(
            "witness has no memory",
            f"There is no file `{path}`. A witness that has forgotten would cosign a ledger that was rolled back: "
            "restore the newest copy, or begin one that has seen nothing with `charter witness init`.",
        )
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable("witness cannot be locked", f"`{lock}`: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Unavailable("witness is running already", f"Another process serves from `{path}`.") from None
    return descriptor


def _read(path: Path, key: WitnessKey) -> dict[str, str]:
    notes = {}
    for note in read_anchors(path):
        origin = read_note(note).origin
        try:
            if not key.times_of(note):
                raise NoteError(f"it is not cosigned by `{key}`")
        except NoteError as error:
            raise Tampered(
                "witness's memory was changed", f"`{path}`: the checkpoint of `{origin}`: {error}."
            ) from None
        if origin in notes:
            raise Tampered("witness's memory was changed", f"`{path}` holds two checkpoints of `{origin}`.")
        notes[origin] = note
    return notes
