"""The local executor: warm workers, a fork a stage, and a watchdog over time and resident memory.

Address-space limits break torch, so memory is watched instead: every process of the stage's session
is counted, and the whole group is killed when it goes over.
"""

import contextlib
import itertools
import json
import os
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import Any

from msgspec import Struct, field

from charter.runtime.executor import Ending, Outcome, Resources, Task
from charter.runtime.workers import wire
from charter.runtime.workers.child import RESULT
from charter.runtime.workers.memory import resident_bytes
from charter.runtime.workers.warm import kill_group

_LOG_TAIL = 16 << 10
_TICK = 0.05
"""Seconds between looks of the watchdog."""


class _Running(Struct):
    task: Task
    resources: Resources
    future: "Future[Outcome]"
    worker: str
    log_fd: int
    started: float = 0.0
    pid: int | None = None
    peak: int = 0
    killed: Ending | None = None
    exit_code: int | None = None
    log: deque[bytes] = field(default_factory=deque)
    log_size: int = 0


class _Warm(Struct):
    process: subprocess.Popen[bytes]
    channel: socket.socket


class LocalExecutor:
    """At most `jobs` stages at a time on this machine. Start it early: workers warm up meanwhile."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._queue: deque[_Running] = deque()
        self._running: dict[int, _Running] = {}
        self._warm: dict[str, _Warm] = {}
        self._closing = False
        self._looked = 0.0
        self._selector = selectors.DefaultSelector()
        self._bell_read, self._bell_write = os.pipe()
        self._selector.register(self._bell_read, selectors.EVENT_READ, "bell")
        self._thread = threading.Thread(target=self._loop, name="charter-executor", daemon=True)
        self._thread.start()

    def warm_up(self, flavour: str) -> None:
        """Start the warm worker of `flavour` now, if there is none."""
        with self._lock:
            self._worker(flavour)

    def submit(self, task: Task, *, resources: Resources) -> "Future[Outcome]":
        """Queue a task; see `Executor.submit`."""
        future: Future[Outcome] = Future()
        with self._lock:
            if self._closing:
                raise RuntimeError("the executor is closed")
            self._queue.append(_Running(task, resources, future, task.flavour, log_fd=-1))
        self._ring()
        return future

    def close(self) -> None:
        """Kill what runs; their futures end as INTERRUPTED."""
        with self._lock:
            self._closing = True
        self._ring()
        self._thread.join(timeout=10)
        for warm in self._warm.values():
            warm.channel.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                warm.process.wait(timeout=2)
            if warm.process.poll() is None:
                warm.process.kill()
                warm.process.wait()
        self._warm.clear()

    # -- everything below runs in the executor's own thread, but for `_worker` under the lock

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._bell_write, b".")

    def _loop(self) -> None:
        try:
            self._serve()
        finally:  # whatever happened, nobody may wait for ever on a future
            with self._lock:
                self._closing = True
            self._end_all()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if self._closing:
                    return
                self._start_queued()
            for key, _ in self._selector.select(_TICK if self._running else None):
                self._handle(key.data, key.fd)
            self._watch()

    def _handle(self, what: Any, fd: int) -> None:
        if what == "bell":
            os.read(self._bell_read, 4096)
        elif isinstance(what, _Running):
            self._read_log(what, fd)
        else:
            self._read_channel(what)

    def _start_queued(self) -> None:
        while self._queue and len(self._running) < self.jobs:
            run = self._queue.popleft()
            number = next(self._ids)
            run.log_fd, write_end = os.pipe()
            os.set_blocking(run.log_fd, False)
            run.started = time.monotonic()
            task = run.task
            message = {
                "id": number,
                "task": {
                    "callable": task.callable,
                    "context": task.context,
                    "directory": str(task.directory),
                    "project": str(task.project) if task.project else None,
                },
            }
            try:
                warm = self._worker(run.worker)
                wire.send(warm.channel, message, (write_end,))
            except OSError as error:
                os.close(run.log_fd)
                run.future.set_result(_died(run, f"the worker process could not be reached: {error}"))
                continue
            finally:
                os.close(write_end)
            self._running[number] = run
            self._selector.register(run.log_fd, selectors.EVENT_READ, run)

    def _worker(self, flavour: str) -> _Warm:
        warm = self._warm.get(flavour)
        if warm is not None and warm.process.poll() is None:
            return warm
        ours, theirs = socket.socketpair()
        # With `-P` and without PYTHONPATH, no file of the project stands in for a library that built-in stages use.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment["PYTHONUNBUFFERED"] = "1"
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "charter.runtime.workers.warm", str(theirs.fileno()), flavour],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        theirs.close()
        warm = _Warm(process, ours)
        self._warm[flavour] = warm
        self._selector.register(ours, selectors.EVENT_READ, warm)
        self._ring()
        return warm

    def _read_channel(self, warm: _Warm) -> None:
        received = wire.receive(warm.channel)
        if received is None:
            self._lost(warm)
            return
        message, _ = received
        run = self._running.get(message["id"])
        if run is None:
            return
        if "pid" in message:
            run.pid = message["pid"]
            run.started = time.monotonic()  # not before: a worker that is still warming up costs the stage nothing
            if run.killed:
                kill_group(message["pid"])
        else:
            run.exit_code = message["code"]
            self._finish(message["id"], run)

    def _lost(self, warm: _Warm) -> None:
        """The warm worker itself died: every stage it had forked died with it."""
        self._selector.unregister(warm.channel)
        warm.channel.close()
        flavour = next(name for name, other in self._warm.items() if other is warm)
        del self._warm[flavour]
        for number, run in list(self._running.items()):
            if run.worker == flavour:
                if run.pid:
                    kill_group(run.pid)
                run.killed = run.killed or Ending.DIED
                self._finish(number, run)

    def _read_log(self, run: _Running, fd: int) -> None:
        if fd != run.log_fd:
            return  # the stage ended in this very round, and its pipe is closed: the number may be another's now
        try:
            chunk = os.read(fd, 1 << 16)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(fd)
            os.close(fd)
            run.log_fd = -1
            return
        run.log.append(chunk)
        run.log_size += len(chunk)
        while run.log_size - len(run.log[0]) > _LOG_TAIL:
            run.log_size -= len(run.log.popleft())

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self._looked < _TICK:
            return
        self._looked = now
        for run in list(self._running.values()):
            if run.pid is None or run.killed:
                continue
            resident = resident_bytes(run.pid)
            run.peak = max(run.peak, resident)
            if now - run.started > run.resources.seconds:
                run.killed = Ending.TIME
            elif resident > run.resources.memory_bytes:
                run.killed = Ending.MEMORY
            if run.killed:
                kill_group(run.pid)

    def _finish(self, number: int, run: _Running) -> None:
        del self._running[number]
        if run.log_fd >= 0:
            self._drain(run)
        run.future.set_result(_outcome(run))

    def _drain(self, run: _Running) -> None:
        """Read what is in the pipe, not what a process that outlives the stage may still write."""
        for _ in range(64):
            if run.log_fd < 0 or not select.select([run.log_fd], [], [], 0)[0]:
                break
            self._read_log(run, run.log_fd)
        if run.log_fd >= 0:
            self._selector.unregister(run.log_fd)
            os.close(run.log_fd)
            run.log_fd = -1

    def _end_all(self) -> None:
        for run in [*self._running.values(), *self._queue]:
            if run.pid:
                kill_group(run.pid)
            run.killed = Ending.INTERRUPTED
            run.future.set_result(_outcome(run))
        self._running.clear()
        self._queue.clear()


def _died(run: _Running, detail: str) -> Outcome:
    return Outcome(
        Ending.DIED, time.monotonic() - run.started, run.peak, summary="process died", detail=detail, log=_log(run)
    )


def _log(run: _Running) -> str:
    return b"".join(run.log)[-_LOG_TAIL:].decode("utf-8", "replace")


def _outcome(run: _Running) -> Outcome:
    seconds = time.monotonic() - run.started
    limits = run.resources
    if run.killed is Ending.TIME:
        return Outcome(
            Ending.TIME,
            seconds,
            run.peak,
            summary="out of time",
            detail=f"It ran longer than its limit of {limits.seconds:g} s and was stopped. Raise "
            "`limits { time: ... }` in the charter, or make the work smaller.",
            log=_log(run),
        )
    if run.killed is Ending.MEMORY:
        return Outcome(
            Ending.MEMORY,
            seconds,
            run.peak,
            summary="out of memory",
            detail=f"It held {run.peak / 1e6:.0f} MB of resident memory, more than its limit of "
            f"{limits.memory_bytes / 1e6:.0f} MB, and was stopped. Raise `limits {{ memory: ... }}` in the charter, "
            "or read the data in parts.",
            log=_log(run),
        )
    if run.killed is Ending.INTERRUPTED:
        return Outcome(Ending.INTERRUPTED, seconds, run.peak, summary="interrupted", log=_log(run))
    if run.killed is Ending.DIED:
        return _died(run, "The worker process was killed from outside, and the stage with it. Run again.")
    try:
        answer = json.loads((run.task.directory / RESULT).read_bytes())
        ending = Ending(answer["ending"])
    except (OSError, ValueError, KeyError, TypeError):
        code = run.exit_code
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return _died(run, f"Its process {how} and left no result. What it printed last may say why.")
    return Outcome(
        ending,
        seconds,
        max(run.peak, 1),
        result=answer if ending is Ending.DONE else {},
        summary=str(answer.get("summary", "")),
        detail=str(answer.get("detail", "")),
        log=_log(run),
    )
