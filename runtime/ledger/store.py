"""The door to ledger stores: what a store keeps and the few things it must be able to do."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """A stored record; salt and body are None once erased."""

    seq: int
    id: int
    """`record.index_of` the id in the header."""
    header: bytes
    salt: bytes | None
    body: bytes | None


class Identity(NamedTuple):
    """Which ledger a store holds, and its newest signed checkpoint (a note)."""

    origin: str
    key: str
    checkpoint: str


class Reader(Protocol):
    """Reading; each call sees what is committed, or one state inside a snapshot or transaction."""

    def identity(self) -> Identity:
        """The ledger's origin, verifier key and newest checkpoint."""

    def checkpoint(self) -> str:
        """The newest checkpoint alone."""

    def rows(self, start: int, end: int) -> list[Row]:
        """Records with start <= seq < end, in order."""

    def last_seq(self) -> int:
        """The largest stored seq, -1 when there is none."""

    def find(self, idems: Sequence[str]) -> dict[str, Row]:
        """The records that have one of these ids in their header, by it."""

    def tiles(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """Number and hash of the tiles with start <= n < end, in order."""

    def attachment(self, digest: str) -> bytes | None:
        """The bytes with this SHA-256 (hex)."""

    def of_kind(self, kind: str) -> list[Row]:
        """The records whose header says this kind, in order; finding them reads all headers."""


class Transaction(Reader, Protocol):
    """Writing; what is written becomes durable together when the transaction ends, or not at all."""

    def add_records(self, rows: Sequence[Row]) -> None:
        """Add records; their seq and idem must be new."""

    def add_tile(self, number: int, digest: bytes) -> None:
        """Add the hash of a completed tile."""

    def add_attachment(self, digest: str, seq: int, data: bytes) -> None:
        """Keep bytes by their SHA-256 (hex), stored first for record `seq`; kept once."""

    def set_checkpoint(self, note: str) -> None:
        """Replace the newest checkpoint."""

    def set_key(self, key: str) -> None:
        """Replace the verifier key."""

    def erase(self, seqs: Sequence[int], digests: Sequence[str]) -> None:
        """Remove salt and body of records, and attachments by their SHA-256 (hex)."""


class Store(Protocol):
    """A ledger's storage. Errors are raised as `Failure`; after an I/O error every further call fails."""

    def transaction(self) -> AbstractContextManager["Session"]:
        """The one writer's transaction; durable when the context ends without an error."""

    def snapshot(self) -> AbstractContextManager["Snapshot"]:
        """One unchanging state to read from."""

    def scrub(self) -> None:
        """Remove from the store's files what was erased, so that no copy of it is left in unused space or logs."""

    def close(self) -> None:
        """Release the store; may be called twice."""


class Snapshot(Reader, Protocol):
    """What verification reads: everything, streamed."""

    def all_rows(self) -> Iterator[tuple[object, ...]]:
        """Every record's columns as stored, in the order of seq; hostile, so untyped."""

    def all_ids(self) -> Iterator[tuple[object, ...]]:
        """Columns `id` and `seq` of every record as the index of ids has them, in its order."""

    def lookalikes(self) -> Iterator[tuple[object, ...]]:
        """Columns `id` and `header` of the records that share their `id` with another, in the order of `id`."""

    def all_tiles(self) -> Iterator[tuple[object, ...]]:
        """Every tile's columns as stored, in order."""

    def all_attachments(self) -> Iterator[tuple[object, ...]]:
        """Digest, seq and SHA-256 (hex) of the stored bytes of every attachment."""

    def has_attachment(self, digest: str) -> bool:
        """Whether bytes are stored under this SHA-256 (hex)."""

    def structural_faults(self) -> list[str]:
        """What the store's own check of its file finds wrong, in words."""


class Session(Transaction, Snapshot, Protocol):
    """What the writer holds: it reads everything and writes."""
