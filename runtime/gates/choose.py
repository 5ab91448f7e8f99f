"""Which policy engine decides: embedded by default, an OPA server when asked for."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gates.engine import EngineFailure, PolicyEngine

TOKEN_VARIABLE = "CHARTER_OPA_TOKEN"  # noqa: S105 - the variable's name, not a token


@contextmanager
def open_engine(name: str | None, *, url: str | None = None, ca: Path | None = None) -> Iterator[PolicyEngine]:
    """The embedded engine (the default), OPA at `url`, or OPA on a loopback server that ends with the context.

    The bearer token of a server is read from `$CHARTER_OPA_TOKEN`, never from the command line.

    Raises:
        Failure: no `opa` command to start, it does not start, or the address is none to trust.
    """
    if name in {None, "embedded"} and url is None:
        from charter.runtime.gates.embedded import EmbeddedEngine

        with closing(EmbeddedEngine()) as embedded:
            yield embedded
    elif url is not None:
        if name == "embedded":
            detail = "`--engine embedded` and `--opa-url` contradict each other; leave one of them out."
            raise Failure("two engines at once", detail)
        from charter.runtime.gates.server import ServerAddress, ServerEngine

        try:
            server = ServerEngine(ServerAddress(url, token=os.environ.get(TOKEN_VARIABLE), ca=ca))
        except EngineFailure as failure:
            raise Failure("no such OPA server", f"{failure.message}.") from failure
        with closing(server) as engine:
            yield engine
    else:
        with _own_server() as engine:
            yield engine


@contextmanager
def _own_server() -> Iterator[PolicyEngine]:
    from charter.runtime.gates.loopback import LoopbackServer, find_opa
    from charter.runtime.gates.server import ServerEngine

    opa = find_opa()
    if opa is None:
        raise Failure(
            "no opa command",
            "`--engine opa` starts an OPA server, but there is no `opa` on PATH and `$OPA_BIN` names none. Install "
            "OPA 1.4 or newer, name a running server with `--opa-url`, or leave the option out: the embedded engine "
            "decides the same.",
            exit_code=ExitCode.ENVIRONMENT,
        )
    try:
        server = LoopbackServer(opa)
    except EngineFailure as failure:
        raise Failure("the OPA server did not start", failure.message, exit_code=ExitCode.ENVIRONMENT) from failure
    with closing(server), closing(ServerEngine(server.address)) as engine:
        yield engine
