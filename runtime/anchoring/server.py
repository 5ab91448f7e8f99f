"""A witness as an HTTP service, C2SP tlog-witness: one call, `POST /add-checkpoint`."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from charter.runtime.anchoring.memory import Memory
from charter.runtime.anchoring.witness import (
    MAX_REQUEST,
    TEXT_TYPE,
    Refusal,
    judge,
    origin_of,
    read_submission,
)
from charter.runtime.ledger.checkpoint import VerifierKey, split_note
from charter.runtime.ledger.cosignature import Cosigner

PATH = "/add-checkpoint"
_CONNECTIONS = 32
"""At a time; others wait in the queue of the system."""
_CONNECTION_SECONDS = 30.0

Heard = Callable[[int, str, int], None]
"""Called after each request with the status, and origin and size of the checkpoint (empty and 0: none was read)."""


class Witness:
    """Cosigns what continues what it remembers."""

    def __init__(
        self,
        cosigner: Cosigner,
        ledgers: Mapping[str, Sequence[VerifierKey]],
        memory: Memory,
        *,
        clock: Callable[[], float] = time.time,
        heard: Heard | None = None,
    ) -> None:
        self._cosigner = cosigner
        self._ledgers = ledgers
        self._memory = memory
        self._clock = clock
        self._heard = heard

    def answer(self, body: bytes) -> tuple[int, str, str]:
        """Status, content type and body for a request; the new checkpoint is durable before a cosignature is given."""
        status, kind, text, origin, size = 500, TEXT_TYPE, "", "", 0
        try:
            submission = read_submission(body)
            asked = origin_of(submission)
            origin, size = asked.origin, asked.size
            # One step, or an older checkpoint could take the place of a newer one (tlog-witness, «add-checkpoint»).
            with self._memory.lock:
                _, note = judge(submission, self._ledgers, self._memory.seen(origin))
                line = self._cosigner.line(split_note(note)[0], int(self._clock()))
                self._memory.remember(note + line)
            status, text = 200, line
        except Refusal as refusal:
            status, kind, text = refusal.status, refusal.kind, refusal.body
        except OSError as error:
            text = f"this witness cannot write down what it has seen: {error.strerror}\n"
        if self._heard:
            self._heard(status, origin, size)
        return status, kind, text


class WitnessServer(ThreadingHTTPServer):
    """Listens for one witness; a bounded number of connections, each for a bounded time."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.witness = witness
        self._free = threading.BoundedSemaphore(_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for the connection, once there are few enough."""
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:  # the system gives no thread: this connection is dropped, its place is not
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection, and cut it when its time is over: whoever sends slowly keeps no thread for long."""
        timer = threading.Timer(_CONNECTION_SECONDS, _cut, (request,))
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is nobody's mistake here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keep-alive, as the specification recommends
    server_version = "charter-witness"
    sys_version = ""
    timeout = 10.0
    server: WitnessServer

    def do_POST(self) -> None:
        """The one call there is."""
        lengths = self.headers.get_all("Content-Length", [])
        length = lengths[0] if lengths else ""
        if self._ambiguous(lengths):
            self._say(400, TEXT_TYPE, "where the request ends is not clear\n", close=True)
        elif self.path != PATH:
            self._say(404, TEXT_TYPE, f"there is only {PATH}\n", close=True)
        elif not length.isascii() or not length.isdigit():
            self._say(411, TEXT_TYPE, "the request needs a Content-Length\n", close=True)
        elif len(length) > 9 or int(length) > MAX_REQUEST:
            self._say(413, TEXT_TYPE, f"a request has at most {MAX_REQUEST} bytes\n", close=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
                return
            self._say(*self.server.witness.answer(body))

    def _ambiguous(self, lengths: list[str]) -> bool:
        """Whether a proxy in front could see the end of the request elsewhere (RFC 9112, section 6.3)."""
        return bool(self.headers.defects or len(lengths) > 1 or (lengths and "Transfer-Encoding" in self.headers))

    def _say(self, status: int, kind: str, text: str, *, close: bool = False) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: `Heard` is told what counts, and what strangers send does not belong on a terminal."""


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
