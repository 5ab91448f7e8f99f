"""The audit ledger: the only state there is; everything else is a fold over it."""

from charter.runtime.ledger.checkpoint import VerifierKey
from charter.runtime.ledger.errors import Conflict, Damaged, Refused, Tampered, Unavailable
from charter.runtime.ledger.events import Event, Receipt, Recorded
from charter.runtime.ledger.ledger import Ledger, anchor

__all__ = [
    "Conflict",
    "Damaged",
    "Event",
    "Ledger",
    "Receipt",
    "Recorded",
    "Refused",
    "Tampered",
    "Unavailable",
    "VerifierKey",
    "anchor",
]
