"""What happens inside one commit: dedup by id, append, extend the tree, sign."""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256

from charter.runtime.ledger.chain import Position
from charter.runtime.ledger.checkpoint import Signer
from charter.runtime.ledger.errors import Conflict, Unavailable
from charter.runtime.ledger.events import Prepared, Receipt
from charter.runtime.ledger.head import Head
from charter.runtime.ledger.merkle import TILE
from charter.runtime.ledger.record import BODY_TAG, SALT_BYTES, TEMPLATE, commitment, index_of, parse_header
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
    commit = _Commit(
        signer.verifier.origin.encode(),
        position,
        transaction.find([event.idem for batch in batches for event in batch]),
        _random(SALT_BYTES * sum(map(len, batches))),
    )
    places = [commit.add(batch) for batch in batches]
    if commit.rows:
        first = position.frontier.size // TILE
        tiles = position.frontier.extend(commit.leaves)
        note = signer.sign(position.frontier.size, position.frontier.root())
        transaction.add_records(commit.rows)
        for digest, (seq, data) in commit.attachments.items():
            transaction.add_attachment(digest, seq, data)
        for number, tile in enumerate(tiles, first):
            transaction.add_tile(number, tile)
        transaction.set_checkpoint(note)
        head = Head(note, position)
    note = head.note
    return [
        place if isinstance(place, Conflict) else [Receipt(seq, leaf, note, old) for seq, leaf, old in place]
        for place in places
    ], head


def _random(size: int) -> bytes:
    try:
        return os.urandom(size)
    except OSError as error:
        raise Unavailable(
            "no random numbers",
            f"The system gives none ({error.strerror}), and every record needs a salt. Nothing was recorded.",
        ) from None


class _Commit:
    """What one commit is going to write, event by event."""

    def __init__(self, origin: bytes, position: Position, known: Mapping[str, Row], salts: bytes) -> None:
        self.origin = origin
        self.position = position
        self.known = known
        self.salts = salts
        """Random bytes for all salts of the commit: one system call."""
        self.first = position.frontier.size
        self.added: dict[str, tuple[Prepared, int]] = {}
        self.rows: list[Row] = []
        self.leaves: list[bytes] = []
        self.attachments: dict[str, tuple[int, bytes]] = {}

    def add(self, batch: Sequence[Prepared]) -> list[tuple[int, bytes, bool]] | Conflict:
        """Number, leaf hash and whether it was there before, for each event; or the conflict, and nothing added."""
        known, added = self.known, self.added
        if len(batch) == 1 and (event := batch[0]).idem not in known and event.idem not in added:
            return [self._place(event)]
        try:
            self._check(batch)
        except Conflict as conflict:
            return conflict
        return [self._found(event) or self._place(event) for event in batch]

    def _check(self, batch: Sequence[Prepared]) -> None:
        mine: dict[str, Prepared] = {}
        for event in batch:
            idem = event.idem
            if (row := self.known.get(idem)) is not None:
                _check_same(event, row)
                continue
            earlier = self.added.get(idem)
            first = earlier[0] if earlier else mine.setdefault(idem, event)
            if first is not event and not first.same(event):
                raise _conflict(idem, "another event of the same commit")

    def _found(self, event: Prepared) -> tuple[int, bytes, bool] | None:
        if (row := self.known.get(event.idem)) is not None:
            return row.seq, sha256(b"\x00" + row.header).digest(), True
        if (earlier := self.added.get(event.idem)) is not None:
            return earlier[1], self.leaves[earlier[1] - self.first], True
        return None

    def _place(self, event: Prepared) -> tuple[int, bytes, bool]:
        position, idem, body = self.position, event.idem, event.body
        index = len(self.rows)
        seq = self.first + index
        salt = self.salts[SALT_BYTES * index : SALT_BYTES * (index + 1)]
        header = TEMPLATE % (
            sha256(BODY_TAG + salt + body).hexdigest().encode(),
            idem.encode(),
            event.kind.encode(),
            self.origin,
            position.leaf.hex().encode(),
            seq,
            event.subject.encode(),
            position.time,
        )
        position.leaf = leaf = sha256(b"\x00" + header).digest()
        self.rows.append(Row(seq, index_of(idem), header, salt, body))
        self.leaves.append(leaf)
        for digest, data in event.attachments.items():
            self.attachments.setdefault(digest, (seq, data))
        self.added[idem] = event, seq
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
