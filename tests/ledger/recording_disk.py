"""A disk that loses power: records what SQLite writes and syncs, and lays out what could be left of it.

What a file held at its last sync is certain. Of what was written later, any sectors may be there and any may not, in
any order, and one may be torn. Only a sync of the same file makes its content certain: that is what `fdatasync`
promises, and nothing more is assumed. Names of files are another matter: a ledger syncs its directory when it is
made, before anything is acknowledged, so a file that was deleted by then stays deleted.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512


@dataclass
class Operation:
    """`write` (offset, data), `truncate` (offset: the new length), `sync`, `delete`, `ack` (data: the event's id)."""

    kind: str
    name: str
    offset: int = 0
    data: bytes = b""


@dataclass
class Recording:
    """The operations on the files of one directory, in order."""

    operations: list[Operation] = field(default_factory=list)

    def acknowledge(self, name: str) -> None:
        self.operations.append(Operation("ack", "", data=name.encode()))

    def acknowledged(self, moment: int) -> list[str]:
        return [step.data.decode() for step in self.operations[:moment] if step.kind == "ack"]

    def left_at(self, moment: int, chance: random.Random, keep: float) -> dict[str, bytes]:
        """The files after a power loss before operation `moment`.

        Args:
            chance: decides for each sector.
            keep: how likely it is that a sector which was not synced is there.
        """
        files: dict[str, bytearray] = {}
        pending: dict[str, list[Operation]] = {}
        for step in self.operations[:moment]:
            if step.kind == "sync":
                for earlier in pending.pop(step.name, []):
                    _apply(files, earlier)
                files.setdefault(step.name, bytearray())
            elif step.kind == "delete":
                files.pop(step.name, None)
                pending.pop(step.name, None)
            elif step.kind != "ack":
                pending.setdefault(step.name, []).append(step)
        for name, steps in pending.items():
            sectors = [part for step in steps for part in _sectors(step) if chance.random() < keep]
            if sectors and sectors[-1].kind == "write" and chance.random() < 0.5:
                torn = chance.randrange(len(sectors[-1].data))
                sectors[-1] = Operation("write", name, sectors[-1].offset, sectors[-1].data[:torn])
            for part in sectors:
                _apply(files, part)
            files.setdefault(name, bytearray())
        return {name: bytes(data) for name, data in files.items()}


def _sectors(step: Operation) -> Iterator[Operation]:
    """A write cut at the disk's sectors."""
    if step.kind != "write":
        yield step
        return
    start = step.offset
    end = start + len(step.data)
    while start < end:
        stop = min(end, start - start % SECTOR + SECTOR)
        yield Operation("write", step.name, start, step.data[start - step.offset : stop - step.offset])
        start = stop


def _apply(files: dict[str, bytearray], step: Operation) -> None:
    data = files.setdefault(step.name, bytearray())
    if step.kind == "truncate":
        del data[step.offset :]
        return
    end = step.offset + len(step.data)
    if len(data) < end:
        data.extend(bytes(end - len(data)))
    data[step.offset : end] = step.data


@contextmanager
def recorded() -> Iterator[Recording]:
    """SQLite writes through a recording VFS; the files are really written too."""
    recording = Recording()
    note = recording.operations.append

    class File(apsw.VFSFile):
        def __init__(self, base: str, name, flags: list[int]) -> None:
            super().__init__(base, name, flags)
            self.name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "").name

        def xWrite(self, data: bytes, offset: int) -> None:
            super().xWrite(data, offset)
            note(Operation("write", self.name, offset, bytes(data)))

        def xTruncate(self, size: int) -> None:
            super().xTruncate(size)
            note(Operation("truncate", self.name, size))

        def xSync(self, flags: int) -> None:
            super().xSync(flags)
            note(Operation("sync", self.name))

    class Disk(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("recorded", "unix", makedefault=True)

        def xOpen(self, name, flags: list[int]) -> apsw.VFSFile:
            return File("unix", name, flags)

        def xDelete(self, filename: str, syncdir: bool) -> None:
            super().xDelete(filename, syncdir)
            note(Operation("delete", Path(filename).name))

    disk = Disk()
    try:
        yield recording
    finally:
        apsw.set_default_vfs("unix")
        disk.unregister()
