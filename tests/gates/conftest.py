"""The engines that the contract tests run on: both are real."""

from collections.abc import Iterator
from typing import Any

import gate_samples as s
import pytest

from charter.compiler import ir
from charter.runtime.gates.decide import Decision, decide_gate
from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.loopback import LoopbackServer
from charter.runtime.gates.server import ServerEngine


@pytest.fixture(scope="session")
def opa_server(opa: str) -> Iterator[LoopbackServer]:
    """One real OPA for the whole session."""
    server = LoopbackServer(opa)
    yield server
    server.close()


@pytest.fixture(params=["embedded", pytest.param("opa", marks=pytest.mark.opa)])
def engine(request: pytest.FixtureRequest) -> Iterator[PolicyEngine]:
    """Each real engine, with nothing loaded."""
    made: PolicyEngine
    if request.param == "embedded":
        made = EmbeddedEngine()
    else:
        made = ServerEngine(request.getfixturevalue("opa_server").address)
    yield made
    made.close()


@pytest.fixture
def decide(engine: PolicyEngine) -> s.Decide:
    """Decide one gate: `decide(bundle, gate, **facts)`, with `declarations` and `lifecycle` for the IR."""

    def run(built: ir.Bundle, *gate: str, **given: Any) -> Decision:
        if engine.revision != built.revision:
            engine.load(built)
        return decide_gate(engine, *s.asked(built, *gate, **given))

    return run
