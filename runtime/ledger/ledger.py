"""The ledger's public face: open, append, read. Every state of the product is a fold over `events()`."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from charter.runtime.ledger import anchors, keys
from charter.runtime.ledger.chain import Position, follow
from charter.runtime.ledger.checkpoint import Checkpoint, NoteError, Signer, VerifierKey
from charter.runtime.ledger.errors import Conflict, Damaged, Tampered, Unavailable
from charter.runtime.ledger.events import Event, Prepared, Receipt, Recorded, prepare
from charter.runtime.ledger.head import Head, load_head, next_head, root_at
from charter.runtime.ledger.location import Location, exists, open_store, open_store_read_only, resolve
from charter.runtime.ledger.merkle import EMPTY_ROOT
from charter.runtime.ledger.proof import Sealing, consistency, make_proof, make_sealing
from charter.runtime.ledger.record import IDEM_PART, KIND_PART, SUBJECT_PART, TIME_PART, check_origin, timestamp
from charter.runtime.ledger.rotation import Rotation, key_at, leads_to, make_rotation, recorded_rotations
from charter.runtime.ledger.store import Identity, Reader, Row, Store, Transaction
from charter.runtime.ledger.writer import Outcome, add_batches

__all__ = ["Event", "Ledger", "Receipt", "Recorded", "anchor"]

_PAGE = 512
_decode_body = msgspec.json.Decoder(dict[str, Any]).decode


class Ledger:
    """An open ledger; safe to share between threads of one process, never across a fork."""

    def __init__(
        self, store: Store, key: VerifierKey, head: Head, signer: Signer | None, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._key = key
        self._head = head
        self._signer = signer
        self._clock = clock
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        path: Location,
        *,
        key_path: Path,
        origin: str,
        create: bool = False,
        anchor_path: Path | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> "Ledger":
        """Open a ledger for appending, after a check of its end.

        Args:
            path: the ledger's file, a PostgreSQL URL, or a file that holds such a URL.
            key_path: its private key; the public one is kept beside it with the suffix `.pub`.
            origin: the ledger's name, in every record and checkpoint.
            create: make ledger and keys when there are none. A ledger without its key is never given a new one,
                and where a public key is, a missing ledger is not made anew.
            anchor_path: the file of anchors; the newest one must be of this ledger (when there is such a file).
            clock: nanoseconds since 1970.

        Raises:
            Tampered: the end of the ledger is not what the key signed, or not what was anchored.
            Unavailable: a file is missing, locked, not writable or not a ledger.
        """
        check_origin(origin)
        anchored = anchors.last_anchor(anchor_path) if anchor_path else None
        public_path = key_path.with_suffix(".pub")
        # The public key is written last, so where it is there was a ledger, which is not replaced by an empty one.
        create = create and not os.path.lexists(public_path)
        path = resolve(path)
        found = exists(path, may_miss=create or anchored is not None)
        if not found and anchored and anchored[1].size:
            raise Tampered(
                "anchored ledger is missing",
                f"`{anchor_path}` says that the ledger had {anchored[1].size} records, and there is none at `{path}`. "
                "Restore it from a backup; a new one is not started in its place.",
            )
        # The key comes before the ledger, so only a ledger that was never begun may be given a new one.
        signer = keys.create_signer(key_path, origin) if create and not found else keys.load_signer(key_path, origin)
        first = Identity(origin, str(signer.verifier), signer.sign(0, EMPTY_ROOT)) if create else None
        store = open_store(path, create_as=first)
        try:
            with store.snapshot() as reader:
                signer = keys.finish_rotation(key_path, signer, reader.identity().key)
                head = load_head(reader, signer.verifier)
                if anchored:
                    _check_anchor(*anchored, signer.verifier, head, reader)
            keys.write_public_key(public_path, signer.verifier)
        except BaseException:
            store.close()
            raise
        return cls(store, signer.verifier, head, signer, clock)

    @classmethod
    def open_read_only(cls, path: Location, *, key: VerifierKey | None = None) -> "Ledger":
        """Open a ledger for reading, without its private key, also on a read-only file system.

        Without a key, the one that the ledger names is used: that shows damage, not a signing by somebody else.

        Raises:
            Tampered, Unavailable: as `open`.
        """
        store = open_store_read_only(resolve(path))
        try:
            with store.snapshot() as reader:
                key = _key_in_force(key, reader)
                return cls(store, key, load_head(reader, key), None, time.time_ns)
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; may be called twice."""
        with self._lock:
            self._store.close()

    def append(self, events: Sequence[Event], *, first: Callable[[], None] | None = None) -> list[Receipt]:
        """Record events in one commit; they are durable and signed when this returns.

        Args:
            first: called when all is written and nothing is durable yet; what it raises undoes the commit.

        Raises:
            Refused: an event cannot be recorded as it is; nothing was written.
            Conflict: an id is taken by other content; nothing was written.
            Tampered, Unavailable: the ledger cannot be used; nothing is acknowledged.
        """
        if not events:
            return []
        (outcome,) = self.commit([[prepare(event) for event in events]], first=first)
        if isinstance(outcome, Conflict):
            raise outcome
        return outcome

    def commit(
        self, batches: Sequence[Sequence[Prepared]], *, first: Callable[[], None] | None = None
    ) -> list[Outcome]:
        """Record the batches of several callers in one commit; a conflict fails its own batch only."""
        if self._signer is None:
            raise Unavailable("ledger is open for reading only", "Open it with its key to append.")
        with self._lock:
            with self._store.transaction() as transaction:
                head = next_head(transaction, self._key, self._head)
                now = timestamp(self._clock()).encode()
                outcomes, head = add_batches(transaction, head, batches, self._signer, now)
                if first is not None:
                    first()
            # Only here is it durable; before, an error must leave our view of the ledger as it was.
            self._head = head
        return outcomes

    def amend(self, plan: Callable[[int], Event], change: Callable[[Transaction], object]) -> Receipt:
        """Record an event together with the one change of stored data that it accounts for.

        Args:
            plan: the event, from the number that its record will have.
            change: erases; told the same transaction.

        Raises:
            Refused, Tampered, Unavailable: as `append`; then nothing was changed either.
        """
        return self._amend(plan, change, None)

    def rotate(self, new: Signer, plan: Callable[[Rotation], Event]) -> Receipt:
        """Record a change of the signing key, signed by both; from this record on the new one signs."""
        old = self._signer
        if old is None:
            raise Unavailable("ledger is open for reading only", "Open it with its key to change that.")
        return self._amend(
            lambda seq: plan(make_rotation(old, new, seq)), lambda state: state.set_key(str(new.verifier)), new
        )

    def _amend(
        self, plan: Callable[[int], Event], change: Callable[[Transaction], object], signer: Signer | None
    ) -> Receipt:
        if self._signer is None:
            raise Unavailable("ledger is open for reading only", "Open it with its key to change that.")
        signer = signer or self._signer
        with self._lock:
            with self._store.transaction() as transaction:
                head = next_head(transaction, self._key, self._head)
                batch = [prepare(plan(head.size))]
                now = timestamp(self._clock()).encode()
                (outcome,), head = add_batches(transaction, head, [batch], signer, now)
                if isinstance(outcome, Conflict):
                    raise outcome
                change(transaction)
            self._head, self._signer, self._key = head, signer, signer.verifier
        return outcome[0]

    def scrub(self) -> None:
        """Remove what was erased from the store's files; raises Unavailable while others use them."""
        with self._lock:
            self._store.scrub()

    def events(
        self, *, after: int = -1, kinds: Collection[str] | None = None, allow_erased: bool = False
    ) -> Iterator[Recorded]:
        """The recorded events after a number, in order.

        What is returned is authentic once the iterator is exhausted: each record's hash is in the next one, up to
        the signed end.

        Raises:
            Tampered: a record was changed.
            Unavailable: a body was erased, and the caller has not allowed for that.
        """
        for row in self.rows(after=after):
            # A header that was checked is cut at its quotes; matching it again would cost as much as the check.
            header = row.header.decode().split('"')
            kind = header[KIND_PART]
            if kinds is not None and kind not in kinds:
                continue
            if row.body is None and not allow_erased:
                raise Unavailable(
                    "event body is missing",
                    f"The body of record {row.seq} is gone, and this command needs it. `charter status` and "
                    "`charter report` say what is still known; `charter audit erasures` says why it is gone.",
                )
            body = _decode_body(row.body) if row.body is not None else {}
            yield Recorded(
                row.seq,
                kind,
                header[SUBJECT_PART],
                header[TIME_PART],
                body,
                header[IDEM_PART],
                erased=row.body is None,
            )

    def rows(self, *, after: int = -1) -> Iterator[Row]:
        """The records after a number as they are stored, each checked; authentic once the iterator is exhausted.

        Raises:
            Tampered: a record was changed.
        """
        head = self._current()
        start = max(0, after + 1)
        at = Position(shift=start)
        if start:
            at.leaf = self._leaf_before(start)
        while start < head.size:
            end = min(start + _PAGE, head.size)
            with self._lock, self._store.snapshot() as reader:
                rows = reader.rows(start, end)
            for finding in follow(rows, self._key.origin, at):
                raise Tampered("ledger was changed", f"{finding}. Run `charter audit verify` to see all of it.")
            if len(rows) != end - start:
                raise Tampered("ledger was changed", f"Records between {start} and {end} are missing.")
            yield from rows
            start = end
        if head.size and after + 1 < head.size and at.leaf != head.position.leaf:
            raise Tampered("ledger was changed", "The records do not lead up to the signed end.")

    def attachment(self, digest: str) -> bytes | None:
        """The bytes with a digest (`sha256:` and 64 hex digits), None when there are none.

        Raises:
            Tampered: the stored bytes have another digest.
        """
        name = digest.removeprefix("sha256:")
        with self._lock, self._store.snapshot() as reader:
            data = reader.attachment(name)
        if data is not None and sha256(data).hexdigest() != name:
            raise Tampered("attachment was changed", f"The bytes stored under `{digest:.80}` have another digest.")
        return data

    def prove(self, seq: int, *, with_body: bool = True) -> bytes:
        """A proof of one record that `proof.check_proof` checks without the ledger; canonical JSON.

        Raises:
            Refused: there is no such record.
        """
        with self._lock, self._store.snapshot() as reader:
            self._head = next_head(reader, self._key, self._head)
            return make_proof(reader, self._key, self._head, seq, with_body=with_body)

    def sealing(self, first: int, end: int) -> Sealing:
        """What proves records `first` to `end` - 1; see `segment.seal`."""
        with self._lock, self._store.snapshot() as reader:
            self._head = next_head(reader, self._key, self._head)
            return make_sealing(reader, self._key, self._head, first, end)

    def consistency(self, old: int, size: int) -> list[bytes]:
        """The proof that the first `old` records are the first of `size`, neither beyond what there is."""
        with self._lock, self._store.snapshot() as reader:
            return consistency(reader, old, size)

    @property
    def origin(self) -> str:
        """The ledger's name."""
        return self._key.origin

    @property
    def key(self) -> VerifierKey:
        """The ledger's public key."""
        return self._key

    @property
    def size(self) -> int:
        """Number of records, those of other processes included."""
        return self._current().size

    @property
    def root(self) -> bytes:
        """RFC 6962 root (32 bytes) of all records."""
        return self._current().position.frontier.root()

    def checkpoint(self) -> str:
        """The newest signed checkpoint, a C2SP signed note."""
        return self._current().note

    def _current(self) -> Head:
        with self._lock:
            with self._store.snapshot() as reader:
                self._head = next_head(reader, self._key, self._head)
            return self._head

    def _leaf_before(self, start: int) -> bytes:
        with self._lock, self._store.snapshot() as reader:
            rows = reader.rows(start - 1, start)
        return sha256(b"\x00" + rows[0].header).digest() if rows else b""


def anchor(ledger: Ledger, file: Path) -> bool:
    """Add the newest checkpoint to a file of anchors, unless its size is there already; whether it was added."""
    return anchors.add_anchor(file, ledger.checkpoint())


def _named_key(identity: Identity) -> VerifierKey:
    try:
        return VerifierKey.parse(identity.key)
    except NoteError as error:
        raise Damaged("ledger file is damaged", f"The key that it names is malformed: {error}.") from None


def _key_in_force(known: VerifierKey | None, reader: Reader) -> VerifierKey:
    """The key that the ledger names, if the one that is known leads to it; else the known one, which will not fit."""
    named = _named_key(reader.identity())
    if known in (None, named) or known is None:
        return named
    try:
        return named if leads_to(known, recorded_rotations(reader), named) else known
    except NoteError:
        return known


def _check_anchor(note: str, checkpoint: Checkpoint, key: VerifierKey, head: Head, reader: Reader) -> None:
    try:
        try:
            key.open(note)
        except NoteError:
            # The key may have changed since; only the one of that time counts.
            key_at(checkpoint.size, recorded_rotations(reader), key).open(note)
    except NoteError as error:
        raise Tampered("anchor is another ledger's", f"The newest anchor does not hold: {error}.") from None
    if checkpoint.size > head.size:
        raise Tampered(
            "ledger was rolled back",
            f"It has {head.size} records, and a checkpoint for {checkpoint.size} was anchored. "
            "Restore the newest backup; nothing is appended to the older state.",
        )
    if root_at(reader, checkpoint.size) != checkpoint.root:
        raise Tampered(
            "ledger was rewritten",
            f"Its first {checkpoint.size} records are not those that were anchored. Restore it from a backup.",
        )
