"""The OPA server engine: a real OPA at an address, through opa-python-client.

The client uploads the bundle and holds the connection, token and certificates. The question itself is posted on
the client's session as the exact bytes that are recorded, with a deadline and a limit on the size of the answer:
whatever the server does, the gate gets an answer in time or denies.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from charter.compiler.ir import Bundle
from charter.runtime.gates.deadline import Deadline
from charter.runtime.gates.engine import EngineFailure
from charter.runtime.gates.fitness import require_fit
from charter.runtime.store import digest_file

if TYPE_CHECKING:
    from opa_client.opa import OpaClient

_LARGEST_ANSWER = 8 << 20
_LOAD_SECONDS = 60.0
_PREFIX = "charter/"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where an OPA server is, and how to be let in.

    Attributes:
        url: `https://host:port`; plain `http` only on this machine, because a forged answer opens a gate.
        token: bearer token.
        ca: file of the authority that signed the server's certificate; None: those the system trusts.
        certificate: for mTLS, the files of certificate and key.
        seconds: time for one decision, everything included.
    """

    url: str
    token: str | None = None
    ca: Path | None = None
    certificate: tuple[Path, Path] | None = None
    seconds: float = 5.0


class ServerEngine:
    """`PolicyEngine` on an OPA server. One lifecycle at a time owns what the server has below `charter/`."""

    name = "opa"

    def __init__(self, address: ServerAddress, *, binary: Path | None = None) -> None:
        """Talk to a server.

        Args:
            binary: the program that was started as this server, whose digest is recorded. Of any other server the
                digest stays `unknown`: nothing that it says about itself would show which code decides.
        """
        self.address = address
        self.version = "unknown"
        self._binary = binary
        self._digest: str | None = None
        self.revision: str | None = None
        self._deadline = Deadline("charter-opa")
        self._client = _client(address)
        self._question = ""

    @property
    def digest(self) -> str:
        """`sha256:...` of the program that was started, `unknown` of a server that was not started here."""
        if self._digest is None:
            self._digest = digest_file(self._binary).digest if self._binary else "unknown"
        return self._digest

    def load(self, bundle: Bundle) -> None:
        """Replace everything below `charter/` on the server by this bundle, and check that it is there.

        Raises:
            EngineFailure: the bundle is altered, the server is away, or it refuses a module.
        """
        require_fit(bundle)
        self.revision = None
        with _client_errors(self.address.url):
            self._in_time(lambda: self._load(bundle), _LOAD_SECONDS)
            self.revision = bundle.revision

    def _load(self, bundle: Bundle) -> None:
        self.version = self._server_version()
        # Without a plan the decision denies: nothing is decided by half of one bundle and half of another.
        self._client.update_or_create_data({}, "charter/plan")
        modules = dict(bundle.modules)
        if self._replace(modules) and self._policies() != modules:
            raise EngineFailure("bundle_mismatch", f"`{self.address.url}` holds other policies than were loaded")
        self._client.update_or_create_data(bundle.data["charter"]["plan"], "charter/plan")
        self._question = f"{self._client.root_url}/data/{bundle.entrypoint}?strict-builtin-errors=true"

    def decide(self, input_bytes: bytes) -> dict[str, Any]:
        """The decision document.

        Raises:
            EngineFailure: no answer in time, an error of any kind, or an undefined result.
        """
        if self.revision is None:
            raise EngineFailure("engine_not_loaded", "no bundle is loaded, so nothing can be decided")
        with _client_errors(self.address.url):
            status, body = self._in_time(lambda: self._ask(b'{"input":' + input_bytes + b"}"), self.address.seconds)
        if status != 200:
            raise EngineFailure("engine_failed", f"`{self.address.url}` answered {status}: {_opa_message(body)}")
        try:
            answer = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise EngineFailure(
                "result_malformed", f"`{self.address.url}` answered something that is no JSON"
            ) from error
        # OPA answers {} when the result is undefined.
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, dict):
            raise EngineFailure("result_undefined", "the bundle's entrypoint is undefined for this input")
        return result

    def ready(self) -> bool:
        """Whether the server is up and lets us in."""
        try:
            with _client_errors(self.address.url):
                self.version = self._in_time(self._server_version, self.address.seconds)
        except EngineFailure:
            return False
        return True

    def close(self) -> None:
        """Close the connection; what was loaded stays on the server."""
        self.revision = None
        self._deadline.close()
        self._client.close_connection()

    def _in_time(self, call: Callable[[], Any], seconds: float) -> Any:
        try:
            return self._deadline.run(call, seconds)
        except TimeoutError:
            # The connection is in use by the thread that was left behind.
            self._client = _client(self.address)
            message = f"`{self.address.url}` did not answer within {seconds:g} seconds"
            raise EngineFailure("engine_timeout", message) from None

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of one question; a connection that broke is made anew, once.

        A question changes nothing on the server. Uploads are not repeated, nor is what was not answered in time.
        """
        from requests.exceptions import ChunkedEncodingError, ConnectionError, SSLError, Timeout

        try:
            return self._post(body)
        except (Timeout, SSLError):
            raise
        except (ConnectionError, ChunkedEncodingError) as error:
            if "timed out" in str(error):  # as `requests` says it of an answer that stopped midway
                raise
            return self._post(body)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of one question."""
        with self._client._session.post(
            self._question,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=self.address.seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            received = bytearray()
            for part in response.iter_content(1 << 16):
                received += part
                if len(received) > _LARGEST_ANSWER:
                    raise EngineFailure("result_malformed", "the answer is larger than any decision can be")
            return response.status_code, bytes(received)

    def _replace(self, modules: Mapping[str, str]) -> bool:
        """Delete and upload what differs; whether anything did."""
        present = self._policies()
        stale = [path for path in present if path not in modules]
        changed = [path for path, text in modules.items() if present.get(path) != text]
        _in_any_order(reversed(_by_dependency(stale)), self._client.delete_policy)
        # `rego_compat` would silently rewrite what OPA refuses, and other policies than ours would decide.
        _in_any_order(
            _by_dependency(changed),
            lambda path: self._client.update_policy_from_string(modules[path], path, rego_compat=False),
        )
        return bool(stale or changed)

    def _policies(self) -> dict[str, str]:
        """Text of every policy below `charter/` on the server. The client's own list leaves the texts out."""
        response = self._client._session.get(f"{self._client.root_url}/policies", timeout=self.address.seconds)
        response.raise_for_status()
        found = msgspec.json.decode(response.content)["result"]
        return {policy["id"]: policy["raw"] for policy in found if policy["id"].startswith(_PREFIX)}

    def _server_version(self) -> str:
        """As `opa version` says it; the question also shows that we are let in."""
        answer = self._client.ad_hoc_query("x := opa.runtime().version")
        try:
            return str(answer["result"][0]["x"])
        except (KeyError, IndexError, TypeError):
            return "unknown"


def _client(address: ServerAddress) -> "OpaClient":
    from opa_client.opa import OpaClient

    parts = urlsplit(address.url)
    host = parts.hostname
    try:
        port = parts.port
    except ValueError:
        host = port = None
    if parts.scheme not in {"http", "https"} or not host:
        raise EngineFailure(
            "engine_unreachable", f"`{address.url}` is no address such as `https://opa.example.org:8181`"
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise EngineFailure(
            "engine_unreachable",
            f"`{address.url}` is not encrypted, so anybody on the way could open a gate. "
            "Use https, or a server on this machine",
        )
    secure = parts.scheme == "https"
    client = OpaClient(
        host=f"[{host}]" if ":" in host else host,
        port=port or (443 if secure else 80),
        ssl=(str(address.ca) if address.ca else True) if secure else False,
        cert=tuple(map(str, address.certificate)) if address.certificate else None,
        token=address.token,
        retries=0,
        timeout=address.seconds,
    )
    client.root_url = client.root_url.removesuffix("/v1") + parts.path.rstrip("/") + "/v1"
    # Otherwise proxies, `REQUESTS_CA_BUNDLE` and `.netrc` of the environment would decide whom we ask.
    client._session.trust_env = False
    return client


def _by_dependency(paths: Iterable[str]) -> list[str]:
    """Libraries first: OPA refuses a module that calls a function it does not know yet."""

    def rank(path: str) -> tuple[int, str]:
        order = ("charter/lib/numbers", "charter/lib/", "charter/packs/", "charter/project/", "charter/controls")
        return next((index for index, start in enumerate(order) if path.startswith(start)), len(order)), path

    return sorted(paths, key=rank)


def _in_any_order(paths: Iterable[str], act: Callable[[str], object]) -> None:
    """Do it for each, those that need another one later again, until nothing moves on."""
    from opa_client.errors import DeletePolicyError, RegoParseError

    remaining = list(paths)
    while remaining:
        refused: list[str] = []
        last: Exception | None = None
        for path in remaining:
            try:
                act(path)
            except (RegoParseError, DeletePolicyError) as error:
                refused.append(path)
                last = error
        if last is not None and len(refused) == len(remaining):
            raise EngineFailure("engine_failed", f"the server refuses `{refused[0]}`: {last}")
        remaining = refused


@contextlib.contextmanager
def _client_errors(url: str) -> Any:
    """Whatever the client throws is an engine failure that says what to look at."""
    import requests

    try:
        yield
    except EngineFailure:
        raise
    except requests.exceptions.Timeout as error:
        raise EngineFailure("engine_timeout", f"`{url}` did not answer in time") from error
    except requests.exceptions.SSLError as error:
        raise EngineFailure("engine_unreachable", f"`{url}` cannot prove who it is: {_words(error)}") from error
    except requests.exceptions.HTTPError as error:
        assert error.response is not None  # `raise_for_status` gives it
        message = _opa_message(error.response.content)
        hint = " (is the token right?)" if error.response.status_code == 401 else ""
        raise EngineFailure("engine_failed", f"`{url}` refused: {message}{hint}") from error
    except requests.exceptions.ConnectionError as error:
        raise EngineFailure("engine_unreachable", f"`{url}` cannot be reached: {_cause(error)}") from error
    except requests.exceptions.RequestException as error:
        raise EngineFailure("engine_unreachable", f"`{url}` cannot be asked: {_words(error)}") from error
    except Exception as error:
        raise EngineFailure("engine_failed", f"`{url}`: {_words(error)}") from error


def _opa_message(body: bytes) -> str:
    """What OPA says in the body of an error, the first details included."""
    try:
        document = msgspec.json.decode(body)
        details = "; ".join(str(item.get("message")) for item in document.get("errors", [])[:3])
        return f"{document['message']}{': ' if details else ''}{details}"
    except (msgspec.DecodeError, KeyError, AttributeError, TypeError):
        return body[:200].decode(errors="replace") or "nothing"


def _cause(error: BaseException) -> str:
    """The last words of a chain of exceptions: what the system said."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    return _words(reason if isinstance(reason, BaseException) else error).rpartition(": ")[2]


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
