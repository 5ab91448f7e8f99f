"""Runs a call that may hang, and gives up on it in time: the thread it hangs in is left behind, and a new one made."""

import queue
import threading
from collections.abc import Callable
from typing import Any


class Deadline:
    """One background thread at a time. A call that is not back in time raises, whatever it waits for.

    Time-outs of sockets are not enough: a server that sends a byte now and then never runs into them.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[Any] | None = None

    def run(self, call: Callable[[], Any], seconds: float) -> Any:
        """What `call` returns or raises.

        Raises:
            TimeoutError: it is not back after `seconds`; its thread may still be at it.
        """
        with self._lock:
            if self._calls is None:
                self._calls = queue.SimpleQueue()
                threading.Thread(target=_serve, args=(self._calls,), name=self._name, daemon=True).start()
            answers: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
            self._calls.put((call, answers))
            try:
                good, value = answers.get(timeout=seconds)
            except queue.Empty:
                self._stop()
                raise TimeoutError from None
        if good:
            return value
        raise value

    def close(self) -> None:
        """Let the thread end."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None


def _serve(calls: "queue.SimpleQueue[Any]") -> None:
    while (item := calls.get()) is not None:
        call, answers = item
        try:
            answers.put((True, call()))
        except BaseException as error:  # noqa: BLE001 - raised again where the call was made
            answers.put((False, error))
