"""Follows stored records one after another and says what does not fit. Pure: columns in, findings out."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

from msgspec import Struct, field

from charter.runtime.ledger.merkle import Frontier
from charter.runtime.ledger.record import (
    BODY_TAG,
    HEADER,
    MAX_IDEM,
    MAX_SUBJECT,
    NO_LEAF,
    SALT_BYTES,
    TEMPLATE,
    TOKEN_BYTES,
    commitment,
    index_of,
)

# Where the parts of a header are, seen from its ends: the template fixes all widths but those of four tokens.
_IDEM_AT = len(b'{"body":"","idem":"') + 64
_KIND_AFTER = len(b'","kind":"')
_SAYS_ADMINISTRATIVE = b'"kind":"ledger.'
_TIME_AT = slice(-len(b'2026-01-01T00:00:00.000000Z","v":1}'), -len(b'","v":1}'))
_SUBJECT_END = _TIME_AT.start - len(b'","ts":"')


class Finding(Struct, frozen=True):
    """Something that does not fit: which check, at which record (None: the ledger as a whole), and what."""

    check: str
    seq: int | None
    what: str

    def __str__(self) -> str:
        place = "" if self.seq is None else f"record {self.seq}: "
        return f"{place}{self.what} [{self.check}]"


class Position(Struct):
    """How far a chain was followed.

    Attributes:
        frontier: the tree of the records so far.
        leaf: hash of the last one.
        time: time of the last one, as in its header.
        missing: records without a body so far.
        shift: by how much the numbers run ahead of the tree, once records were found missing.
        tiles: hashes of the tiles that the latest rows completed.
        ids: sum of `hash((id, seq))` as stored, to be compared with the same sum over the index of ids.
    """

    frontier: Frontier = field(default_factory=Frontier)
    leaf: bytes = NO_LEAF
    time: bytes = b""
    missing: list[int] = field(default_factory=list)
    shift: int = 0
    tiles: list[bytes] = field(default_factory=list)
    ids: int = 0

    def copy(self) -> "Position":
        """An independent copy."""
        return Position(self.frontier.copy(), self.leaf, self.time, self.missing.copy(), self.shift)


BodySeen = Callable[[int, bytes, bytes], object]
"""Is told number, header and body of a record whose body names attachments, or is about the ledger itself."""


def follow(
    rows: Iterable[tuple[Any, ...]], origin: str, at: Position, body_seen: BodySeen | None = None
) -> Iterator[Finding]:
    """Check (seq, id, header, salt, body) rows from a position on; once exhausted, the position is moved along.

    Checks each header's bytes, its place, its ledger, the chain of leaf hashes, the order of time and the
    commitment to the body. A record that does not fit is followed as it is stored, so that one change gives
    one finding. This is the hot loop of verification: a header that is, byte for byte, the one that its body, its
    neighbour and its place call for needs no parsing; only what differs is looked at closely, by `_explain`.
    """
    log, place, leaf, time, ids = origin.encode(), at.frontier.size + at.shift, at.leaf, at.time, at.ids
    prev = leaf.hex().encode()
    leaves: list[bytes] = []
    kinds: set[bytes] = set()
    from_bytes = int.from_bytes
    for row in rows:
        seq, number, header, salt, body = row
        ids += hash((number, seq))
        fits = False
        if type(header) is bytes and type(body) is bytes and type(salt) is bytes:
            end = header.find(b'"', _IDEM_AT)
            name = header[_IDEM_AT:end]
            end += _KIND_AFTER
            kind = header[end : header.find(b'"', end)]
            subject = header[header.rfind(b'"', 0, _SUBJECT_END) + 1 : _SUBJECT_END]
            fits = (
                header[_TIME_AT] == time
                and kind in kinds
                and 0 < len(subject) <= MAX_SUBJECT
                and 0 < len(name) <= MAX_IDEM
                and not (name + subject).translate(None, TOKEN_BYTES)
                and seq == place
                and number == from_bytes(sha256(name).digest()[:6])
                and len(salt) == SALT_BYTES
                and header
                == TEMPLATE
                % (
                    sha256(BODY_TAG + salt + body).hexdigest().encode(),
                    name,
                    kind,
                    log,
                    prev,
                    place,
                    subject,
                    time,
                )
            )
        if not fits:
            if seq != place and type(seq) is int:
                yield Finding("order", place, f"the next record that is stored has the number {seq}")
                at.shift += seq - place
                place = seq
            if type(header) is bytes and (found := HEADER.fullmatch(header)):
                kinds.add(found[3])
                yield from _explain(found, row, place, prev, log, time)
                time = max(time, found[8])
            else:
                yield Finding("header", place, "the header is not in the one permitted form")
                header = b""
            if body is None:
                at.missing.append(place)
        if body_seen and type(body) is bytes and (b'"attachments"' in body or _SAYS_ADMINISTRATIVE in header):
            body_seen(place, header, body)
        leaf = sha256(b"\x00" + header).digest()
        prev = leaf.hex().encode()
        leaves.append(leaf)
        place += 1
    at.tiles = at.frontier.extend(leaves)
    at.leaf, at.time, at.ids = leaf, time, ids


def _explain(
    found: re.Match[bytes], row: tuple[Any, ...], place: int, prev: bytes, log: bytes, time: bytes
) -> Iterator[Finding]:
    """What a well-formed header says that does not fit, in words; nothing, when it fits after all."""
    _, number, _, salt, body = row
    committed, h_idem, _, h_log, h_prev, h_seq, _, h_time = found.groups()
    if h_prev != prev:
        yield Finding("chain", place, "`prev` is not the hash of the record before it")
    if int(h_seq) != place:
        yield Finding("order", place, f"the header says that it is number {h_seq.decode()}")
    if h_log != log:
        yield Finding("origin", place, f"the header says that it is of the ledger `{h_log.decode()}`")
    if number != index_of(h_idem.decode()):
        yield Finding("idem", place, "the number that it is found by is not that of the header's id")
    if h_time < time or not _is_time(h_time):
        yield Finding("time", place, f"`{h_time.decode()}` is no date, or before the last record's")
    if body is None:
        return
    # The salt's length is fixed, so that no byte can wander from it to the body.
    if type(body) is not bytes or type(salt) is not bytes or len(salt) != SALT_BYTES:
        yield Finding("body", place, "the body cannot be checked: its salt is missing or malformed")
    elif commitment(salt, body).encode() != committed:
        yield Finding("body", place, "the body is not the one that the header commits to")


def _is_time(text: bytes) -> bool:
    try:
        datetime.fromisoformat(text.decode())
    except ValueError:
        return False
    return True
