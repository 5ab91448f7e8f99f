"""The run's pen: notes events, folds them at once, and makes them durable in one commit.

Nothing may happen because of a note before `commit` has returned: the order at a gate is
decide, durable, effect, applied (LEDGER).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from charter.runtime.erased import refuse_gaps
from charter.runtime.events import Body, body_kind
from charter.runtime.ledger.administration import ERASED
from charter.runtime.ledger.events import schema_id
from charter.runtime.ledger.ledger import Event, Ledger
from charter.runtime.state import State, fold


class _Noted(Struct, frozen=True):
    """A note as the fold sees it before the ledger has numbered it."""

    seq: int
    kind: str
    time: str
    body: object


def _location(plain: Mapping[str, Any], attachments: Mapping[str, bytes] | None) -> dict[str, str]:
    """Where the evidence lies that a body speaks of, and which of its members has the digests; nothing without any."""
    if attachments:
        return {"evidence_at": "ledger:attachments"}
    return {"evidence_at": "store:artifacts"} if plain.get("artifacts") else {}


class Journal:
    """The ledger and its fold, always in step.

    Args:
        ledger: open for appending.
        holds_back: what will be noted can only hold things back, or is no matter of runs; then records may be gone.

    Attributes:
        first: what must be durable before any note is, such as the artifacts that notes name.

    Raises:
        Failure: records that runs build on are gone.
    """

    def __init__(self, ledger: Ledger, *, holds_back: bool = False) -> None:
        self.ledger = ledger
        self.first: Callable[[], None] | None = None
        self._holds_back = holds_back
        self.state: State = self._folded()
        self._pending: list[Event] = []

    def now(self) -> datetime:
        """The later of the clock and the ledger's last record: time never runs backwards."""
        clock = datetime.now(UTC)
        if not self.state.last_time:
            return clock
        return max(clock, datetime.fromisoformat(self.state.last_time))

    def note(self, body: Body, subject: str, attachments: Mapping[str, bytes] | None = None) -> None:
        """Add an event to the next commit and to the state."""
        kind = body_kind(body)
        plain: dict[str, Any] = msgspec.to_builtins(body)
        plain = {"schema": schema_id(plain.pop("kind")), **plain, **_location(plain, attachments)}
        noted = _Noted(self.state.size, kind, self.now().isoformat(timespec="milliseconds"), plain)
        self._pending.append(Event(kind=kind, subject=subject, body=plain, attachments=attachments or {}))
        self.state.apply(noted)

    def commit(self) -> None:
        """Make all notes durable and signed; when it returns, what they allow may happen.

        When another process recorded something in between (an approval, say), the state is folded anew,
        so that sequence numbers and people's statements are the ledger's.
        """
        if not self._pending:
            return
        receipts = self.ledger.append(self._pending, first=self.first)
        in_step = [receipt.seq for receipt in receipts] == list(
            range(self.state.size - len(self._pending), self.state.size)
        )
        self._pending.clear()
        if not in_step:
            self.state = self._folded()

    def refresh(self) -> None:
        """Fold in what other processes recorded since; only between commits."""
        assert not self._pending
        since = list(self.ledger.events(after=self.state.size - 1, allow_erased=True))
        if any(recorded.kind == ERASED for recorded in since):  # what is gone was folded in before: without it, now
            self.state = self._folded()
            return
        for recorded in since:
            self.state.apply(recorded)
        self._refuse()

    def _folded(self) -> State:
        self.state = fold(self.ledger.events(allow_erased=True))
        self._refuse()
        return self.state

    def _refuse(self) -> None:
        if not self._holds_back:
            refuse_gaps(self.state)
