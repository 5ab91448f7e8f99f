"""Key rotation: a statement signed by the old key and the new one, recorded at the point from which the new one signs.

The chain of these statements leads from any key of a ledger to any later one, so an auditor who kept the first public
key can still check a ledger that has changed its key since.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from charter.runtime.ledger.administration import KEY_ROTATED
from charter.runtime.ledger.checkpoint import NoteError, Signer, VerifierKey
from charter.runtime.ledger.record import parse_header
from charter.runtime.ledger.store import Reader

KIND = KEY_ROTATED
_HEADING = "charter/ledger/v1/key-rotation"


class Rotation(Struct, frozen=True):
    """Up to `size` records, checkpoints are signed by `old`; beyond, by `new`. `statement` is the signed note."""

    size: int
    old: VerifierKey
    new: VerifierKey
    statement: str


def make_rotation(old: Signer, new: Signer, size: int) -> Rotation:
    """The statement that record number `size` changes the key."""
    text = f"{_HEADING}\n{old.verifier.origin}\n{size}\n{old.verifier}\n{new.verifier}\n"
    return Rotation(size, old.verifier, new.verifier, f"{text}\n{old.sign_line(text)}{new.sign_line(text)}")


def read_rotation(statement: str) -> Rotation:
    """Read a statement and check both signatures; raises NoteError when it does not hold."""
    lines = statement.split("\n")
    if len(lines) < 6 or lines[0] != _HEADING or not lines[2].isascii() or not lines[2].isdigit():
        raise NoteError("it is not a statement about a change of keys")
    old, new = VerifierKey.parse(lines[3]), VerifierKey.parse(lines[4])
    if not old.origin == new.origin == lines[1] or old == new:
        raise NoteError("its keys are not two keys of one ledger")
    text = "\n".join(lines[:5]) + "\n"
    if old.check_note(statement) != text or new.check_note(statement) != text:
        raise NoteError("it says something else than what was signed")
    return Rotation(int(lines[2]), old, new, statement)


def rotation_of(seq: int, body: bytes) -> Rotation:
    """The rotation that record `seq` speaks of; raises NoteError when it does not hold."""
    try:
        statement = msgspec.json.decode(body).get("statement")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
        statement = None
    if not isinstance(statement, str):
        raise NoteError("the record holds no statement")
    rotation = read_rotation(statement)
    if rotation.size != seq:
        raise NoteError(f"the statement is about record {rotation.size}")
    return rotation


def recorded_rotations(reader: Reader) -> list[Rotation]:
    """All rotations of a ledger, in order.

    Raises:
        NoteError: one of them does not hold, or does not continue the one before.
    """
    found: list[Rotation] = []
    for row in reader.of_kind(KIND):
        header = parse_header(row.header)
        if header is None or header.kind != KIND:
            continue
        rotation = rotation_of(row.seq, row.body or b"")
        if found and found[-1].new != rotation.old:
            raise NoteError(f"record {row.seq} changes another key than the one in force")
        found.append(rotation)
    return found


def key_at(size: int, rotations: Sequence[Rotation], newest: VerifierKey) -> VerifierKey:
    """The only key whose signature counts under a checkpoint of this size."""
    return next((rotation.old for rotation in rotations if size <= rotation.size), newest)


def leads_to(known: VerifierKey, rotations: Sequence[Rotation], newest: VerifierKey) -> bool:
    """Whether a key is the newest or one of those before it, by statements that both signed."""
    keys = [*(rotation.old for rotation in rotations), newest]
    return known in keys and (not rotations or rotations[-1].new == newest)
