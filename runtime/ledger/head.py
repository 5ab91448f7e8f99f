"""The authenticated end of a ledger: found at opening, and moved along as this or another process appends."""

from msgspec import Struct

from charter.runtime.ledger.chain import Position, follow
from charter.runtime.ledger.checkpoint import Checkpoint, NoteError, VerifierKey
from charter.runtime.ledger.errors import Tampered, Unavailable
from charter.runtime.ledger.merkle import EMPTY_ROOT, TILE, Frontier, leaf_hash
from charter.runtime.ledger.rotation import leads_to, recorded_rotations
from charter.runtime.ledger.store import Reader


class Head(Struct, frozen=True):
    """The newest checkpoint (a signed note) and the position that it stands for."""

    note: str
    position: Position

    @property
    def size(self) -> int:
        """Number of records."""
        return self.position.frontier.size


def load_head(reader: Reader, key: VerifierKey) -> Head:
    """Find and check the end of a ledger, reading the last 256 to 511 records and the hashes of older tiles.

    The tiles need no check of their own: together with the records read they must give the signed root.
    What this does not see is a change to the stored text of an older record, which no longer matters to the
    root because its tile's hash is stored; `Ledger.events` and `verify` see it.

    Raises:
        Tampered: the end is not what the key signed.
    """
    identity = reader.identity()
    if identity.origin != key.origin or identity.key != str(key):
        raise Tampered(
            "ledger belongs to another key",
            f"The ledger names the key `{identity.key:.200}`, and the key in use is `{key}`. "
            "Give the key that the ledger was made with.",
        )
    checkpoint = _open(identity.checkpoint, key)
    first = max(0, checkpoint.size // TILE - 1)
    position = Position(_frontier_of_tiles(reader, first))
    if first:
        before = reader.rows(first * TILE - 1, first * TILE)
        if not before:
            raise _tampered(f"record {first * TILE - 1} is missing")
        position.leaf = leaf_hash(before[0].header)
    return _follow_to(reader, checkpoint, identity.checkpoint, position)


def next_head(reader: Reader, key: VerifierKey, head: Head) -> Head:
    """The head after what other processes appended since; the same object when nothing was.

    Raises:
        Tampered: the ledger no longer continues from the given head.
        Unavailable: another process has given it a new key.
    """
    note = reader.checkpoint()
    if note == head.note:
        return head
    _refuse_new_key(reader, key)
    checkpoint = _open(note, key)
    if checkpoint.size <= head.size:
        raise _tampered(f"it had {head.size} records a moment ago, and now its checkpoint says {checkpoint.size}")
    return _follow_to(reader, checkpoint, note, head.position.copy())


def root_at(reader: Reader, size: int) -> bytes:
    """Root of the first `size` records."""
    return frontier_at(reader, size).root()


def frontier_at(reader: Reader, size: int) -> Frontier:
    """The tree of the first `size` records, from the stored tiles and at most 255 headers."""
    tiles, rest = divmod(size, TILE)
    frontier = _frontier_of_tiles(reader, tiles)
    rows = reader.rows(tiles * TILE, size)
    if len(rows) != rest:
        raise _tampered(f"records between {tiles * TILE} and {size} are missing")
    frontier.extend([leaf_hash(row.header) for row in rows])
    return frontier


def _refuse_new_key(reader: Reader, key: VerifierKey) -> None:
    """Tell a change of keys, which only means to start again, from a ledger that somebody else has signed."""
    named = reader.identity().key
    if named == str(key):
        return
    try:
        changed = leads_to(key, recorded_rotations(reader), VerifierKey.parse(named))
    except NoteError:
        return
    if changed:
        raise Unavailable(
            "ledger key was changed",
            "Another process gave the ledger a new signing key while this one had it open. Nothing more is recorded "
            "under the old key. Run the same command again.",
        )


def _follow_to(reader: Reader, checkpoint: Checkpoint, note: str, position: Position) -> Head:
    rows = reader.rows(position.frontier.size, checkpoint.size)
    for finding in follow(rows, checkpoint.origin, position):
        raise _tampered(str(finding))
    if position.frontier.size != checkpoint.size or reader.last_seq() != checkpoint.size - 1:
        raise _tampered(
            f"it stores records up to number {reader.last_seq()}, and its checkpoint was signed for {checkpoint.size}"
        )
    if position.frontier.root() != checkpoint.root:
        raise _tampered(f"the root of its {checkpoint.size} records is not the signed one")
    return Head(note, position)


def _frontier_of_tiles(reader: Reader, count: int) -> Frontier:
    frontier = Frontier()
    for expected, (number, digest) in enumerate(reader.tiles(0, count)):
        if number != expected or len(digest) != len(EMPTY_ROOT):
            raise _tampered(f"the stored hash of tile {expected} is missing or malformed")
        frontier.append_tile(digest)
    if frontier.size != count * TILE:
        raise _tampered(f"stored tile hashes are missing after tile {frontier.size // TILE}")
    return frontier


def _open(note: str, key: VerifierKey) -> Checkpoint:
    try:
        return key.open(note)
    except NoteError as error:
        raise _tampered(f"its newest checkpoint does not hold: {error}") from None


def _tampered(what: str) -> Tampered:
    return Tampered(
        "ledger was changed",
        f"{what[0].upper()}{what[1:]}. Nothing is appended to a ledger in this state. Keep the file for inquiry, "
        "see `charter audit verify` for all that does not fit, and restore the ledger from a backup.",
    )
