"""What callers hand to a ledger and get back: events, receipts and recorded events."""

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from charter.runtime.ledger import canonical
from charter.runtime.ledger.errors import Refused
from charter.runtime.ledger.record import check_idem, check_kind, check_subject, derived_idem
from charter.runtime.ledger.sqlite_store import MAX_ATTACHMENT


def schema_id(kind: str) -> str:
    """The name of a body's form, as bodies carry it in `schema`; a later form of the same kind gets the next number."""
    return f"charter/{kind}/1"


class Event(Struct, frozen=True):
    """Something to record.

    Without an `idem`, the id is derived from kind, subject, body and attachments: the same event is recorded once,
    however often it is appended. Give an id of your own when equal events are different events.
    Attachments are kept as exact bytes; the body then gets a member `attachments`, which maps each name
    to its digest (`sha256:…`) and size.
    """

    kind: str
    subject: str
    body: Mapping[str, Any]
    idem: str | None = None
    attachments: Mapping[str, bytes] = field(default_factory=dict)


class Receipt(Struct, frozen=True, gc=False):
    """The event is durable: its place, its leaf hash (32 bytes) and a signed checkpoint that covers it.

    For a duplicate, place and leaf are those of the first time; the checkpoint is the newest.
    """

    seq: int
    leaf: bytes
    checkpoint: str
    duplicate: bool = False


_NOTHING: Mapping[str, bytes] = MappingProxyType({})


class Recorded(Struct, frozen=True):
    """An event read back; `time` is RFC 3339 in UTC with six decimals."""

    seq: int
    kind: str
    subject: str
    time: str
    body: Mapping[str, Any]
    idem: str
    erased: bool = False
    """The body is gone; `body` is empty."""


class Prepared(Struct, frozen=True, gc=False):
    """An event that was checked and made canonical in its caller's thread; `attachments` are by SHA-256 in hex."""

    kind: str
    subject: str
    idem: str
    body: bytes
    attachments: Mapping[str, bytes]

    def same(self, other: "Prepared") -> bool:
        """Whether both say the same."""
        return (self.kind, self.subject, self.body) == (other.kind, other.subject, other.body)


def prepare(event: Event) -> Prepared:
    """Check an event and fix its bytes.

    Raises:
        Refused: a name, the body or an attachment cannot be recorded as it is.
    """
    check_kind(event.kind)
    check_subject(event.subject)
    body: Mapping[str, Any] = event.body
    attached: Mapping[str, bytes] = _NOTHING
    if event.attachments:
        if "attachments" in body:
            raise Refused(
                "event body has attachments already",
                "The member `attachments` is written by the ledger; give the bytes as the event's attachments.",
            )
        attached = {}
        described: dict[str, canonical.JSON] = {}
        for name, data in event.attachments.items():
            if not isinstance(data, bytes):
                raise Refused("attachment is not bytes", f"`{name!r:.60}` is of the type `{type(data).__name__}`.")
            if len(data) > MAX_ATTACHMENT:
                raise Refused(
                    "attachment is too large",
                    f"`{name!r:.60}` has {len(data):,} bytes; at most {MAX_ATTACHMENT:,} are allowed. "
                    "Keep it in the artifact store and record its digest.",
                )
            digest = sha256(data).hexdigest()
            attached[digest] = data
            described[name] = {"digest": f"sha256:{digest}", "size": len(data)}
        body = {**body, "attachments": described}
    data = canonical.encode(body)
    if event.idem is None:
        idem = derived_idem(event.kind, event.subject, data)
    else:
        check_idem(event.idem)
        idem = event.idem
    return Prepared(event.kind, event.subject, idem, data, attached)
