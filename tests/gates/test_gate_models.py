"""Models upstream in the policy input: a team's own Rego decides by what they are made of, alike on both engines."""

import re
from pathlib import Path

import gate_samples as s
import pytest

from charter.compiler import ir

PAGE = Path(__file__).parents[2] / "docs" / "policy-input.md"
GATE = "deploy/production:entry"
PATH = "policies/no_proxy.rego"


def example() -> str:
    """The policy that the page shows."""
    (found,) = re.findall(r"```rego\n(package project\.licences\n.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def denied(decide: s.Decide, *, text: str, of: str = "scorecard", **models: ir.Provenance) -> list[str]:
    built = s.bundle(s.policy(gate=GATE), policies={PATH: text})
    deployed = s.declaration("deployment", "production", of=of)
    decision = decide(built, GATE, declarations=(deployed,), provenance=models)
    assert decision.failure is None
    return [violation["message"] for violation in decision.violations if violation["code"] == "policy_denied"]


def test_what_forbids_commercial_use_is_not_deployed(decide: s.Decide) -> None:
    fine = s.provenance(licenses=("CC0-1.0",), commercial_use="permitted")
    assert denied(decide, text=example(), scorecard=fine) == []
    assert denied(decide, text=example(), scorecard=s.provenance()) == [
        "`scorecard` has learnt from data under CC-BY-NC-4.0; commercial use: forbidden"
    ]
    # Another model on the way, such as one that it was compared with, is not what goes live.
    assert denied(decide, text=example(), scorecard=fine, challenger=s.provenance()) == []


def test_what_is_unknown_is_not_deployed_either(decide: s.Decide) -> None:
    unknown = s.provenance(licenses=(), commercial_use="unknown")
    assert len(denied(decide, text=example(), scorecard=unknown)) == 1
    assert denied(decide, text=example(), of="elsewhere", scorecard=unknown) == ["no model upstream is what goes live"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('m.trained_on.dataset == "people"; m.trained_on.part == "train"', True),
        ('"people" in m.learnt_from', True),
        ("m.validated_on != null", False),
        (f'm.digest == "{s.MODEL}"', True),
        ('m.class == "personal"; m.class_known', True),
        ("is_string(m.fine_tuned_from)", False),
        ("is_string(m.hosted_at)", False),
        ('m.trainer == "tabular-mlp"; m.task == "binary-classification"', True),
    ],
)
def test_every_member_can_be_asked_for(decide: s.Decide, condition: str, holds: bool) -> None:
    text = f'package t\n\ndeny contains "found" if {{\n\tsome m in input.models\n\t{condition}\n}}\n'
    assert denied(decide, text=text, scorecard=s.provenance()) == (["found"] if holds else [])


@pytest.mark.parametrize("path", ["licences", "trained_on.datset", "klass"])
def test_a_misspelt_member_is_refused(path: str) -> None:
    from charter.compiler.rego.project import check_project

    _, found = check_project({PATH: f"package t\n\ndeny contains 1 if {{ some m in input.models; m.{path} }}\n"})
    assert [problem.code for problem in found] == ["CH1006"]
