"""Proof of one record: its bytes, the path to the root and the signed checkpoint, checked without the ledger."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from charter.runtime.ledger import canonical
from charter.runtime.ledger.checkpoint import NoteError, VerifierKey
from charter.runtime.ledger.errors import Refused
from charter.runtime.ledger.head import Head, frontier_at
from charter.runtime.ledger.merkle import (
    TILE,
    Subtree,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    leaf_hash,
    subtree_of_tiles,
)
from charter.runtime.ledger.record import NO_LEAF, SALT_BYTES, Header, commitment, parse_header
from charter.runtime.ledger.rotation import Rotation, leads_to, read_rotation, recorded_rotations
from charter.runtime.ledger.store import Reader

FORMAT = "charter-proof/1"
_MAX_BYTES = 8 * canonical.MAX_BYTES
_HASH = re.compile(r"[0-9a-f]{64}")
_SALT = re.compile(rf"[0-9a-f]{{{2 * SALT_BYTES}}}")
_MEMBERS = {"body", "checkpoint", "format", "header", "key", "path", "salt"}


class Sealing(NamedTuple):
    """What proves a range of records: the tree's edge and last leaf before it, and the way to a signed root."""

    prev: bytes
    edge: list[bytes]
    consistency: list[bytes]
    checkpoint: str
    key: VerifierKey
    rotations: list[Rotation]


def make_sealing(reader: Reader, key: VerifierKey, head: Head, first: int, end: int) -> Sealing:
    """What proves records `first` to `end` - 1 under the newest checkpoint."""
    before = reader.rows(first - 1, first)
    path = consistency(reader, end, head.size)
    return Sealing(
        leaf_hash(before[0].header) if before else NO_LEAF,
        frontier_at(reader, first).nodes,
        path,
        head.note,
        key,
        recorded_rotations(reader),
    )


def consistency(reader: Reader, old: int, size: int) -> list[bytes]:
    """The proof that the first `old` records are the first of `size` (RFC 6962, 2.1.2); none for an empty tree."""
    return consistency_proof(old, size, _subtree(reader, size)) if old else []


def make_proof(reader: Reader, key: VerifierKey, head: Head, seq: int, *, with_body: bool) -> bytes:
    """The proof of record `seq` under the newest checkpoint: canonical JSON, checked before it is handed out.

    Raises:
        Refused: there is no such record.
    """
    if not 0 <= seq < head.size:
        raise Refused(
            "no such record", f"The ledger has the records 0 to {head.size - 1}." if head.size else "It is empty."
        )

    path = inclusion_proof(seq, head.size, _subtree(reader, head.size))
    (row,) = reader.rows(seq, seq + 1)
    shown = with_body and row.body is not None and row.salt is not None
    rotations = recorded_rotations(reader)
    proof = canonical.encode(
        {
            **({"rotations": [rotation.statement for rotation in rotations]} if rotations else {}),
            "body": row.body.decode() if shown and row.body else None,
            "checkpoint": head.note,
            "format": FORMAT,
            "header": row.header.decode(),
            "key": str(key),
            "path": [node.hex() for node in path],
            "salt": row.salt.hex() if shown and row.salt else None,
        },
        _MAX_BYTES,
    )
    check_proof(proof, key)
    return proof


def check_proof(proof: bytes, key: VerifierKey | None) -> tuple[Header, dict[str, Any] | None, VerifierKey]:
    """What a proof proves: the record's header, its body (None when it was left out), and the key that signed.

    Args:
        key: the ledger's key from elsewhere; with None the proof's own is used, and the proof shows only that
            whoever holds that key signed it.

    Raises:
        Refused: the proof is malformed or does not hold; the detail says where.
    """
    fields = _fields(proof)
    try:
        named = VerifierKey.parse(fields["key"])
        rotations = [read_rotation(statement) for statement in fields.get("rotations", [])]
        if any(before.new != after.old or before.size >= after.size for before, after in pairwise(rotations)):
            raise _broken("its changes of keys do not follow each other")
        if key is not None and key != named and not leads_to(key, rotations, named):
            raise _broken(f"it names the key `{named}`, which is not the given one")
        checkpoint = named.open(fields["checkpoint"])
    except NoteError as error:
        raise _broken(str(error)) from None
    header = parse_header(fields["header"].encode())
    if header is None:
        raise _broken("its header is not in the one permitted form")
    if header.log != named.origin:
        raise _broken(f"the record is of the ledger `{header.log}`, the checkpoint of `{named.origin}`")
    path = [bytes.fromhex(node) for node in fields["path"]]
    leaf = leaf_hash(fields["header"].encode())
    if not inclusion_holds(leaf, header.seq, checkpoint.size, path, checkpoint.root):
        raise _broken("its path does not lead from the record to the signed root")
    if fields["body"] is None:
        return header, None, named
    body = fields["body"].encode()
    if commitment(bytes.fromhex(fields["salt"]), body) != header.body:
        raise _broken("the body is not the one that the header commits to")
    return header, canonical.parse(body), named


def _subtree(reader: Reader, size: int) -> Subtree:
    def tile_leaves(tile: int) -> list[bytes]:
        end = min((tile + 1) * TILE, size)
        return [leaf_hash(row.header) for row in reader.rows(tile * TILE, end)]

    return subtree_of_tiles([digest for _, digest in reader.tiles(0, size // TILE)], tile_leaves)


def _fields(proof: bytes) -> Mapping[str, Any]:
    fields = canonical.parse(proof, _MAX_BYTES)
    if set(fields) - {"rotations"} != _MEMBERS or fields["format"] != FORMAT:
        raise _broken(f"it is not a document of the format `{FORMAT}`")
    path, body, salt, rotations = fields["path"], fields["body"], fields["salt"], fields.get("rotations", [])
    texts = [fields["checkpoint"], fields["header"], fields["key"]]
    if (
        not all(isinstance(text, str) and len(text) < 1 << 16 for text in texts)
        or not isinstance(path, list)
        or not all(isinstance(node, str) and _HASH.fullmatch(node) for node in path)
        or not isinstance(rotations, list)
        or not all(isinstance(statement, str) for statement in rotations)
        or (body is None) != (salt is None)
        or not (body is None or (isinstance(body, str) and isinstance(salt, str) and _SALT.fullmatch(salt)))
    ):
        raise _broken("a member is missing or of the wrong form")
    return fields


def _broken(what: str) -> Refused:
    return Refused("proof does not hold", f"{what[0].upper()}{what[1:]}.")
