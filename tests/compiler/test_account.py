"""The account of a check: what is open is said, as exactly as the charter allows."""

import pytest
from base import CASES, whole

from charter.compiler.account import not_checked, proved
from charter.compiler.compile import check_charter

DATASET = """dataset applications {{
  source    csv "data/applications.csv"
  protected sex
  target    default
  split     train 70%, test 30% {split}
{clauses}}}

evaluation holdout of scorecard on applications.test {{
  require roc_auc >= 0.75 with confidence 95%
}}
"""


def account(*clauses: str, split: str = "seed 7", more: str = "") -> tuple[str, str]:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    text = whole(DATASET.format(split=split, clauses=lines) + more)
    charter = check_charter(CASES / "any.charter", as_text=text).charter
    assert charter is not None
    told = (
        "\n".join(f"{item.area}: {item.text}" for item in items) for items in (proved(charter), not_checked(charter))
    )
    return next(told), next(told)


@pytest.mark.parametrize(
    ("clauses", "split", "holds", "is_open"),
    [
        ((), "seed 7", "", "samples: whether there are rows enough to establish `roc_auc >= 0.75"),
        (
            ("require rows >= 1_000",),
            "seed 7",
            "samples: 1 of the bounds",
            "samples: how many rows there are with the rarer",
        ),
        (
            ("require rows >= 1_000", "require share of each default >= 10%"),
            "stratified by default seed 7",
            "samples: 1 of the bounds",
            "",
        ),
        (
            ("require rows >= 1_000",),
            "grouped by customer seed 7",
            "",
            "a split by groups guarantees no number of rows",
        ),
        ((), "seed 7", "", "flow: how confidential `applications` is: no class is declared"),
        (
            ("class personal", "basis consent"),
            "seed 7",
            "flow: every classified dataset (1)",
            "leakage: whether one person",
        ),
        (("class personal", "basis consent"), "grouped by customer seed 7", "flow:", ""),
        ((), "seed 7", "", "licences: whether `applications` may be used commercially: no licence is named"),
        (
            ('license "LicenseRef-ours"',),
            "seed 7",
            "",
            "licences: whether `applications` may be used commercially: these are",
        ),
        (('license "CC-BY-4.0"',), "seed 7", "licences: 1 of the licences", ""),
        ((), "seed 7", "", "people: whether `risk-officer` has people enough for `release` without owner and trainer"),
    ],
)
def test_what_is_told(clauses: tuple[str, ...], split: str, holds: str, is_open: str):
    told, open_ = account(*clauses, split=split)
    assert holds in told and is_open in open_
    area = (holds or is_open).partition(":")[0]
    assert holds or f"{area}:" not in told or area == "leakage"
    assert is_open or f"{area}:" not in open_


def test_enough_people_are_certain_when_the_role_promises_them():
    _, open_ = account(more="\nrole risk-officer {\n  members at least 4\n}\n")
    assert "has people enough" not in open_


@pytest.mark.parametrize(
    ("risk", "after", "said"),
    [
        ("limited", "holdout", True),
        ("minimal", "holdout", True),
        ("limited", "release", False),
        ("high", "holdout", False),
    ],
)
def test_a_deployment_that_nobody_approves_is_said(risk: str, after: str, said: bool):
    text = whole(f"deployment production of scorecard {{\n  after {after}\n}}\n").replace(
        "risk    limited", f"risk    {risk}"
    )
    result = check_charter(CASES / "any.charter", as_text=text)
    assert result.charter is not None
    told = [item.text for item in not_checked(result.charter) if item.area == "people"]
    assert any("whether anybody agrees to `production`" in text for text in told) is said
    assert ("CH0403" in {item.code for item in result.diagnostics}) is (risk == "high")
