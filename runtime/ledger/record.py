"""The record: a permanent header whose bytes are fixed by one template, and its commitment to a deletable body."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

from charter.runtime.ledger.errors import Refused

VERSION = 1
SALT_BYTES = 16
BODY_TAG = b"charter/ledger/v1/body\x00"
IDEM_TAG = b"charter/ledger/v1/idem\x00"
NO_LEAF = b"\x00" * 32
"""`prev` of the first record."""

# Printable ASCII without space, quote and backslash: such a token is its own JSON string.
_TOKEN = r"[!#-\[\]-~]"  # noqa: S105 - not a secret
# An origin is also the name of a signed note's key, which may hold no plus sign (C2SP signed-note).
_ORIGIN = r"[!#-*,-\[\]-~]{1,128}"
_KIND = r"[a-z][a-z0-9._-]{0,63}"
_TIME = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z"

TOKEN_BYTES = bytes(code for code in range(0x21, 0x7F) if code not in b'"\\')
"""The characters of a token, for `bytes.translate`."""

MAX_SUBJECT = 256
MAX_IDEM = 128

HEADER = re.compile(
    rf'\{{"body":"([0-9a-f]{{64}})","idem":"({_TOKEN}{{1,{MAX_IDEM}}})","kind":"({_KIND})","log":"({_ORIGIN})",'
    rf'"prev":"([0-9a-f]{{64}})","seq":(0|[1-9]\d{{0,14}}),"subj":"({_TOKEN}{{1,{MAX_SUBJECT}}})",'
    rf'"ts":"({_TIME})","v":1\}}'.encode()
)
"""Groups: body, idem, kind, log, prev, seq, subj, ts; to be used with `fullmatch`."""

TEMPLATE = b'{"body":"%b","idem":"%b","kind":"%b","log":"%b","prev":"%b","seq":%d,"subj":"%b","ts":"%b","v":1}'

IDEM_PART, KIND_PART, SUBJECT_PART, TIME_PART = 7, 11, 25, 29
"""Where these are between the quotes of a header."""

_kind = re.compile(_KIND)
_origin = re.compile(_ORIGIN)
_idem = re.compile(rf"{_TOKEN}{{1,{MAX_IDEM}}}")
_subject = re.compile(rf"{_TOKEN}{{1,{MAX_SUBJECT}}}")


class Header(NamedTuple):
    """The fields of a header, in the order of its bytes."""

    body: str
    idem: str
    kind: str
    log: str
    prev: str
    seq: int
    subj: str
    ts: str


def header_bytes(header: Header) -> bytes:
    """The one spelling of a header; equal to the RFC 8785 form of its fields and `"v": 1`."""
    return TEMPLATE % (
        header.body.encode(),
        header.idem.encode(),
        header.kind.encode(),
        header.log.encode(),
        header.prev.encode(),
        header.seq,
        header.subj.encode(),
        header.ts.encode(),
    )


def parse_header(data: bytes) -> Header | None:
    """The fields of header bytes, or None when they are not a header's exact spelling."""
    match = HEADER.fullmatch(data)
    if match is None:
        return None
    body, idem, kind, log, prev, seq, subj, ts = (group.decode("ascii") for group in match.groups())
    return Header(body, idem, kind, log, prev, int(seq), subj, ts)


def commitment(salt: bytes, body: bytes) -> str:
    """Hex SHA-256(tag || salt || body): says nothing of a body once its salt is erased."""
    return sha256(BODY_TAG + salt + body).hexdigest()


def derived_idem(kind: str, subject: str, body: bytes) -> str:
    """The id of an event that brought none: hex SHA-256(tag || kind || 0 || subject || 0 || body)."""
    return sha256(b"%b%b\x00%b\x00%b" % (IDEM_TAG, kind.encode(), subject.encode(), body)).hexdigest()


@lru_cache(maxsize=4096)
def index_of(idem: str) -> int:
    """By what a store finds an id: the first 48 bits of its SHA-256. Small, so that few pages of an index change."""
    return int.from_bytes(sha256(idem.encode()).digest()[:6])


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC with six decimals, a fixed width: texts compare as times do.

    Raises:
        Refused: outside the years 1970 to 9999.
    """
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    try:
        if seconds < 0:
            raise ValueError
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        raise Refused("clock is out of range", f"`{seconds}` s is not between 1970 and 9999.") from None


@lru_cache(maxsize=256)
def check_kind(kind: str) -> None:
    """Raises Refused unless the kind is a lower-case word of up to 64 of `a-z 0-9 . _ -`."""
    if not _kind.fullmatch(kind):
        raise Refused(
            "event kind is not a name",
            f"`{kind!r:.80}` must start with a lower-case letter and hold up to 64 of `a-z`, `0-9`, `.`, `_`, `-`.",
        )


@lru_cache(maxsize=1024)
def check_subject(subject: str) -> None:
    """Raises Refused unless the subject is a token of printable ASCII."""
    if not _subject.fullmatch(subject):
        raise Refused(
            "event subject is not a token",
            f'`{subject!r:.80}` must be 1 to {MAX_SUBJECT} printable ASCII characters without space, `"` and `\\`. '
            "Map other names with `record.subject_token`, and keep the full name in the body.",
        )


def check_idem(idem: str) -> None:
    """Raises Refused unless the id is a token of printable ASCII."""
    if not _idem.fullmatch(idem):
        raise Refused(
            "event id is not a token",
            f'`{idem!r:.80}` must be 1 to {MAX_IDEM} printable ASCII characters without space, `"` and `\\`.',
        )


def check_origin(origin: str) -> None:
    """Raises Refused unless the origin may name a ledger and its key."""
    if not _origin.fullmatch(origin):
        raise Refused(
            "ledger origin is not a token",
            f'`{origin!r:.80}` must be 1 to 128 printable ASCII characters without space, `+`, `"` and `\\`.',
        )


def subject_token(name: str) -> str:
    """A subject token for any text: UTF-8 percent-encoded; a long one is cut and told apart by its digest."""
    token = quote(name.encode("utf-8", "surrogatepass"), safe="!#$&'()*,-./:;<=>?@[]^_`{|}~") or "%"
    if len(token) <= MAX_SUBJECT:
        return token
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{token[: MAX_SUBJECT - 1 - len(digest)]}~{digest}"
