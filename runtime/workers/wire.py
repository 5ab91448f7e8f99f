"""Messages between the runtime, its warm workers and the stages' processes: one length-prefixed JSON object each."""

import array
import json
import socket
from typing import Any

_LENGTH = 4
MAX_MESSAGE = 64 << 20


def send(channel: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send one message; file descriptors travel with its first byte.

    Raises:
        ValueError, TypeError: the message has no JSON form (RFC 8259 has no NaN). Nothing was sent.
        OSError: the other side is gone, or did not read in time.
    """
    payload = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    if len(payload) > MAX_MESSAGE:
        raise ValueError(f"a message of {len(payload)} bytes; at most {MAX_MESSAGE} are sent")
    framed = len(payload).to_bytes(_LENGTH, "big") + payload
    if not fds:
        channel.sendall(framed)
        return
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    sent = channel.sendmsg([framed], ancillary)
    if sent < len(framed):
        channel.sendall(framed[sent:])


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for the next message and its file descriptors; None when the other side is gone."""
    try:
        return _receive(channel)
    except ConnectionResetError:  # it went before it had read everything
        return None


def _receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    fds = array.array("i")
    head = b""
    while len(head) < _LENGTH:
        chunk, ancillary, _, _ = channel.recvmsg(_LENGTH - len(head), socket.CMSG_SPACE(4 * fds.itemsize))
        if not chunk:
            return None
        head += chunk
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    left = int.from_bytes(head, "big")
    if left > MAX_MESSAGE:
        return None
    parts = []
    while left:
        part = channel.recv(min(left, 1 << 20))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return json.loads(b"".join(parts)), list(fds)


class Inbox:
    """Puts messages together from whatever has arrived, so that a sender that stops half way blocks nobody."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """Add what arrived; returns the messages that are now whole.

        Raises:
            ValueError: it is no message of ours.
        """
        self._bytes += chunk
        messages = []
        while len(self._bytes) >= _LENGTH:
            length = int.from_bytes(self._bytes[:_LENGTH], "big")
            if length > MAX_MESSAGE:
                raise ValueError(f"a message of {length} bytes; at most {MAX_MESSAGE} are taken")
            if len(self._bytes) < _LENGTH + length:
                break
            message = json.loads(self._bytes[_LENGTH : _LENGTH + length])
            if not isinstance(message, dict):
                raise ValueError("a message that is no object")
            messages.append(message)
            del self._bytes[: _LENGTH + length]
        return messages
