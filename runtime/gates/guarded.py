"""The process in which policies run that did not come with Charter: `python -m charter.runtime.gates.guarded FD ...`.

It serves one runtime over a socket: a bundle to load, then inputs to decide. The operating system ends it when a
request takes too much processor time or memory, whatever regorus is doing: no Python code runs meanwhile, since regorus
holds the interpreter's lock. Processor time, not the clock: on a busy machine the same policy must get the same answer.
"""

import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any

from charter.runtime.gates.interpreter import Interpreter, InterpreterFailure

LOAD, DECIDE = b"L", b"D"
ANSWER, FAILURE = b"A", b"F"
_HEAD = 5
"""A message is one letter, the length of its body in four bytes (big end first), and the body."""


def send(channel: socket.socket, kind: bytes, body: bytes) -> None:
    """Send one message."""
    channel.sendall(kind + len(body).to_bytes(_HEAD - 1, "big") + body)


def receive(channel: socket.socket, most: int = 1 << 30) -> tuple[bytes, bytes] | None:
    """The next message; None when the other side is gone, or says more than `most` bytes."""
    head = _exactly(channel, _HEAD)
    if head is None:
        return None
    length = int.from_bytes(head[1:], "big")
    body = _exactly(channel, length) if length <= most else None
    return None if body is None else (head[:1], body)


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = channel.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def main() -> None:
    """Serve until the other side is gone; arguments: socket, seconds for a load, for a decision, bytes."""
    descriptor, load_seconds, seconds, memory = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runtime's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    channel = socket.socket(fileno=int(descriptor))
    _limit_memory(int(memory))
    interpreter: Interpreter | None = None
    document: dict[str, Any] = {}
    while (request := receive(channel)) is not None:
        kind, body = request
        signal.setitimer(signal.ITIMER_PROF, float(load_seconds if kind == LOAD else seconds))
        try:
            if kind == LOAD:
                interpreter, document = None, json.loads(body)
            if interpreter is None:  # nothing is loaded yet, or what was has panicked
                interpreter = Interpreter(**document)
            answer = b"" if kind == LOAD else interpreter.evaluate(body.decode()).encode()
        except InterpreterFailure as failure:
            signal.setitimer(signal.ITIMER_PROF, 0)
            if failure.panicked:
                interpreter = None
            send(channel, FAILURE, failure.message.encode())
        except MemoryError:
            os.abort()  # as Rust does, and for the same reason
        else:
            signal.setitimer(signal.ITIMER_PROF, 0)
            send(channel, ANSWER, answer)


def _limit_memory(count: int) -> None:
    import resource

    # No core file: what a policy was asked may be confidential.
    for name, limit in (("RLIMIT_CORE", 0), ("RLIMIT_AS", count)):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # macOS knows no RLIMIT_AS worth the name
            resource.setrlimit(getattr(resource, name), (limit, limit))


if __name__ == "__main__":
    main()
