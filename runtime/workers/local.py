"""The local executor: warm workers, processes forked from them, and a watchdog over time and resident memory.

Address-space limits break torch, so memory is watched instead: every process of the stage's session
is counted, and the whole group is killed when it goes over. A process that a team's callable left as it
was serves the next stage of the same callable; every other stage gets a process of its own
(docs/decisions/0001, 0019).
"""

import contextlib
import itertools
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from charter.runtime.executor import Ending, Outcome, Resources, Task
from charter.runtime.workers import wire
from charter.runtime.workers.outside import is_alone, kill_group, resident_alone, resident_bytes
from charter.runtime.workers.running import Running

_TICK = 0.05
"""Seconds between looks of the watchdog."""

_KEPT_BYTES = 128 << 20
"""A process above this resident size ends with its stage: one that holds data or a model never serves another."""

_SEND_SECONDS = 5.0
"""A kept process that does not take its task within this time is dead."""

_START_SECONDS = 120.0
"""The same for a new one: its warm worker may still be importing."""


class _Process(Struct, eq=False):
    """A process forked from a warm worker: with a stage's work, or kept for the next stage of the same kind."""

    number: int
    warm: "_Warm"
    serves: "_Serves"
    channel: socket.socket
    inbox: wire.Inbox = field(default_factory=wire.Inbox)
    pid: int | None = None
    run: Running | None = None


_Serves = tuple[str, Path | None, str]
"""Flavour, project and callable: what a process may serve again."""


class _Warm(Struct, eq=False):
    flavour: str
    process: subprocess.Popen[bytes]
    channel: socket.socket


class LocalExecutor:
    """At most `jobs` stages at a time on this machine. Start it early: workers warm up meanwhile."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._queue: deque[Running] = deque()
        self._running: list[Running] = []
        self._processes: dict[int, _Process] = {}
        self._idle: deque[_Process] = deque()
        self._warm: dict[str, _Warm] = {}
        self._closing = False
        self._looked = 0.0
        self._selector = selectors.DefaultSelector()
        self._bell_read, self._bell_write = os.pipe()
        self._selector.register(self._bell_read, selectors.EVENT_READ, "bell")
        self._thread = threading.Thread(target=self._loop, name="charter-executor", daemon=True)
        self._thread.start()

    def expect(self, flavours: Iterable[str]) -> None:
        """Start the warm workers of these flavours now; see `Executor.expect`."""
        with self._lock:
            for flavour in flavours:
                self._worker(flavour)

    def submit(self, task: Task, *, resources: Resources) -> "Future[Outcome]":
        """Start a task, or queue it; see `Executor.submit`."""
        future: Future[Outcome] = Future()
        with self._lock:
            if self._closing:
                raise RuntimeError("the executor is closed")
            awake = self._is_awake()
            self._queue.append(Running(task, resources, future))
            self._start_queued()  # here and now: handing it to the other thread costs more than a trivial stage
        if not awake:
            self._ring()
        return future

    def close(self) -> None:
        """Kill what runs; their futures end as INTERRUPTED."""
        with self._lock:
            self._closing = True
        self._ring()
        self._thread.join(timeout=10)
        for warm in self._warm.values():
            warm.process.kill()  # what it forked is killed already, or dies with it
            warm.process.wait()
            warm.channel.close()
        self._warm.clear()
        self._selector.close()
        os.close(self._bell_read)
        os.close(self._bell_write)

    # -- everything below holds the lock, but for waiting

    def _is_awake(self) -> bool:
        """Whether the executor's thread looks around by itself, without an event."""
        return bool(self._running or self._idle)

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
        ready: list[tuple[selectors.SelectorKey, int]] = []
        while True:
            with self._lock:
                # Warm workers first: that a process is there is known before what it answers.
                for key, _ in sorted(ready, key=lambda item: not isinstance(item[0].data, _Warm)):
                    self._handle(key.data, key.fd)
                if self._closing:
                    return
                self._watch()
                self._start_queued()
                tick = _TICK if self._is_awake() else None
            ready = self._selector.select(tick)

    def _handle(self, what: Any, fd: int) -> None:
        if what == "bell":
            os.read(self._bell_read, 4096)
        elif isinstance(what, Running):
            self._read_log(what, fd)
        elif isinstance(what, _Process):
            self._read_answer(what)
        else:
            self._read_channel(what)

    def _start_queued(self) -> None:
        while self._queue and len(self._running) < self.jobs:
            run = self._queue.popleft()
            run.log_fd, write_end = os.pipe()
            os.set_blocking(run.log_fd, False)
            run.started = time.monotonic()
            task = run.task
            message = {
                "callable": task.callable,
                "context": task.context,
                "directory": str(task.directory),
                "project": str(task.project) if task.project else None,
            }
            try:
                process = self._handed_over(task, message, write_end)
            except (OSError, TypeError, ValueError) as error:  # gone, or a task that has no JSON form
                os.close(run.log_fd)
                run.future.set_result(run.died(f"its process could not be reached: {error}"))
                continue
            finally:
                os.close(write_end)
            process.run = run
            self._running.append(run)
            self._selector.register(run.log_fd, selectors.EVENT_READ, run)

    def _handed_over(self, task: Task, message: dict[str, Any], log: int) -> _Process:
        """The process that has the task now. A kept one may have ended a moment ago: a new one gets it then."""
        while True:
            process = self._process_for(task)
            kept = process.pid is not None
            try:
                process.channel.settimeout(_SEND_SECONDS if kept else _START_SECONDS)
                wire.send(process.channel, message, (log,))
                process.channel.setblocking(False)
            except (OSError, TypeError, ValueError) as error:
                self._dismiss(process)
                if not (kept and isinstance(error, OSError)):
                    raise
            else:
                return process

    def _process_for(self, task: Task) -> _Process:
        """A kept process, or a new one."""
        serves = (task.flavour, task.project, task.callable)
        for process in self._idle:
            if process.serves == serves:
                self._idle.remove(process)
                return process
        while len(self._idle) + len(self._running) >= self.jobs and self._idle:
            self._dismiss(self._idle[0])
        warm = self._worker(task.flavour)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = _Process(next(self._ids), warm, serves, ours)
            wire.send(warm.channel, {"id": process.number}, (theirs.fileno(),))
        self._processes[process.number] = process
        self._selector.register(ours, selectors.EVENT_READ, process)
        return process

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
        warm = _Warm(flavour, process, ours)
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
        process = self._processes.get(message["id"])
        if process is None:
            return
        if "pid" in message:
            process.pid = message["pid"]
            if process.run is not None:
                process.run.started = time.monotonic()  # a worker that is still warming up costs the stage nothing
                if process.run.killed:
                    kill_group(message["pid"])
        else:
            if process.run is not None:
                process.run.exit_code = message["code"]
            self._ended(process)

    def _read_answer(self, process: _Process) -> bool:
        """Take what has arrived from a process; with its answer, keep the process or let it end.

        Returns whether anything had arrived.
        """
        try:
            chunk = process.channel.recv(1 << 16)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._dismiss(process)
            return False
        run = process.run
        try:
            answers = process.inbox.feed(chunk)
        except ValueError:
            answers = [{}]
        if not answers:
            return True
        if run is not None:
            run.answer = answers[0]
        if run is None or len(answers) > 1 or not self._may_stay(process):
            self._dismiss(process)  # the stage is over when its process group is gone
            return True
        process.run = None
        self._idle.append(process)
        self._finish(run)
        return True

    def _may_stay(self, process: _Process) -> bool:
        run = process.run
        if run is None or run.killed or run.answer is None or run.answer.get("stays") is not True:
            return False
        if run.task.project is None or process.pid is None or not is_alone(process.pid):
            return False
        run.peak = max(run.peak, resident := resident_alone(process.pid))
        return 0 < resident <= _KEPT_BYTES

    def _dismiss(self, process: _Process) -> None:
        """Tell a process to end, by closing its channel; the warm worker reports when it has."""
        if process in self._idle:
            self._idle.remove(process)
        if process.channel.fileno() >= 0:
            self._selector.unregister(process.channel)
            process.channel.close()

    def _ended(self, process: _Process) -> None:
        """A process and its group are gone."""
        while self._read_answer(process):
            continue
        self._dismiss(process)
        del self._processes[process.number]
        if process.run is not None:
            self._finish(process.run)

    def _lost(self, warm: _Warm) -> None:
        """The warm worker itself died: everything that it had forked died with it."""
        self._selector.unregister(warm.channel)
        warm.channel.close()
        if self._warm.get(warm.flavour) is warm:  # another may serve the flavour already
            del self._warm[warm.flavour]
        for process in [item for item in self._processes.values() if item.warm is warm]:
            if process.pid:
                kill_group(process.pid)
            if process.run is not None:
                process.run.killed = process.run.killed or Ending.DIED
            self._dismiss(process)
            self._ended(process)

    def _read_log(self, run: Running, fd: int) -> bool:
        """Take what has arrived of a stage's output; whether anything had."""
        if fd != run.log_fd:
            return False  # the stage ended in this very round, and its pipe is closed: the number may be another's now
        try:
            chunk = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        if not chunk:
            self._selector.unregister(fd)
            os.close(fd)
            run.log_fd = -1
            return False
        run.add_log(chunk)
        return True

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self._looked < _TICK:
            return
        self._looked = now
        for process in self._processes.values():
            run, pid = process.run, process.pid
            if run is None or pid is None or run.killed:
                continue
            resident = resident_bytes(pid)
            run.peak = max(run.peak, resident)
            if now - run.started > run.resources.seconds:
                run.killed = Ending.TIME
            elif resident > run.resources.memory_bytes:
                run.killed = Ending.MEMORY
            if run.killed:
                kill_group(pid)

    def _finish(self, run: Running) -> None:
        self._running.remove(run)
        if run.log_fd >= 0:
            self._drain(run)
        run.future.set_result(run.outcome())

    def _drain(self, run: Running) -> None:
        """Read what is in the pipe, not what a process that outlives the stage may still write."""
        for _ in range(64):
            if run.log_fd < 0 or not self._read_log(run, run.log_fd):
                break
        if run.log_fd >= 0:
            self._selector.unregister(run.log_fd)
            os.close(run.log_fd)
            run.log_fd = -1

    def _end_all(self) -> None:
        for process in self._processes.values():
            if process.pid:
                kill_group(process.pid)
            self._dismiss(process)
        for run in [*self._running, *self._queue]:
            run.killed = Ending.INTERRUPTED
            run.future.set_result(run.outcome())
        self._running.clear()
        self._queue.clear()
