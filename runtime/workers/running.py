"""One stage's work in the local executor: what it printed, why it was killed, and what came of it."""

import time
from collections import deque
from concurrent.futures import Future
from typing import Any

from msgspec import Struct, field

from charter.runtime.executor import Ending, Outcome, Resources, Task

_LOG_TAIL = 16 << 10


class Running(Struct, eq=False):
    """A task from its submission to its outcome.

    Attributes:
        log_fd: where its output is read from, -1 when it is not.
        started: when its process was there (`time.monotonic`).
        peak: most bytes of resident memory that were seen.
        killed: why it was killed, if it was.
        answer: what its process said came of it.
        exit_code: of its process, once that has ended.
    """

    task: Task
    resources: Resources
    future: "Future[Outcome]"
    log_fd: int = -1
    started: float = 0.0
    peak: int = 0
    killed: Ending | None = None
    answer: dict[str, Any] | None = None
    exit_code: int | None = None
    _log: deque[bytes] = field(default_factory=deque)
    _log_size: int = 0

    def add_log(self, chunk: bytes) -> None:
        """Keep the end of what it prints."""
        self._log.append(chunk)
        self._log_size += len(chunk)
        while self._log_size - len(self._log[0]) > _LOG_TAIL:
            self._log_size -= len(self._log.popleft())

    def died(self, detail: str) -> Outcome:
        """The outcome of a process that went away without a result."""
        return self._outcome(Ending.DIED, "process died", detail)

    def outcome(self) -> Outcome:
        """What came of it, once it is over."""
        limits = self.resources
        if self.killed is Ending.TIME:
            return self._outcome(
                Ending.TIME,
                "out of time",
                f"It ran longer than its limit of {limits.seconds:g} s and was stopped. Raise "
                "`limits { time: ... }` in the charter, or make the work smaller.",
            )
        if self.killed is Ending.MEMORY:
            return self._outcome(
                Ending.MEMORY,
                "out of memory",
                f"It held {self.peak / 1e6:.0f} MB of resident memory, more than its limit of "
                f"{limits.memory_bytes / 1e6:.0f} MB, and was stopped. Raise `limits {{ memory: ... }}` in the "
                "charter, or read the data in parts.",
            )
        if self.killed is Ending.INTERRUPTED:
            return self._outcome(Ending.INTERRUPTED, "interrupted", "")
        if self.killed is Ending.DIED:
            return self.died("The worker process was killed from outside, and the stage with it. Run again.")
        return self._answered()

    def _answered(self) -> Outcome:
        answer = self.answer or {}
        try:
            ending = Ending(answer["ending"])
        except (KeyError, ValueError):
            code = self.exit_code
            how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
            return self.died(f"Its process {how} and left no result. What it printed last may say why.")
        result = answer if ending is Ending.DONE else {}
        return self._outcome(ending, str(answer.get("summary", "")), str(answer.get("detail", "")), result)

    def _outcome(self, ending: Ending, summary: str, detail: str, result: dict[str, Any] | None = None) -> Outcome:
        return Outcome(
            ending,
            time.monotonic() - self.started,
            max(self.peak, 1),
            result=result or {},
            summary=summary,
            detail=detail,
            log=self._end_of_log(),
        )

    def _end_of_log(self) -> str:
        kept = b"".join(self._log)
        if len(kept) > _LOG_TAIL:
            # From a line's beginning: half a line may be half a secret, which nobody would know any more.
            first, _, kept = kept[-_LOG_TAIL:].partition(b"\n")
            kept = kept or first[_LOG_TAIL // 2 :]
        return kept.decode("utf-8", "replace")
