"""What happens inside one commit: dedup by id, append, extend the tree, sign."""

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from msgspec import Struct, field

from charter.runtime.ledger.chain import Position
from charter.runtime.ledger.checkpoint import Signer
from charter.runtime.ledger.errors import Conflict
from charter.runtime.ledger.events import Prepared, Receipt
from charter.runtime.ledger.head import Head
from charter.runtime.ledger.merkle import TILE
from charter.runtime.ledger.record import BODY_TAG, SALT_BYTES, TEMPLATE, commitment, parse_header
from charter.runtime.ledger.store import Row, Transaction

Outcome = list[Receipt] | Conflict


def add_batches(
    transaction: Transaction, head: Head, batches: Sequence[Sequence[Prepared]], signer: Signer, now: bytes
) -> tuple[list[Outcome], Head]:
    """Add each batch whole or, on a conflict, not at all; sign once for all of them.

    Args:
        now: the commit's time as in a header; a clock that went back does not take the ledger with it.

    Returns:
        For each batch its receipts or the conflict, and the new head (the old one when nothing was added).
    """
    position = head.position.copy()
    position.time = max(position.time, now)
    known = transaction.find([event.idem for batch in batches for event in batch])
    commit = _Commit(signer.verifier.origin.encode(), position, known)
    commit.salts = os.urandom(SALT_BYTES * sum(len(batch) for batch in batches))
    places = [commit.add(batch) for batch in batches]
    if commit.rows:
        note = signer.sign(position.frontier.size, position.frontier.root())
        transaction.add_records(commit.rows)
        for digest, (seq, data) in commit.attachments.items():
            transaction.add_attachment(digest, seq, data)
        for number, tile in commit.tiles:
            transaction.add_tile(number, tile)
        transaction.set_checkpoint(note)
        head = Head(note, position)
    outcomes: list[Outcome] = [
        place if isinstance(place, Conflict) else [Receipt(seq, leaf, head.note, old) for seq, leaf, old in place]
        for place in places
    ]
    return outcomes, head


class _Added(NamedTuple):
    event: Prepared
    seq: int
    leaf: bytes


class _Commit(Struct):
    """What one commit is going to write; `position` moves along."""

    origin: bytes
    position: Position
    known: dict[str, Row]
    salts: bytes = b""
    """Random bytes for all salts of the commit: one system call."""
    added: dict[str, _Added] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    attachments: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    tiles: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, batch: Sequence[Prepared]) -> list[tuple[int, bytes, bool]] | Conflict:
        """Number, leaf hash and whether it was there before, for each event; or the conflict, and nothing added."""
        try:
            self._check(batch)
        except Conflict as conflict:
            return conflict
        return [self._place(event) for event in batch]

    def _check(self, batch: Sequence[Prepared]) -> None:
        mine: dict[str, Prepared] = {}
        for event in batch:
            idem = event.idem
            if (row := self.known.get(idem)) is not None:
                _check_same(event, row)
                continue
            earlier = self.added.get(idem)
            first = earlier.event if earlier else mine.setdefault(idem, event)
            if first is not event and first[:4] != event[:4]:
                raise _conflict(idem, "another event of the same commit")

    def _place(self, event: Prepared) -> tuple[int, bytes, bool]:
        if (row := self.known.get(event.idem)) is not None:
            return row.seq, sha256(b"\x00" + row.header).digest(), True
        if (earlier := self.added.get(event.idem)) is not None:
            return earlier.seq, earlier.leaf, True
        position, frontier = self.position, self.position.frontier
        seq = frontier.size
        at = SALT_BYTES * len(self.rows)
        salt = self.salts[at : at + SALT_BYTES]
        header = TEMPLATE % (
            sha256(BODY_TAG + salt + event.body).hexdigest().encode(),
            event.idem.encode(),
            event.kind.encode(),
            self.origin,
            position.leaf.hex().encode(),
            seq,
            event.subject.encode(),
            position.time,
        )
        leaf = sha256(b"\x00" + header).digest()
        self.rows.append(Row(seq, event.idem, header, salt, event.body))
        if event.attachments:
            for digest, data in event.attachments.items():
                self.attachments.setdefault(digest, (seq, data))
        frontier.append(leaf)
        if frontier.size % TILE == 0:
            self.tiles.append((seq // TILE, frontier.tile))
        position.leaf = leaf
        self.added[event.idem] = _Added(event, seq, leaf)
        return seq, leaf, False


def _check_same(event: Prepared, row: Row) -> None:
    """Raises Conflict when the event's id is recorded for another."""
    header = parse_header(row.header)
    if (
        header is None
        or row.salt is None
        or (header.kind, header.subj) != (event.kind, event.subject)
        or commitment(row.salt, event.body) != header.body
    ):
        raise _conflict(event.idem, f"record {row.seq}")


def _conflict(idem: str, place: str) -> Conflict:
    return Conflict(
        "event id is taken",
        f"The id `{idem}` already stands for {place}, which says something else. "
        "An id must be bound to its content; nothing of this batch was recorded.",
    )
