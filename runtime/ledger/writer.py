"""What happens inside one commit: dedup by id, append, extend the tree, sign."""

import os
from collections.abc import Sequence
from hashlib import sha256

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
    places: list[list[tuple[int, bytes, bool]] | Conflict] = []
    for batch in batches:
        try:
            known = [_recorded(transaction, event) for event in batch]
            _check_within(batch)
        except Conflict as conflict:
            places.append(conflict)
            continue
        places.append(_add(transaction, position, batch, known, signer.verifier.origin.encode()))
    if position.frontier.size > head.size:
        note = signer.sign(position.frontier.size, position.frontier.root())
        transaction.set_checkpoint(note)
        head = Head(note, position)
    outcomes: list[Outcome] = [
        place if isinstance(place, Conflict) else [Receipt(seq, leaf, head.note, old) for seq, leaf, old in place]
        for place in places
    ]
    return outcomes, head


def _add(
    transaction: Transaction,
    position: Position,
    batch: Sequence[Prepared],
    known: Sequence[tuple[int, bytes] | None],
    origin: bytes,
) -> list[tuple[int, bytes, bool]]:
    places: list[tuple[int, bytes, bool]] = []
    added: dict[str, tuple[int, bytes]] = {}
    frontier = position.frontier
    for event, earlier in zip(batch, known, strict=True):
        if old := earlier or added.get(event.idem):
            places.append((*old, True))
            continue
        seq = frontier.size
        salt = os.urandom(SALT_BYTES)
        header = TEMPLATE % (
            sha256(BODY_TAG + salt + event.body).hexdigest().encode(),
            event.idem.encode(),
            event.kind.encode(),
            origin,
            position.leaf.hex().encode(),
            seq,
            event.subject.encode(),
            position.time,
        )
        leaf = sha256(b"\x00" + header).digest()
        transaction.add_record(Row(seq, event.idem, header, salt, event.body))
        for digest, data in event.attachments.items():
            transaction.add_attachment(digest, seq, data)
        frontier.append(leaf)
        if frontier.size % TILE == 0:
            transaction.add_tile(seq // TILE, frontier.tile)
        position.leaf = leaf
        added[event.idem] = (seq, leaf)
        places.append((seq, leaf, False))
    return places


def _recorded(transaction: Transaction, event: Prepared) -> tuple[int, bytes] | None:
    """Place and leaf of the same event when it is recorded; raises Conflict when its id stands for another."""
    row = transaction.find(event.idem)
    if row is None:
        return None
    header = parse_header(row.header)
    if (
        header is None
        or row.salt is None
        or (header.kind, header.subj) != (event.kind, event.subject)
        or commitment(row.salt, event.body) != header.body
    ):
        raise _conflict(event.idem, f"record {row.seq}")
    return row.seq, sha256(b"\x00" + row.header).digest()


def _check_within(batch: Sequence[Prepared]) -> None:
    seen: dict[str, Prepared] = {}
    for event in batch:
        first = seen.setdefault(event.idem, event)
        if first is not event and first[:4] != event[:4]:
            raise _conflict(event.idem, "another event of the same batch")


def _conflict(idem: str, place: str) -> Conflict:
    return Conflict(
        "event id is taken",
        f"The id `{idem}` already stands for {place}, which says something else. "
        "An id must be bound to its content; nothing of this batch was recorded.",
    )
