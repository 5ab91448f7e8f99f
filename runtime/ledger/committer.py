"""Group commit: many callers, one thread that commits, one sync and one signature for all who waited meanwhile."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType

from charter.runtime.ledger.errors import Conflict, Unavailable
from charter.runtime.ledger.events import Event, Prepared, Receipt, prepare
from charter.runtime.ledger.ledger import Ledger

_MAX_WAITING = 4096
_MAX_GROUP = 1024

_Waiting = tuple[list[Prepared], "Future[list[Receipt]]"]


class Committer:
    """Commits the events of many threads to one ledger; use as a context manager.

    Events are checked and made canonical in their callers' threads. An error of the ledger fails every caller
    that waits, since none of their events may be taken for recorded; a conflict fails its own caller only.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(_MAX_WAITING)
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

    def submit(self, events: Sequence[Event]) -> "Future[list[Receipt]]":
        """Queue events for one commit; the future's result is their receipts, once they are durable.

        Blocks while very many wait already.

        Raises:
            Refused: an event cannot be recorded as it is.
            Unavailable: the committer was closed.
        """
        batch = [prepare(event) for event in events]
        future: Future[list[Receipt]] = Future()
        with self._closing:
            if self._closed:
                raise Unavailable("ledger committer is closed", "Open the ledger again to record more.")
            self._queue.put((batch, future))
        return future

    def append(self, events: Sequence[Event]) -> list[Receipt]:
        """Record events and wait for their receipts; raises as `Ledger.append` does."""
        return self.submit(events).result()

    def close(self) -> None:
        """Commit what waits, then stop; the ledger stays open."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            last = False
            while len(group) < _MAX_GROUP:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    last = True
                    break
                group.append(item)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            outcomes = self._ledger.commit([batch for batch, _ in group])
        except BaseException as error:  # noqa: BLE001 - whatever it was, nobody's event is acknowledged
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Conflict):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
