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


@pytest.fixture(scope="session")
def reference() -> Iterator[EmbeddedEngine]:
    """The embedded engine, to compare OPA's answers with."""
    made = EmbeddedEngine()
    yield made
    made.close()


@pytest.fixture
def decide(engine: PolicyEngine, reference: EmbeddedEngine) -> s.Decide:
    """Decide one gate: `decide(bundle, gate, **facts)`, with `declarations` and `lifecycle` for the IR.

    What OPA says is compared with what the embedded engine says to the same bytes.
    """

    def run(built: ir.Bundle, *gate: str, **given: Any) -> Decision:
        if engine.revision != built.revision:
            engine.load(built)
        decision = decide_gate(engine, *s.asked(built, *gate, **given))
        if engine.name == "opa":
            if reference.revision != built.revision:
                reference.load(built)
            assert s.answer(decision) == s.answer(decide_gate(reference, *s.asked(built, *gate, **given)))
        return decision

    return run
