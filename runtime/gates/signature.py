"""Signs a bundle as `opa sign` does, so that `opa run --verification-key` loads only what the key's holder made.

`.signatures.json` holds one JSON Web Token (RFC 7515) over the digests of all files. OPA hashes structured files,
`data.json` and `.manifest`, in a canonical form: keys sorted, no white space.
https://www.openpolicyagent.org/docs/latest/management-bundles/#signature-format
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

import msgspec

from charter.compiler.ir import Bundle
from charter.compiler.rego.archive import bundle_archive, bundle_files
from charter.runtime.failure import Failure

_STRUCTURED = frozenset({".manifest", "data.json"})
_encode = msgspec.json.Encoder(order="sorted").encode


def signed_archive(bundle: Bundle, key: Path) -> bytes:
    """The bundle as a file, signed with the private key in `key`.

    Args:
        key: PEM, unencrypted: an elliptic curve key on P-256 (ES256) or an RSA key of 2,048 bits or more (RS256).

    Raises:
        Failure: the file holds no such key.
    """
    algorithm, sign = _signer(key)
    files = [
        {"name": path, "hash": _digest(path, content), "algorithm": "SHA-256"}
        for path, content in sorted(bundle_files(bundle).items())
    ]
    token = _part({"alg": algorithm, "typ": "JWT"}) + b"." + _part({"files": files})
    token += b"." + _base64(sign(token))
    return bundle_archive(bundle, _encode({"signatures": [token.decode()]}))


def _digest(path: str, content: bytes) -> str:
    if path in _STRUCTURED:
        # As Go writes it, which escapes these two even where JSON does not ask for it.
        content = _encode(msgspec.json.decode(content))
        content = content.replace("\u2028".encode(), rb"\u2028").replace("\u2029".encode(), rb"\u2029")
    return hashlib.sha256(content).hexdigest()


def _part(document: object) -> bytes:
    return _base64(_encode(document))


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _signer(path: Path) -> tuple[str, Any]:
    """The algorithm's name, and what makes a signature in the form of RFC 7518."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise Failure("no signing key", f"`{path}` cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        detail = f"`{path}` is no unencrypted private key in PEM form."
        raise Failure("no signing key", detail) from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):

        def elliptic(content: bytes) -> bytes:
            pair = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
            return b"".join(number.to_bytes(32, "big") for number in pair)

        return "ES256", elliptic
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "RS256", lambda content: key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    raise Failure(
        "unfit signing key",
        f"OPA verifies bundles with keys on the curve P-256 and with RSA keys of 2,048 bits or more; `{path}` holds "
        "another one. `openssl ecparam -genkey -name prime256v1 -noout` makes one that fits.",
    )
