"""Copy a ledger into another store, record for record: the same bytes, the same root, the same signed checkpoint.

A copy into a file is also a backup: it is one consistent state, taken while others append.
"""

import itertools
from collections.abc import Callable

from msgspec import Struct

from charter.runtime.ledger.checkpoint import VerifierKey
from charter.runtime.ledger.errors import Refused, Tampered
from charter.runtime.ledger.location import Location, discard, exists, open_store, open_store_read_only, resolve
from charter.runtime.ledger.store import Row, Snapshot, Transaction
from charter.runtime.ledger.verify import verify_snapshot

_BATCH = 1000


class Copied(Struct, frozen=True):
    """What a copy holds: number of records and their RFC 6962 root (32 bytes), the same in both stores."""

    size: int
    root: bytes


def copy_ledger(
    source: Location,
    target: Location,
    *,
    key: VerifierKey | None = None,
    progress: Callable[[int, int], None] | None = None,
    switch: Callable[[], None] | None = None,
) -> Copied:
    """Copy a whole ledger to a place where there is none; both are verified.

    Args:
        key: the ledger's key from elsewhere.
        switch: called once the copy holds, while nobody can append to the source: makes the copy the ledger.

    Raises:
        Tampered: the source does not hold, or the copy is not the same; nothing usable was left at the target.
        Refused: there is something at the target.
        Unavailable: one of the two cannot be used.
    """
    source, target = resolve(source), resolve(target)
    if exists(target, may_miss=True):
        raise Refused("there is something already", f"`{target}` is not empty. A copy goes to a place of its own.")
    reading = open_store_read_only(source) if switch is None else open_store(source, create_as=None)
    try:
        # The writer's transaction keeps others from appending to what is about to be left behind.
        with reading.snapshot() if switch is None else reading.transaction() as state:
            copied = _copied(state, target, key, progress)
            if switch is not None:
                switch()
                raise _Switched
    except _Switched:
        pass
    finally:
        reading.close()
    return copied


class _Switched(Exception):
    """Leaves the source's transaction without a commit: the source is not the ledger any more."""


def _copied(
    snapshot: Snapshot, target: Location, key: VerifierKey | None, progress: Callable[[int, int], None] | None
) -> Copied:
    before = verify_snapshot(snapshot, public_key=key)
    if before.finding_count:
        raise Tampered(
            "ledger was changed",
            f"{before.findings[0]}. It is not copied. Run `charter audit verify` to see all of it.",
        )
    writing = open_store(target, create_as=snapshot.identity())
    try:
        with writing.transaction() as transaction:
            _copy(snapshot, transaction, before.size, progress)
        with writing.snapshot() as written:
            after = verify_snapshot(written, public_key=key)
    except BaseException:
        writing.close()
        discard(target)  # it was made for this copy, and half of it is no ledger
        raise
    writing.close()
    if after.finding_count or (after.size, after.root) != (before.size, before.root):
        discard(target)
        raise Tampered("copy is not the same", f"What was written to `{target}` is not what was read. Try again.")
    return Copied(after.size, after.root)


def _copy(snapshot: Snapshot, transaction: Transaction, size: int, progress: Callable[[int, int], None] | None) -> None:
    rows = snapshot.all_rows()
    done = 0
    while batch := [Row(*row) for row in itertools.islice(rows, _BATCH)]:  # type: ignore[arg-type]
        transaction.add_records(batch)
        done += len(batch)
        if progress:
            progress(done, size)
    for number, digest in snapshot.all_tiles():
        transaction.add_tile(number, digest)  # type: ignore[arg-type]
    for digest, seq, _ in snapshot.all_attachments():
        data = snapshot.attachment(digest)  # type: ignore[arg-type]
        assert data is not None  # one snapshot, and verified
        transaction.add_attachment(digest, seq, data)  # type: ignore[arg-type]
    transaction.set_checkpoint(snapshot.identity().checkpoint)
