"""Which policy engine decides: embedded by default, an OPA server when asked for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charter.runtime.gates.engine import PolicyEngine


@contextmanager
def open_engine(name: str, *, url: str | None = None, ca: Path | None = None) -> Iterator[PolicyEngine]:
    """The engine `embedded`, or `opa` at `url`, or `opa` on a loopback server that lives as long as the context.

    The bearer token of a server is read from `$CHARTER_OPA_TOKEN`, never from the command line.

    Raises:
        Failure: no `opa` command to start, or the server does not answer.
    """
    if name == "embedded" and url is None:
        from charter.runtime.gates.embedded import EmbeddedEngine

        embedded = EmbeddedEngine()
        try:
            yield embedded
        finally:
            embedded.close()
        return
    raise NotImplementedError(os.environ.get("CHARTER_OPA_TOKEN"), ca)
