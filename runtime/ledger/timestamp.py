"""RFC 3161 time stamps of a checkpoint's text: the request, and whether an answer holds. Pure: bytes in, a time out.

The library of the extra `[timestamp]` parses and verifies; it is imported only here, and only when it is used.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from charter.runtime.ledger.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

MAX_BYTES = 64 << 10
"""Of an answer: a token with a chain of four certificates has about 8 KiB."""

_REASON = re.compile(r'reason: "([^"]{1,80})"(?:[^{}]*?data: "([^"]{1,80})")?')
_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}
"""By object identifier (RFC 5754, section 2): what an imprint may be made with."""


class StampError(ValueError):
    """A time stamp that is malformed, refused, or of something else; the text says what is wrong."""


class OtherStampError(StampError):
    """A time stamp, but of another text or in answer to another request."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stored answer of a time-stamping authority.

    Attributes:
        name: of its file, for messages.
        size: of the checkpoint that the file's name says it is of; what holds is the imprint.
        data: the DER bytes of the answer (RFC 3161, section 2.4.2).
    """

    name: str
    size: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Stamped:
    """What a time stamp says: that the text was there at `time` (seconds since 1970).

    Attributes:
        authority: who signed it, as its certificate names it; unchecked unless `distrust` is empty.
        distrust: why its signature does not count; empty when it chains to a given certificate.
    """

    time: int
    authority: str
    distrust: str


def is_installed() -> bool:
    """Whether the library is there."""
    return find_spec("rfc3161_client") is not None


def demand_library() -> None:
    """Raise Unavailable with what to do when the library is not there."""
    if not is_installed():
        raise Unavailable(
            "time stamps need an extra",
            "Reading and checking RFC 3161 time stamps needs the package `rfc3161-client`. "
            "Run `pip install 'charter-lifecycle[timestamp]'`.",
        )


def make_request(text: str) -> tuple[bytes, int]:
    """The DER bytes of a request (RFC 3161, section 2.4.1) to stamp a text, by SHA-256, and its nonce."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    assert request.nonce is not None  # the library's default is to send one
    return request.as_bytes(), request.nonce


def read_authorities(pem: bytes) -> list["Certificate"]:
    """The certificates of a PEM file that somebody trusts; raises StampError when it holds none."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise StampError("it holds no certificate in PEM") from None


def read_stamp(
    data: bytes, text: str, authorities: Sequence["Certificate"] = (), *, nonce: int | None = None
) -> Stamped:
    """What a time stamp says about a text.

    Args:
        data: the DER bytes of the answer.
        text: the signed text of a checkpoint.
        authorities: certificates that the caller trusts; without any, no signature counts.
        nonce: of the request that this answers.

    Raises:
        OtherStampError: of another text, or not the answer to this request.
        StampError: malformed, or refused by the authority.
    """
    response = _decoded(data)
    try:
        info = response.tst_info
        imprint, time = info.message_imprint, int(info.gen_time.timestamp())
        make = _HASHES.get(imprint.hash_algorithm.dotted_string)
        said = info.nonce if nonce is not None else None
        message = imprint.message
    except ValueError as error:
        raise StampError(f"it is no time stamp: {_short(error)}") from None
    if make is None:
        raise StampError(f"its imprint is made with `{imprint.hash_algorithm.dotted_string}`, not SHA-256, 384 or 512")
    if message != make(text.encode()).digest():
        raise OtherStampError("its imprint is that of another text")
    if nonce is not None and said != nonce:
        raise OtherStampError("its nonce is not the one that was sent: it answers another request")
    return Stamped(time, _authority(response), _distrust(response, text, authorities))


def _decoded(data: bytes) -> "TimeStampResponse":
    from rfc3161_client import PKIStatus, decode_timestamp_response

    if len(data) > MAX_BYTES:
        raise StampError(f"it has more than {MAX_BYTES >> 10} KiB")
    try:
        response = decode_timestamp_response(_in_order(data))
        status, words = response.status, " ".join(response.status_string)
    except ValueError as error:
        raise StampError(f"it is no RFC 3161 answer: {_short(error)}") from None
    if status != PKIStatus.GRANTED:
        name = PKIStatus(status).name.lower().replace("_", " ") if status in list(PKIStatus) else str(status)
        raise StampError(f"the authority did not grant it ({name}{': ' if words else ''}{words:.200})")
    return response


def _authority(response: "TimeStampResponse") -> str:
    """The subject of the certificate that the signature names."""
    from cryptography.x509 import load_der_x509_certificate

    try:
        (signer,) = response.signed_data.signer_infos
        held = [load_der_x509_certificate(der) for der in response.signed_data.certificates]
        by = [item for item in held if (item.issuer, item.serial_number) == (signer.issuer, signer.serial_number)]
        if len(by) > 1:  # which of them holds is the library's to find, and which it took it does not tell
            return "an authority with several certificates of one number"
        return by[0].subject.rfc4514_string() if by else "an authority without a certificate in it"
    except Exception:  # noqa: BLE001 - a hostile certificate: x509 has many errors of its own, and none counts more
        return "an authority whose certificate cannot be read"


def _distrust(response: "TimeStampResponse", text: str, authorities: Sequence["Certificate"]) -> str:
    """Why the signature does not count; empty when it does."""
    from rfc3161_client import VerifierBuilder

    if not authorities:
        return "no certificate was given to check its signature with"
    try:
        VerifierBuilder(roots=list(dict.fromkeys(authorities))).build().verify_message(response, text.encode())
    except Exception as error:  # noqa: BLE001 - as above; whatever is not a plain yes is a no
        return f"its signature does not lead to a certificate that was given: {_short(error)}"
    return ""


def _in_order(data: bytes) -> bytes:
    """The same answer with its certificates in the order of DER (X.690, section 11.6), which the library insists on.

    OpenSSL's own authority, and so many a public one, writes them as they come. The signature is not over them, and
    the order says nothing. Whatever is not of that shape is left as it is, for the library to refuse.
    """
    try:
        start, end = _content(data, 0, 0x30)  # TimeStampResp
        at = _content(data, start, 0x30)[1]  # past the status
        start, end = _content(data, at, 0x30)  # the token: ContentInfo
        start, end = _content(data, _content(data, start, 0x06)[1], 0xA0)
        start, end = _content(data, start, 0x30)  # SignedData
        for tag in (0x02, 0x31, 0x30):  # version, digest algorithms, what is signed
            start = _content(data, start, tag)[1]
        start, end = _content(data, start, 0xA0)  # certificates
        parts = []
        at = start
        while at < end:
            after = _content(data, at, data[at])[1]
            parts.append(data[at:after])
            at = after
    except (IndexError, ValueError):
        return data
    return data[:start] + b"".join(sorted(parts)) + data[end:] if at == end else data


def _content(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of the DER element at a place starts and ends; ValueError when its tag is another."""
    if data[at] != tag:
        raise ValueError
    length, start = data[at + 1], at + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[at + 2 : start])
    if start + length > len(data):
        raise ValueError
    return start, start + length


def _short(error: Exception) -> str:
    """What a library's error says, without the innards of OpenSSL: the last of its reasons, and what it adds."""
    if reasons := _REASON.findall(str(error)):
        reason, more = reasons[-1]
        return f"{reason}, {more.removeprefix('Verify error: ')}" if more else str(reason)
    return str(error).split("\n")[0][:160]
