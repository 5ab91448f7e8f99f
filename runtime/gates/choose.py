"""Which policy engine decides: embedded by default, an OPA server when asked for."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gates.engine import EngineFailure, PolicyEngine


@contextmanager
def open_engine(name: str, *, url: str | None = None, ca: Path | None = None) -> Iterator[PolicyEngine]:
    """The engine `embedded`, or `opa` at `url`, or `opa` on a loopback server that lives as long as the context.

    The bearer token of a server is read from `$CHARTER_OPA_TOKEN`, never from the command line.

    Raises:
        Failure: no `opa` command to start, or the server does not answer.
    """
    engine, close = _open(name, url, ca)
    try:
        yield engine
    finally:
        close()


def _open(name: str, url: str | None, ca: Path | None) -> tuple[PolicyEngine, Callable[[], None]]:
    if name == "embedded" and url is None:
        from charter.runtime.gates.embedded import EmbeddedEngine

        embedded = EmbeddedEngine()
        return embedded, embedded.close
    from charter.runtime.gates.server import ServerAddress, ServerEngine

    try:
        if url is not None:
            engine = ServerEngine(ServerAddress(url, token=os.environ.get("CHARTER_OPA_TOKEN"), ca=ca))
            return engine, engine.close
        return _own_server()
    except EngineFailure as failure:
        raise Failure(
            "the policy engine does not answer",
            f"{failure.message}. `charter doctor` says which engines work here.",
            exit_code=ExitCode.ENVIRONMENT,
        ) from failure


def _own_server() -> tuple[PolicyEngine, Callable[[], None]]:
    from charter.runtime.gates.loopback import LoopbackServer, find_opa
    from charter.runtime.gates.server import ServerEngine

    opa = find_opa()
    if opa is None:
        raise Failure(
            "no OPA to start",
            "there is no `opa` command on PATH, and `$OPA_BIN` names none. Install Open Policy Agent 1.4 or newer, "
            "name a server with `--opa-url`, or use the embedded engine.",
            exit_code=ExitCode.ENVIRONMENT,
        )
    server = LoopbackServer(opa)
    engine = ServerEngine(server.address)

    def close() -> None:
        engine.close()
        server.close()

    return engine, close
