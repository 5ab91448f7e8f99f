"""Follows stored records one after another and says what does not fit. Pure: columns in, findings out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from charter.runtime.ledger.merkle import Frontier
from charter.runtime.ledger.record import BODY_TAG, HEADER, NO_LEAF, SALT_BYTES


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit: which check, at which record (None: the ledger as a whole), and what."""

    check: str
    seq: int | None
    what: str

    def __str__(self) -> str:
        place = "" if self.seq is None else f"record {self.seq}: "
        return f"{place}{self.what} [{self.check}]"


@dataclass(slots=True)
class Position:
    """How far a chain was followed: the tree so far, the last leaf hash and the last time."""

    frontier: Frontier = field(default_factory=Frontier)
    leaf: bytes = NO_LEAF
    time: bytes = b""
    bodies_missing: int = 0

    def copy(self) -> "Position":
        """An independent copy."""
        return Position(self.frontier.copy(), self.leaf, self.time, self.bodies_missing)


BodySeen = Callable[[int, bytes], Iterable[Finding]]


def follow(
    rows: Iterable[tuple[object, ...]], origin: str, at: Position, body_seen: BodySeen | None = None
) -> Iterator[Finding]:
    """Check (seq, idem, header, salt, body) rows from a position on, which is moved along.

    Checks each header's bytes, its place, its ledger, the chain of leaf hashes, the order of time and the
    commitment to the body; `body_seen` is called with each body whose commitment holds.
    A record that does not fit is followed as it is stored, so that one change gives one finding.
    """
    match = HEADER.fullmatch
    log = origin.encode()
    frontier = at.frontier
    expected = at.leaf.hex().encode()
    for seq, idem, header, salt, body in rows:
        place = frontier.size
        if type(header) is not bytes or (found := match(header)) is None:
            yield Finding("header", place, "the header is not in the one permitted form")
            leaf = sha256(b"\x00" + (header if type(header) is bytes else b"")).digest()
        else:
            committed, h_idem, _, h_log, prev, h_seq, _, time = found.groups()
            leaf = sha256(b"\x00" + header).digest()
            if prev != expected:
                yield Finding(
                    "chain", place, "`prev` is not the hash of the record before: one was changed or moved"
                )
            if seq != place or int(h_seq) != place:
                yield Finding(
                    "order", place, f"it is stored as number {seq} and calls itself {h_seq.decode()}"
                )
            if type(idem) is not str or idem.encode() != h_idem:
                yield Finding("idem", place, "the indexed id is not the header's")
            if h_log != log:
                yield Finding("origin", place, f"it belongs to the ledger `{h_log.decode()}`")
            if time != at.time:
                if not _is_time(time):
                    yield Finding("time", place, f"`{time.decode()}` is no date")
                elif time < at.time:
                    yield Finding("time", place, f"`{time.decode()}` is earlier than the record before it")
                else:
                    at.time = time
            if type(body) is bytes and type(salt) is bytes:
                # The lengths are fixed, so that no byte can wander from the salt to the body.
                if (
                    len(salt) != SALT_BYTES
                    or sha256(BODY_TAG + salt + body).hexdigest().encode() != committed
                ):
                    yield Finding("body", place, "the body is not the one that the header commits to")
                elif body_seen is not None:
                    yield from body_seen(place, body)
            elif body is None:
                at.bodies_missing += 1
            else:
                yield Finding("body", place, "the body cannot be checked: its salt is missing")
        frontier.append(leaf)
        at.leaf = leaf
        expected = leaf.hex().encode()


def _is_time(text: bytes) -> bool:
    try:
        datetime.fromisoformat(text.decode())
    except ValueError:
        return False
    return True
