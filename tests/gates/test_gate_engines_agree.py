"""Both engines answer the same bytes alike. The contract tests compare theirs; here the inputs are random."""

from collections.abc import Iterator

import gate_samples as s
import pytest
from gate_inputs import GATES, gate_inputs
from hypothesis import HealthCheck, given, settings

from charter.compiler import ir
from charter.runtime.gates.contract import GateInput, encode_input
from charter.runtime.gates.decide import decide
from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.loopback import LoopbackServer
from charter.runtime.gates.server import ServerEngine

pytestmark = [
    pytest.mark.opa,
    pytest.mark.usefixtures("opa"),
]

POLICY = """package team.agree

import data.charter.lib.numbers

deny contains sprintf("%s of %s", [numbers.text(e.value), e.metric]) if {
	some e in input.evidence
	is_number(e.value)
	e.value > 1
}

violation contains {"msg": concat(",", columns)} if {
	columns := sort(input.declaration.body.columns)
	count(columns) > 1
}

warn contains "x" if startswith(input.actor, "x")

allow if not input.declaration.body.deep
"""


def controls() -> tuple[ir.Control, ...]:
    """One of each kind and form."""
    monitor = {"gate": "monitor/drift:exit", "subject": "monitor/drift"}
    return (
        s.requirement(),
        s.requirement(id="interval", confidence=0.95),
        s.requirement(id="over", over="sex", comparison="<=", enforce="advisory"),
        s.requirement(id="absolute", comparison=">", enforce="absolute", least_grade="attested"),
        s.requirement(id="equal", metric="f1", comparison="==", bound=0.75, confidence=0.9),
        s.requirement(id="psi", metric="psi", each="feature", comparison="<", bound=0.2, reaction="retrain", **monitor),
        s.requirement(id="checks", checks=2, reaction="alert", reaction_to="risk-officer", **monitor),
        s.approval(),
        s.criterion(),
        s.criterion(id="age", monitor=None, metric="age", comparison=">", bound=100.0, unit="seconds", checks=1),
        s.policy(gate="acquire/people:exit"),
    )


def bundle() -> ir.Bundle:
    waivers = (s.waiver(), s.waiver(name="other", control="core/lawful-basis", until="2026-11-15", quorum=2))
    more = [gate for gate in GATES if "unknown" not in gate]
    return s.bundle(*controls(), waivers=waivers, more_gates=more, policies={s.policy().path: POLICY})


@pytest.fixture(scope="module")
def engines(opa_server: LoopbackServer) -> Iterator[tuple[PolicyEngine, PolicyEngine]]:
    embedded, server = EmbeddedEngine(), ServerEngine(opa_server.address)
    yield embedded, server
    embedded.close()
    server.close()


BUNDLE = bundle()


@given(document=gate_inputs())
@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_inputs(document: GateInput, engines: tuple[PolicyEngine, PolicyEngine]) -> None:
    data = encode_input(document)
    answers = []
    for engine in engines:
        if engine.revision != BUNDLE.revision:
            engine.load(BUNDLE)
        answers.append(s.answer(decide(engine, BUNDLE, data)))
    assert answers[0] == answers[1]
