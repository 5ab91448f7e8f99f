"""A real time-stamping authority (`openssl ts`) behind HTTP on loopback, and servers that lie."""

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIGURATION = """
[tsa]
default_tsa = this
[this]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
certs = middle.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
_STAMPS = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
_SIGNS = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n"

_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")

Reply = Callable[[BaseHTTPRequestHandler, bytes], None]


class Authority:
    """Root, intermediate and signing certificate, made here; answers queries with them."""

    def __init__(self, folder: Path, openssl: str, *, usage: str = _STAMPS, name: str = "Time Authority") -> None:
        self.folder, self._openssl = folder, openssl
        self.ca = folder / "ca.pem"
        self._run("req", "-x509", *_key("ca"), "-out", "ca.pem", "-days", "3650", "-subj", "/CN=Test Root")
        self.certify("middle", "/CN=M", _SIGNS, "ca")
        # A long name: the certificate is then longer than the one that signed it, and stands before it in the token,
        # which is not the order of DER.
        self.certify("tsa", f"/O={'A long name ' * 5}/CN={name}", usage, "middle")
        (folder / "tsa.cnf").write_text(_CONFIGURATION)
        (folder / "serial").write_text("01\n")

    def certify(self, name: str, subject: str, extensions: str, by: str) -> None:
        """A key and a certificate for it."""
        (self.folder / f"{name}.ext").write_text(extensions)
        self._run("req", *_key(name), "-out", f"{name}.csr", "-subj", subject)
        issuer = ("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "3000")
        self._run("x509", "-req", "-in", f"{name}.csr", *issuer, "-out", f"{name}.pem", "-extfile", f"{name}.ext")

    def twin(self, name: str, subject: str, by: str) -> Path:
        """A certificate with another subject under the issuer and number of one that is there, signed by nobody."""
        number = self._run("x509", "-in", f"{name}.pem", "-noout", "-serial").stdout.decode().strip().split("=")[1]
        self._run("req", *_key("false"), "-x509", "-out", "false.pem", "-subj", "/CN=Test Root")
        self._run("req", *_key("twin"), "-out", "twin.csr", "-subj", subject)
        issuer = ("-CA", "false.pem", "-CAkey", "false.key", "-set_serial", f"0x{number}")
        self._run("x509", "-req", "-in", "twin.csr", *issuer, "-out", "twin.pem", "-extfile", f"{name}.ext")
        return self.folder / "twin.pem"

    def reply(self, query: bytes) -> bytes:
        """The answer to a query."""
        (self.folder / "query").write_bytes(query)
        self._run("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer")
        return (self.folder / "answer").read_bytes()

    def signed_again(self, answer: bytes, by: str, *, beside: Path | None = None) -> bytes:
        """The answer's content in a signature by another certificate of this folder."""
        start = answer.index(_SIGNED_DATA) - 4  # the token follows the status
        (self.folder / "token").write_bytes(answer[start:])
        self._run("cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", "token", "-out", "content")
        how = ("-binary", "-nodetach", "-cades", "-md", "sha256", "-econtent_type", "1.2.840.113549.1.9.16.1.4")
        signer = ("-signer", f"{by}.pem", "-inkey", f"{by}.key", *(("-certfile", str(beside)) if beside else ()))
        self._run("cms", "-sign", *how, *signer, "-in", "content", "-outform", "DER", "-out", "token")
        return _sequence(bytes.fromhex("3003020100") + (self.folder / "token").read_bytes())

    def verifies(self, stamp: Path, text: str) -> bool:
        """Whether OpenSSL finds that a stored time stamp is of a text, under this root."""
        (self.folder / "text").write_text(text)
        command = ("ts", "-verify", "-data", "text", "-in", str(stamp.absolute()), "-CAfile", "ca.pem")
        return self._run(*command, check=False).returncode == 0

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._openssl, *arguments], cwd=self.folder, check=check, capture_output=True, timeout=60
        )


@contextlib.contextmanager
def serving(reply: Reply, certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    """A server that answers each POST as it is told; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with contextlib.suppress(OSError):
                reply(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def say(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """One whole answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _sequence(content: bytes) -> bytes:
    return b"\x30\x82" + len(content).to_bytes(2) + content


def _key(name: str) -> tuple[str, ...]:
    return ("-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key")
