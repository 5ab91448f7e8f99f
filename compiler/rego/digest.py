"""The digest that names a bundle: SHA-256 over a canonical form of everything that decides."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from charter.compiler.ir import Bundle

_encode = msgspec.json.Encoder(order="sorted").encode


def content_digest(modules: Mapping[str, str], data: Mapping[str, Any], entrypoint: str, roots: tuple[str, ...]) -> str:
    """`sha256:...` of a bundle's content."""
    return f"sha256:{hashlib.sha256(content_bytes(modules, data, entrypoint, roots)).hexdigest()}"


def content_bytes(
    modules: Mapping[str, str], data: Mapping[str, Any], entrypoint: str, roots: tuple[str, ...]
) -> bytes:
    """The bytes that the digest is of: one JSON document with all that decides.

    The revision is left out, wherever it stands: it is derived from the digest.
    """
    charter = {**data.get("charter", {})}
    charter["plan"] = {key: value for key, value in charter.get("plan", {}).items() if key != "revision"}
    content = {
        "data": {**data, "charter": charter},
        "entrypoint": entrypoint,
        "modules": modules,
        "roots": roots,
    }
    return _encode(content)


def bundle_digest(bundle: Bundle) -> str:
    """What the digest of `bundle` must be; any other means that it was altered."""
    return content_digest(bundle.modules, bundle.data, bundle.entrypoint, bundle.roots)
