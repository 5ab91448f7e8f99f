"""Canonical JSON and digests: one document, one sequence of bytes.

Keys sorted by code point, no white space, UTF-8, integers as such, floats in their shortest form that reads
back equal. NaN and infinities never get here: numbers are checked when they are read.
"""

import hashlib
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical_json(document: Any) -> bytes:
    """The bytes of a document made of JSON values and msgspec structs."""
    return _ENCODER.encode(document)


def digest(data: bytes) -> str:
    """`sha256:<hex>` of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_of(document: Any) -> str:
    """`sha256:<hex>` of a document's canonical JSON."""
    return digest(canonical_json(document))
