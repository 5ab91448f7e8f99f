"""A sample that the audited could not choose: ranked by a hash over the ledger's root and the auditor's own nonce."""

from collections.abc import Iterable
from hashlib import sha256

TAG = b"charter/sample/v1\x00"


def rank(root: bytes, nonce: str, seq: int) -> bytes:
    """A record's rank: SHA-256(tag || root || 0 || nonce || 0 || seq in decimal); the smallest are drawn.

    The root is fixed by the ledger before the auditor names the nonce, and the nonce by the auditor after: neither
    side can choose what is drawn.

    Args:
        root: of the checkpoint that the sample is drawn under (32 bytes).
    """
    return sha256(TAG + root + b"\x00" + nonce.encode() + b"\x00" + str(seq).encode()).digest()


def draw(seqs: Iterable[int], n: int, root: bytes, nonce: str) -> list[int]:
    """`n` of the records, in the order of their numbers; all of them when there are fewer."""
    return sorted(sorted(seqs, key=lambda seq: rank(root, nonce, seq))[:n])
