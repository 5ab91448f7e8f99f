"""Where time stamps are kept: one file each, as the authority sent it, in a folder beside the anchors.

Named `SIZE-HASH.tsr` by the checkpoint's size and the first 16 hexadecimal digits of the file's SHA-256. No file ever
changes, so that version control merges them by itself, and `openssl ts -verify` reads each of them.
"""

import contextlib
import os
import re
from hashlib import sha256
from pathlib import Path

from charter.runtime.ledger.errors import Unavailable
from charter.runtime.ledger.keys import create_file, sync_directory
from charter.runtime.ledger.timestamp import MAX_BYTES, Stamp

_NAME = re.compile(r"(0|[1-9][0-9]{0,14})-([0-9a-f]{16})\.tsr")
_MOST = 100_000


def read_stamps(folder: Path) -> list[Stamp]:
    """All time stamps of a folder, by size; none when there is no such folder.

    Raises:
        Unavailable: unreadable, or a `.tsr` file that is not named as they are, or whose content its name is not of.
    """
    try:
        names = sorted(path.name for path in folder.iterdir()) if os.path.lexists(folder) else []
        if len(names) > _MOST:
            raise Unavailable("too many time stamps", f"`{folder}` holds more than {_MOST:,} files.")
        stamps = [_read(folder / name) for name in names if name.endswith(".tsr")]
    except OSError as error:
        raise Unavailable("time stamp is not readable", f"`{error.filename or folder}`: {error.strerror}.") from None
    return sorted(stamps, key=lambda stamp: (stamp.size, stamp.name))


def add_stamp(folder: Path, size: int, data: bytes) -> Path:
    """Write an answer into its own file: complete or absent after a crash.

    Raises:
        Unavailable: it cannot be written.
    """
    path = folder / f"{size}-{sha256(data).hexdigest()[:16]}.tsr"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            sync_directory(folder.parent)
    except OSError as error:
        raise Unavailable("time stamp cannot be written", f"`{folder}`: {error.strerror}.") from None
    create_file(path, data, 0o644)
    return path


def _read(path: Path) -> Stamp:
    found = _NAME.fullmatch(path.name)
    if not path.is_file():  # a pipe would keep us waiting
        raise Unavailable("time stamp is not a file", f"`{path}` is not a regular file. Take it out.")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if found is None or sha256(data).hexdigest()[:16] != found[2]:
        raise Unavailable(
            "time stamp is not usable",
            f"`{path}` is not named `SIZE-HASH.tsr` after its own content. It was renamed, cut or changed: "
            "take it from version control or from a copy, or take it out.",
        )
    return Stamp(path.name, int(found[1]), data)
