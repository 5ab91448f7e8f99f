"""Group commit: many callers, one thread that commits, one sync and one signature for all who waited meanwhile."""

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from charter.runtime.ledger.errors import Unavailable
from charter.runtime.ledger.events import Event, Prepared, Receipt, prepare
from charter.runtime.ledger.ledger import Ledger

_MAX_WAITING = 8192
_MAX_GROUP = 2048
_BACK_OFF = 0.001
_PATIENCE = 0.0003
"""Seconds without a new arrival after which a group is closed."""
_MAX_DELAY = 0.005


class Ticket:
    """The place of a caller's events in the queue; one thread may wait on it.

    A lock instead of `concurrent.futures.Future`: that one costs as much as the rest of the event's way.
    """

    __slots__ = ("_done", "_outcome", "batch")

    def __init__(self, batch: list[Prepared]) -> None:
        self.batch = batch
        self._done = threading.Lock()
        self._done.acquire()
        self._outcome: list[Receipt] | BaseException | None = None

    def result(self) -> list[Receipt]:
        """Wait until the events are durable; raises as `Ledger.append` does."""
        with self._done:
            outcome = self._outcome
        if isinstance(outcome, BaseException):
            raise outcome
        assert outcome is not None
        return outcome

    def settle(self, outcome: list[Receipt] | BaseException) -> None:
        """Wake whoever waits; called once."""
        self._outcome = outcome
        self._done.release()


class Committer:
    """Commits the events of many threads to one ledger; use as a context manager.

    Events are checked and made canonical in their callers' threads. An error of the ledger fails every caller
    that waits, since none of their events may be taken for recorded; a conflict fails its own caller only.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[Ticket] = deque()
        self._wanted = 1
        """So many tickets must wait before the committing thread is woken."""
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ledger-committer")
        self._thread.start()

    def __enter__(self) -> "Committer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, events: Sequence[Event]) -> Ticket:
        """Queue events for one commit; the ticket's result is their receipts, once they are durable.

        Blocks while very many wait already.

        Raises:
            Refused: an event cannot be recorded as it is.
            Unavailable: the committer was closed.
        """
        ticket = Ticket([prepare(event) for event in events])
        while len(self._waiting) >= _MAX_WAITING:
            time.sleep(_BACK_OFF)
        with self._closing:
            if self._closed:
                raise Unavailable("ledger committer is closed", "Open the ledger again to record more.")
            self._waiting.append(ticket)
        if len(self._waiting) >= self._wanted:
            self._wanted = _MAX_WAITING + 1  # once is enough, though twice does no harm
            self._wake.put(None)
        return ticket

    def append(self, events: Sequence[Event]) -> list[Receipt]:
        """Record events and wait for their receipts; raises as `Ledger.append` does."""
        return self.submit(events).result()

    def close(self) -> None:
        """Commit what waits, then stop; the ledger stays open."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._wake.put(None)
        self._thread.join()

    def _run(self) -> None:
        clients = 1
        while True:
            self._gather(clients)
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_GROUP))]
            if not group:
                if self._closed and not self._waiting:
                    return
                continue
            self._commit(group)
            # Who was just answered is likely to come again: without waiting for them, clients fall into two halves
            # that take turns, and a sync and a signature serve half as many.
            clients = min(len(group) + len(self._waiting), _MAX_GROUP)

    def _gather(self, clients: int) -> None:
        """Wait for a first ticket; then, while they keep coming, for as many as there are clients."""
        self._await(1, None)
        deadline = time.monotonic() + _MAX_DELAY
        seen = 0
        while seen < len(self._waiting) < clients and not self._closed and time.monotonic() < deadline:
            seen = len(self._waiting)
            self._await(clients, _PATIENCE)

    def _await(self, count: int, timeout: float | None) -> None:
        self._wanted = count
        if len(self._waiting) < count and not self._closed:
            with suppress(queue.Empty):
                self._wake.get(timeout=timeout)
        self._wanted = _MAX_WAITING + 1

    def _commit(self, group: list[Ticket]) -> None:
        try:
            outcomes = self._ledger.commit([ticket.batch for ticket in group])
        except BaseException as error:  # noqa: BLE001 - whatever it was, nobody's event is acknowledged
            for ticket in group:
                ticket.settle(error)
            return
        for ticket, outcome in zip(group, outcomes, strict=True):
            ticket.settle(outcome)
