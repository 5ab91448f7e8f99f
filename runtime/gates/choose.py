"""Which policy engine decides: embedded by default, an OPA server when asked for."""

import dataclasses
import math
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gates.engine import EngineFailure, PolicyEngine

TOKEN_VARIABLE = "CHARTER_OPA_TOKEN"  # noqa: S105 - the variable's name, not a token
CERTIFICATE_VARIABLES = ("CHARTER_OPA_CERT", "CHARTER_OPA_KEY")
SECONDS_VARIABLE = "CHARTER_OPA_SECONDS"


@contextmanager
def open_engine(
    name: str | None, *, url: str | None = None, ca: Path | None = None, guard: bool = False
) -> Iterator[PolicyEngine]:
    """The embedded engine (the default), OPA at `url`, or OPA on a loopback server that ends with the context.

    With `guard`, the embedded engine runs every bundle in its limited process: for one that was not compiled here.

    The bearer token of a server is read from `$CHARTER_OPA_TOKEN`, never from the command line; the PEM files of a
    client's certificate and key are named by `$CHARTER_OPA_CERT` and `$CHARTER_OPA_KEY`, and `$CHARTER_OPA_SECONDS`
    is the time for one decision.

    Raises:
        Failure: no `opa` command to start, it does not start, or the address is none to trust.
    """
    if name in {None, "embedded"} and url is None:
        from charter.runtime.gates.embedded import EmbeddedEngine

        with closing(EmbeddedEngine(guard=guard)) as embedded:
            yield embedded
    elif url is not None:
        if name == "embedded":
            detail = "`--engine embedded` and `--opa-url` contradict each other; leave one of them out."
            raise Failure("two engines at once", detail)
        from charter.runtime.gates.server import ServerAddress, ServerEngine

        token = os.environ.get(TOKEN_VARIABLE)
        address = ServerAddress(url, token=token, ca=_file(ca, "--opa-ca"), certificate=_certificate())
        try:
            server = ServerEngine(dataclasses.replace(address, seconds=_seconds(address.seconds)))
        except EngineFailure as failure:
            raise Failure("no such OPA server", f"{failure.message}.") from failure
        with closing(server) as engine:
            yield engine
    else:
        with _own_server() as engine:
            yield engine


def _certificate() -> tuple[Path, Path] | None:
    """The client's, for a server that asks for one."""
    certificate, key = (os.environ.get(name) or None for name in CERTIFICATE_VARIABLES)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = CERTIFICATE_VARIABLES[0 if certificate is None else 1]
        detail = f"A client certificate takes both `${CERTIFICATE_VARIABLES[0]}` and `${CERTIFICATE_VARIABLES[1]}`."
        raise Failure(f"`${missing}` is not set", detail)
    files = (Path(certificate), Path(key))
    for file, name in zip(files, CERTIFICATE_VARIABLES, strict=True):
        _file(file, f"${name}")
    return files


def _file(path: Path | None, source: str) -> Path | None:
    if path is not None and not path.is_file():
        raise Failure("no such file", f"`{source}` names `{path}`, which is no file.")
    return path


def _seconds(default: float) -> float:
    text = os.environ.get(SECONDS_VARIABLE)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 3600:
        detail = f"`${SECONDS_VARIABLE}` is `{text}`, not a number of seconds between 0 and 3600."
        raise Failure("no such time limit", detail)
    return seconds


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
    with closing(server), closing(ServerEngine(server.address, binary=server.binary)) as engine:
        yield engine
