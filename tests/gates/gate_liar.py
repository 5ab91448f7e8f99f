"""A real HTTP server between the engine and a real OPA: passes the upload on, and answers questions as it likes."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = Callable[[BaseHTTPRequestHandler, int, bytes], None]


class Liar:
    """`answer(handler, true_status, true_body)` writes what it wants for every question about a decision.

    So does `others` for everything else, which is passed on as it is without it.
    """

    def __init__(self, url: str, answer: Answer, others: Answer | None = None) -> None:
        behind = urlsplit(url)
        assert behind.hostname is not None

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = http.client.HTTPConnection(behind.hostname, behind.port, timeout=5)
                kept = {key: value for key, value in self.headers.items() if key.lower() not in {"host", "connection"}}
                connection.request(self.command, self.path, body, kept)
                response = connection.getresponse()
                said = response.read()
                if "/data/charter/main/decision" in self.path:
                    answer(self, response.status, said)
                else:
                    (others or reply)(self, response.status, said)
                connection.close()

            do_GET = do_PUT = do_POST = do_DELETE = handle_any

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """An ordinary answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def silence(handler: BaseHTTPRequestHandler, _: int, __: bytes) -> None:
    """No answer for longer than anybody waits."""
    time.sleep(3)


def drip(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    """A byte now and then, so that no read ever times out."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for at in range(len(body)):
        try:
            handler.wfile.write(body[at : at + 1])
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def drip_headers(handler: BaseHTTPRequestHandler, _: int, __: bytes) -> None:
    """The same, before the answer even begins."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(60):
        try:
            handler.wfile.write(f"X-{number}: 0\r\n".encode())
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def flood(handler: BaseHTTPRequestHandler, _: int, __: bytes) -> None:
    """More than any decision can be."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    try:
        for _ in range(1 << 10):
            handler.wfile.write(b" " * (1 << 20))
    except OSError:
        return


def cut(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    """Half an answer, then gone."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True
    handler.connection.close()


def gone(handler: BaseHTTPRequestHandler, _: int, __: bytes) -> None:
    """No answer at all."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def elsewhere(handler: BaseHTTPRequestHandler, _: int, __: bytes) -> None:
    """Sends the asker to another address."""
    reply(handler, 307, b"", Location="http://127.0.0.1:1/v1/data")
