"""One bounded HTTP request to somebody who may be hostile: no redirect, no endless answer, one deadline for it all."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from charter.runtime.failure import Failure
from charter.runtime.ledger.errors import Unavailable
from charter.runtime.version import VERSION

DEADLINE = 20.0
"""Seconds for the whole exchange."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the content type in lower case, and the whole body."""

    status: int
    kind: str
    body: bytes


def post(url: str, body: bytes, kind: str, *, most: int, ca: Path | None = None, deadline: float = DEADLINE) -> Answer:
    """Send a body and read the answer, whatever its status.

    Args:
        url: http or https, without credentials.
        kind: the content type of the body.
        most: bytes that the answer may have.
        ca: certificates for TLS in place of the system's.
        deadline: seconds for all of it.

    Raises:
        Failure: the URL is not usable.
        Unavailable: nobody answers, not in time, or with more than `most`.
    """
    place = _place(url)
    context = _context(place, ca)
    with _troubles(url, deadline) as clock:
        connection = http.client.HTTPConnection(place.hostname or "", place.port or _PORTS[place.scheme])
        connection.sock = _connected(place, context, clock)
        try:
            path = (place.path or "/") + (f"?{place.query}" if place.query else "")
            headers = {"Content-Type": kind, "User-Agent": f"charter/{VERSION}", "Connection": "close"}
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            data = response.read(most + 1)
        finally:
            connection.close()
    if 300 <= response.status < 400:
        raise Unavailable(
            "it sends us elsewhere",
            f"`{url}` answers with {response.status} and names `{response.getheader('Location', 'nowhere'):.200}`. "
            "No redirect is followed; name the right URL.",
        )
    if len(data) > most:
        raise Unavailable("answer is too large", f"`{url}` sends more than {most >> 10} KiB.")
    return Answer(response.status, response.getheader("Content-Type", "").split(";")[0].strip().lower(), data)


def _place(url: str) -> SplitResult:
    wrong = ""
    try:
        place = urlsplit(url)
        port = place.port
        (place.hostname or "").encode("idna")  # as the system's resolver is asked
    except ValueError as error:
        raise Failure("URL is not usable", f"`{url:.200}`: {error}.") from None
    if place.scheme not in ("http", "https") or not place.hostname:
        wrong = "it does not start with `http://` or `https://` and a host"
    elif place.username is not None or place.password is not None:
        wrong = "it holds credentials, which do not belong into a URL"
    elif port == 0:
        wrong = "nobody listens on the port 0"
    elif not url.isascii() or not url.isprintable() or " " in url or place.fragment:
        wrong = "it holds characters or a part that a URL to post to does not have"
    if wrong:
        raise Failure("URL is not usable", f"`{url:.200}`: {wrong}.")
    return place


class _Clock:
    """Cuts a socket when the time for the exchange is over.

    The socket's own time-out is for each read: whoever sends a byte a second would never meet it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = threading.Event()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connected: socket.socket) -> None:
        """Cut this one. The caller holds it: the connection lets go of it before the body is read."""
        self._socket = connected
        if self.over.is_set():
            raise TimeoutError

    def stop(self) -> None:
        """The exchange is over, or its time is."""
        self._timer.cancel()

    def _cut(self) -> None:
        self.over.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _context(place: SplitResult, ca: Path | None) -> ssl.SSLContext | None:
    if place.scheme == "http":
        return None
    try:
        return ssl.create_default_context(cafile=str(ca) if ca else None)
    except OSError as error:
        raise Unavailable("certificates are not usable", f"`{ca}`: {error.strerror or error}.") from None


def _connected(place: SplitResult, context: ssl.SSLContext | None, clock: _Clock) -> socket.socket:
    host = place.hostname or ""
    plain = socket.create_connection((host, place.port or _PORTS[place.scheme]), timeout=clock.seconds)
    try:
        if context is None:
            clock.watch(plain)
            return plain
        secure = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        plain = secure
        clock.watch(secure)
        secure.do_handshake()
        return secure
    except BaseException:
        plain.close()
        raise


@contextlib.contextmanager
def _troubles(url: str, deadline: float) -> Iterator[_Clock]:
    """A clock for the exchange; whatever goes wrong on the way is said in words, with the URL."""
    clock = _Clock(deadline)
    try:
        yield clock
        if clock.over.is_set():
            raise TimeoutError
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(
            "server cannot prove who it is",
            f"`{url}`: {error.verify_message}. Give its authority's certificate with `--tls-ca`, if you trust it.",
        ) from None
    except (OSError, http.client.HTTPException) as error:
        if clock.over.is_set() or isinstance(error, TimeoutError):
            raise Unavailable("no answer in time", f"`{url}` gave no whole answer within {deadline:g} s.") from None
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unavailable("no answer", f"`{url}` cannot be asked: {words:.200}.") from None
    finally:
        clock.stop()
