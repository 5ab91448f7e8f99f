"""Runs policies that nobody here vouches for in a process of their own, with a limit on processor time and on memory.

A policy that never ends, or asks for all memory, ends its process; the gate denies and says so, and the next gate
gets a fresh process.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass

import msgspec

from charter.compiler.ir import Bundle
from charter.runtime.gates import guarded
from charter.runtime.gates.engine import EngineFailure

_LARGEST_ANSWER = 8 << 20
_PATIENCE = 12.0
"""By how much the clock may run ahead of processor time, on a busy machine, before a worker is ended from here."""
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decision may take.

    Attributes:
        seconds: processor time of one decision.
        load_seconds: processor time of loading the bundle.
        memory: bytes of address space, the interpreter's own (about 150 MB) included.
    """

    seconds: float = 5.0
    load_seconds: float = 20.0
    memory: int = 1 << 30


class PolicyWorker:
    """One process with one bundle; started again when it was ended. May be asked from any thread, one at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._bundle = b""

    def load(self, bundle: Bundle, query: str) -> None:
        """Load one bundle, in place of any other.

        Raises:
            EngineFailure: `engine_failed` with the engine's words, or `policy_stopped`.
        """
        document = {"modules": bundle.modules, "data": msgspec.json.encode(bundle.data).decode(), "query": query}
        with self._lock:
            self._bundle = msgspec.json.encode(document)
            self._load()

    def decide(self, input_bytes: bytes) -> bytes:
        """The rule's value as JSON.

        Raises:
            EngineFailure: `engine_failed`, or `policy_stopped` when it took more than its limits.
        """
        with self._lock:
            if self._process is None:
                self._load()
            return self._ask(guarded.DECIDE, input_bytes, self.limits.seconds)

    @property
    def pid(self) -> int | None:
        """Of the process, None when there is none at the moment."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process; safe to call twice."""
        with self._lock:
            self._end()

    def _load(self) -> None:
        if self._process is None:
            self._start()
        self._ask(guarded.LOAD, self._bundle, self.limits.load_seconds)

    def _start(self) -> None:
        limits = (self.limits.load_seconds, self.limits.seconds, self.limits.memory)
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            try:
                # An environment of its own, and `-P`: no secret and no file of the project is near a policy.
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-P", "-m", "charter.runtime.gates.guarded", str(number), *map(str, limits)],
                    pass_fds=(number,),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={"PATH": os.defpath},
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                ours.close()
                message = f"the process that runs the policies cannot be started: {error}"
                raise EngineFailure("engine_failed", message) from error
        self._channel = ours

    def _ask(self, request: bytes, body: bytes, seconds: float) -> bytes:
        assert self._channel is not None
        self._channel.settimeout(seconds * _PATIENCE)
        try:
            guarded.send(self._channel, request, body)
            answer = guarded.receive(self._channel, _LARGEST_ANSWER)
        except TimeoutError:
            self._end()
            message = f"the policies did not decide within {seconds * _PATIENCE:g} s and were stopped"
            raise EngineFailure("policy_stopped", message) from None
        except OSError:
            answer = None
        except BaseException:
            self._end()  # Ctrl-C in the middle of a message: what comes next on this channel means nothing
            raise
        if answer is None:
            raise self._lost(seconds)
        kind, said = answer
        if kind == guarded.FAILURE:
            raise EngineFailure("engine_failed", said.decode(errors="replace"))
        return said

    def _lost(self, seconds: float) -> EngineFailure:
        """Why the worker is gone."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        code = self._process.returncode
        self._end()
        if code == -signal.SIGPROF:
            message = f"the policies needed more than {seconds:g} s of processor time and were stopped"
            return EngineFailure("policy_stopped", message)
        if code == -signal.SIGABRT:  # what Rust does when it is given no more memory
            size = self.limits.memory >> 20
            message = f"the policies needed more than {size:,} MiB of memory and were stopped"
            return EngineFailure("policy_stopped", message)
        return EngineFailure("engine_failed", f"the process that runs the policies ended with code {code}")

    def _end(self) -> None:
        process, self._process = self._process, None
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
        if process is not None:
            process.kill()
            process.wait()
