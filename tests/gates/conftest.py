"""The engines that the contract tests run on: both are real."""

from collections.abc import Iterator

import pytest

from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.loopback import LoopbackServer, find_opa
from charter.runtime.gates.server import ServerEngine

NEEDS_OPA = pytest.mark.skipif(find_opa() is None, reason="needs the opa command ($OPA_BIN or PATH)")


@pytest.fixture(scope="session")
def opa_server() -> Iterator[LoopbackServer]:
    """One real OPA for the whole session."""
    opa = find_opa()
    assert opa is not None
    server = LoopbackServer(opa)
    yield server
    server.close()


@pytest.fixture(params=["embedded", pytest.param("opa", marks=[pytest.mark.opa, NEEDS_OPA])])
def engine(request: pytest.FixtureRequest) -> Iterator[PolicyEngine]:
    """Each real engine, with nothing loaded."""
    made: PolicyEngine
    if request.param == "embedded":
        made = EmbeddedEngine()
    else:
        made = ServerEngine(request.getfixturevalue("opa_server").address)
    yield made
    made.close()
