"""A bundle that is asked without Charter, and so without the schema, refuses an input that its policies cannot read."""

import json
from typing import Any

import gate_samples as s
import pytest

from charter.compiler import ir
from charter.compiler.rego.bundle import reads_models
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.input import build_input

BLIND = "package team.p\n\ndeny contains m.name if some m in input.models\n"
PLAIN = s.bundle(s.requirement())
READING = s.bundle(s.policy(gate="evaluate/holdout:exit"), policies={s.policy().path: BLIND})

OLDER: dict[str, Any] = {"schema": 1, "models": None}
UNFIT: list[dict[str, Any]] = [
    {"models": None},
    {"models": {}},
    {"schema": 3},
    {"schema": "2"},
    {"schema": None},
    {"schema": 0},
]


def changed(bundle: ir.Bundle, **changes: Any) -> bytes:
    """A fitting input with other members; None: left out."""
    document, facts = s.asked(bundle, evidence=(s.evidence(),))
    asked = json.loads(build_input(document, facts)) | changes
    return json.dumps({key: value for key, value in asked.items() if value is not None}).encode()


def asked_without_charter() -> list[tuple[ir.Bundle, list[bytes]]]:
    """All inputs of this file, by bundle."""
    bundles = (PLAIN, READING, s.altered(PLAIN, reads_models=None))
    return [(bundle, [changed(bundle, **changes) for changes in ({}, OLDER, *UNFIT)]) for bundle in bundles]


def _codes(engine: PolicyEngine, bundle: ir.Bundle, data: bytes) -> list[str]:
    engine.load(bundle)
    answer = engine.decide(data)
    assert answer["allow"] is not bool(answer["violations"])
    return [item["code"] for item in answer["violations"]]


@pytest.mark.parametrize("bundle", [PLAIN, READING], ids=["plain", "reading"])
def test_what_fits_is_decided(engine: PolicyEngine, bundle: ir.Bundle) -> None:
    assert _codes(engine, bundle, changed(bundle)) == []


@pytest.mark.parametrize("changes", UNFIT)
@pytest.mark.parametrize("bundle", [PLAIN, READING], ids=["plain", "reading"])
def test_what_does_not_fit_denies(engine: PolicyEngine, bundle: ir.Bundle, changes: dict[str, Any]) -> None:
    assert _codes(engine, bundle, changed(bundle, **changes)) == ["input_unfit"]


def test_an_older_input_is_decided_by_policies_that_read_no_models(engine: PolicyEngine) -> None:
    assert _codes(engine, PLAIN, changed(PLAIN, **OLDER)) == []
    assert _codes(engine, READING, changed(READING, **OLDER)) == ["input_unfit"]
    assert _codes(engine, s.altered(PLAIN, reads_models=None), changed(PLAIN, **OLDER)) == ["input_unfit"]


def test_what_stands_in_an_interpolated_string_may_read_anything() -> None:
    assert reads_models({"team.rego": 'package team\n\ndeny contains $"{input}" if true\n'})


@pytest.mark.parametrize(
    "deny",
    [
        'deny contains m.name if some m in input["mod\\u0065ls"]',
        "deny contains m.name if some part in input; some m in part; m.name",
        "deny contains v if walk(input, [_, v]); is_string(v)",
    ],
)
def test_policies_that_read_the_input_as_a_whole_read_its_models(deny: str) -> None:
    """They name no `models`, and would find none in an older input."""
    text = "package team.p\n\n" + deny.replace("; ", "\n").replace(" if ", " if {\n", 1) + "\n}\n"
    made = s.bundle(s.policy(gate="evaluate/holdout:exit"), policies={s.policy().path: text})
    assert made.data["charter"]["plan"]["reads_models"]


def test_a_policy_that_reads_another_member_reads_no_models() -> None:
    text = (
        'package team.p\n\n# the input\ndeny contains `input` if some e in input.evidence\nwarn contains "\\"input x"\n'
    )
    made = s.bundle(s.policy(gate="evaluate/holdout:exit"), policies={s.policy().path: text})
    assert not made.data["charter"]["plan"]["reads_models"]
