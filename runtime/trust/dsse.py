"""DSSE envelopes: bytes, their type, and Ed25519 signatures over both.

Protocol v1.0 of github.com/secure-systems-lab/dsse.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence

import msgspec

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.trust.keys import PrivateKey, PublicKey

_LARGEST = 4 * 1024 * 1024
_MOST_SIGNATURES = 100
_URL_SAFE = str.maketrans("-_", "+/")


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One signature; `keyid` only narrows which keys to try and proves nothing (DSSE, protocol)."""

    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A signed payload; `payload` is standard base64."""

    payload_type: str
    payload: str
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Sequence[PrivateKey]) -> tuple[Signature, ...]:
    """One signature a key over the typed payload."""
    message = pae(payload_type, payload)
    return tuple(Signature(sig=base64.b64encode(key.sign(message)).decode(), keyid=key.public.id) for key in keys)


def signers(
    payload_type: str, payload: bytes, signatures: Sequence[Signature], keys: Mapping[str, PublicKey]
) -> frozenset[str]:
    """Ids of those of `keys` (by id) under which one of the signatures is valid."""
    if len(signatures) > _MOST_SIGNATURES:
        raise _broken(f"it has {len(signatures)} signatures, more than the {_MOST_SIGNATURES} allowed")
    message = pae(payload_type, payload)
    valid: set[str] = set()
    for signature in signatures:
        to_try = [keys[signature.keyid]] if signature.keyid in keys else [] if signature.keyid else keys.values()
        signed = _base64(signature.sig, "a signature")
        valid.update(key.id for key in to_try if key.verifies(signed, message))
    return frozenset(valid)


def seal(payload_type: str, payload: bytes, keys: Sequence[PrivateKey]) -> bytes:
    """The envelope around `payload`, as JSON."""
    envelope = Envelope(
        payload_type=payload_type,
        payload=base64.b64encode(payload).decode(),
        signatures=sign(payload_type, payload, keys),
    )
    return msgspec.json.encode(envelope)


def open_envelope(data: bytes, payload_type: str, keys: Mapping[str, PublicKey]) -> tuple[bytes, frozenset[str]]:
    """The payload and the ids of `keys` that signed it. An empty set of ids means: believe nothing in it.

    Raises:
        Failure: not an envelope, or of another payload type.
    """
    if len(data) > _LARGEST:
        raise _broken(f"it has {len(data)} bytes, more than the {_LARGEST} allowed")
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(str(error)) from error
    if envelope.payload_type != payload_type:
        raise _broken(f"its payload type is not `{payload_type}`")
    payload = _base64(envelope.payload, "the payload")
    return payload, signers(payload_type, payload, envelope.signatures, keys)


def _base64(text: str, what: str) -> bytes:
    try:
        # Verifiers must accept the standard and the URL-safe alphabet (DSSE, protocol).
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _broken(f"{what} is not base64") from error


def _broken(reason: str) -> Failure:
    return Failure("not a signed envelope", f"The DSSE envelope cannot be read: {reason}.", exit_code=ExitCode.DENIED)
