"""Both engines answer the same bytes alike. The contract tests compare theirs; here inputs and bundles are random.

Each run of `make torture` takes another seed; other runs take one, so that what nobody changed fails nobody's change.
`CHARTER_SEED=N` repeats one; a failure prints it.
"""

import os
import random
from collections.abc import Iterator

import gate_samples as s
import pytest
from gate_inputs import GATES, gate_inputs
from hypothesis import HealthCheck, given, note, seed, settings

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


_ANY = random.SystemRandom().randrange(1 << 32) if os.environ.get("CHARTER_TORTURE") else 1
SEED = int(os.environ.get("CHARTER_SEED") or _ANY)

CONDITIONS = (
    "input.lifecycle.risk == TEXT",
    "some e in input.evidence; e.value >= NUMBER",
    "some e in input.evidence; is_number(e.n); e.n % 3 == 1",
    "every e in input.evidence { e.grade != TEXT }",
    "count(input.evidence) > 2",
    "count({e.metric | some e in input.evidence}) > 1",
    "max([e.n | some e in input.evidence; is_number(e.n)]) > NUMBER",
    "regex.match(`(?i)^[a-zü]+[^0-9]?$`, input.actor)",
    "regex.replace(input.actor, `[aeü]`, TEXT) != input.actor",
    "glob.match(`*i*`, [], input.actor)",
    "substring(input.actor, 1, 2) == TEXT",
    "indexof(input.actor, TEXT) > 0",
    'contains(concat("|", sort([e.metric | some e in input.evidence])), TEXT)',
    "startswith(strings.reverse(input.actor), TEXT)",
    "trim_space(replace(input.actor, TEXT, ``)) == ``",
    "time.parse_rfc3339_ns(input.time) % 7 == 3",
    "time.weekday(time.parse_rfc3339_ns(input.time)) == `Monday`",
    'object.get(input, ["declaration", "body", "deep"], NUMBER) == NUMBER',
    "walk(input.declaration.body, [_, value]); value == TEXT",
    "some name, item in input.inputs; item.size > NUMBER; not name == TEXT",
    "{d.name | some d in input.datasets} - {TEXT} != set()",
    "floor(input.parameters[_]) > NUMBER",
    "round(input.parameters[_]) > NUMBER",
    "some m in input.models; TEXT in m.learnt_from; m.class_known",
    'every m in input.models { m.commercial_use != "forbidden"; not m.trained_on.dataset == TEXT }',
    "base64.encode(input.actor) == hex.encode(TEXT)",
    "input.transition.target < TEXT",
)


def generated(number: int) -> ir.Bundle:
    """Some of the controls, with other bounds, and a policy of some of the conditions."""
    chance = random.Random(f"{SEED} {number}")
    lines = ["package team.generated", ""]
    for index, condition in enumerate(chance.sample(CONDITIONS, 12)):
        text = chance.choice(['"high"', '"x"', '"ü"', '"sex"', '"\U0001f600"', '"e"'])
        said = condition.replace("TEXT", text).replace("NUMBER", chance.choice(["0", "1", "0.75", "-3", "1e15"]))
        lines += [f'{chance.choice(["deny", "warn"])} contains "{index}" if {{ {said} }}', ""]
    bounds = {"comparison": chance.choice(["<", "<=", "==", ">=", ">"]), "bound": chance.choice([0.0, 0.7, 0.75, 1e15])}
    own = [item for item in controls() if chance.random() < 0.6 and not isinstance(item, ir.PolicyControl)]
    policies = [s.policy(id=f"generated@{number}-{at}", gate=gate) for at, gate in enumerate(GATES[:4])]
    more = [gate for gate in GATES if "unknown" not in gate]
    ids = {control.id for control in own}
    waivers = tuple(item for item in (s.waiver(),) if item.control in ids)
    own += [s.requirement(id="bounded", **bounds), *policies]
    return s.bundle(*own, waivers=waivers, more_gates=more, policies={s.policy().path: "\n".join(lines)})


BUNDLES = {
    "sample": bundle,
    "core alone": lambda: s.bundle(more_gates=[gate for gate in GATES if "unknown" not in gate]),
    **{f"generated {number}": lambda number=number: generated(number) for number in range(3)},
}

Engines = tuple[PolicyEngine, PolicyEngine]


def _agree(name: str, engines: Engines, examples: int) -> None:
    built = BUNDLES[name]()
    for engine in engines:
        engine.load(built)

    @seed(SEED)
    @given(document=gate_inputs())
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def compare(document: GateInput) -> None:
        note(f"repeat with CHARTER_SEED={SEED}")
        data = encode_input(document)
        first, second = (s.answer(decide(engine, built, data)) for engine in engines)
        assert first == second

    compare()


@pytest.mark.parametrize("name", BUNDLES)
def test_random_inputs(name: str, engines: Engines) -> None:
    _agree(name, engines, 50)


@pytest.mark.torture
@pytest.mark.parametrize("name", BUNDLES)
def test_thousands_of_random_inputs(name: str, engines: Engines) -> None:
    _agree(name, engines, 2_000)
