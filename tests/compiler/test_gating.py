"""Gating: what counts as a gate on the way to a deployment, and what only looks like one."""

import pytest
from base import BASE, CASES, whole

from charter.compiler.compile import check_charter

ADVISORY = "evaluation holdout of scorecard on applications.test {\n  require roc_auc >= 0.75 enforce advisory\n}\n"
REPORTING = "evaluation holdout of scorecard on applications.test {\n  report roc_auc\n}\n"
BOUNDED = "evaluation other of scorecard on applications.test {\n  require accuracy >= 0.7\n}\n"
HIGH = BASE["lifecycle", "credit-risk"].replace("limited", "high")
MODEL = BASE["model", "scorecard"].replace("scorecard", "challenger")
OTHER_MODEL = f"{MODEL}\nevaluation other of challenger on applications.test {{\n  require accuracy >= 0.7\n}}\n"


def errors(*parts: str) -> list[str]:
    text = whole("\n".join(parts))
    found = check_charter(CASES / "any.charter", as_text=text).diagnostics
    return sorted(item.code for item in found if item.severity == "error")


def deployment(after: str) -> str:
    return f"deployment production of scorecard {{\n  after {after}\n}}\n"


def approval(after: str) -> str:
    clause = f"  after {after}\n" if after else ""
    return f"approval release of scorecard {{\n  by risk-officer\n  excluding owner, trainer\n{clause}}}\n"


PASS = approval("other").replace("release of scorecard", "pass of challenger")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([deployment("release")], []),
        ([deployment("holdout")], []),
        ([ADVISORY], ["CH0402"]),
        ([REPORTING], ["CH0402"]),
        ([ADVISORY, BOUNDED], ["CH0402"]),
        ([ADVISORY, BOUNDED, deployment("release, other")], []),
        ([ADVISORY, BOUNDED, approval("holdout, other")], []),
        ([OTHER_MODEL, deployment("other")], ["CH0402"]),
        ([OTHER_MODEL, approval("other")], ["CH0402", "CH0404"]),
        ([approval("")], ["CH0402", "CH0404"]),
        ([approval(""), deployment("release, holdout")], ["CH0404"]),
        ([HIGH], []),
        ([HIGH, deployment("holdout")], ["CH0403"]),
        ([HIGH, OTHER_MODEL, deployment("holdout, pass"), PASS], ["CH0403"]),
        (["deployment pilot of scorecard {\n  after release\n}\n", deployment("pilot")], []),
    ],
)
def test_what_is_a_gate(parts: list[str], expected: list[str]):
    assert errors(*parts) == expected


def hazard(by: str) -> str:
    return (
        f'objective fair {{\n  problem "x"\n  hazard "h" {{\n    likelihood low\n    impact low\n'
        f"    mitigated by {by}\n  }}\n}}\n"
    )


POLICY = 'policy rule {\n  rego "policies/no_proxy.rego"\n  before train\n}\n'
MONITOR = "monitor drift of production every 1 day {\n  require psi of each feature <= 0.2\n}\n"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([hazard("holdout")], []),
        ([hazard("release")], []),
        ([hazard("other"), BOUNDED], ["CH0803"]),
        ([hazard("other"), BOUNDED, deployment("release, other")], []),
        ([hazard("holdout"), ADVISORY, BOUNDED, deployment("release, other")], ["CH0803"]),
        ([hazard("rule"), POLICY], []),
        ([hazard("rule"), POLICY.replace("}", "  enforce advisory\n}")], ["CH0803"]),
        ([hazard("drift"), MONITOR], []),
        ([hazard("drift"), MONITOR.replace("<= 0.2", "<= 0.2 enforce advisory")], ["CH0803"]),
        ([hazard("applications")], ["CH0803"]),
        ([hazard("production")], ["CH0103"]),
        ([hazard("nothing")], ["CH0101"]),
    ],
)
def test_what_mitigates(parts: list[str], expected: list[str]):
    assert errors(*parts) == expected
