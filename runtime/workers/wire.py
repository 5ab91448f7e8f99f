"""Messages between the runtime and a warm worker: one length-prefixed JSON object each."""

import array
import json
import socket
from typing import Any

_LENGTH = 4
MAX_MESSAGE = 64 << 20


def send(channel: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send one message; file descriptors travel with its first byte."""
    payload = json.dumps(message, separators=(",", ":")).encode()
    head = len(payload).to_bytes(_LENGTH, "big")
    if fds:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        channel.sendmsg([head], ancillary)
    else:
        channel.sendall(head)
    channel.sendall(payload)


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and its file descriptors; None when the other side is gone."""
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
