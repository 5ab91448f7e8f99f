"""Retention: floors of packs, erasures that contradict, and copies that would be left."""

import pytest
from base import CASES, whole

from charter.compiler.compile import check_charter
from charter.compiler.passes import retention
from charter.compiler.units import parse_quantity
from charter.policies.catalogue import Retention, load_pack, pack_names

LIFECYCLE = """lifecycle credit-risk {
  version "1"
  owner   "credit-models@bank.example"
  purpose "Estimate the probability of default."
  risk    RISK
}
"""
OBJECTIVE = """objective fair {
  problem "Decide in minutes."
}
"""
ENRICHED = """dataset enriched {
  source python "enrich:rows" from applications.test
  target default
}

evaluation holdout of scorecard on enriched {
  require roc_auc >= 0.75
}
"""


def retirement(*clauses: str) -> str:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    return f"retirement of scorecard {{\n  when age > 2 years\n{lines}}}\n"


def findings(*declarations: str, risk: str = "limited") -> list[str]:
    text = whole("\n".join((LIFECYCLE.replace("RISK", risk), OBJECTIVE, *declarations)))
    found = check_charter(CASES / "any.charter", as_text=text).diagnostics
    return sorted(item.code for item in found if item.code.startswith("CH14"))


@pytest.mark.parametrize(
    ("risk", "clauses", "expected"),
    [
        ("high", (), ["CH1401"]),
        ("high", ("archive model for 20 years",), ["CH1401"]),
        ("high", ("archive model for 1 year",), ["CH1401", "CH1401"]),
        ("high", ("archive ledger, evidence for 119 months",), ["CH1401"]),
        ("high", ("archive ledger, evidence for 120 months",), []),
        ("high", ("archive ledger, evidence, model for 10 years",), []),
        ("high", ("archive ledger, evidence for 9.99 years",), ["CH1401"]),
        ("limited", (), []),
        ("minimal", ("archive model for 1 day",), []),
    ],
)
def test_archives_are_as_long_as_the_law(risk: str, clauses: tuple[str, ...], expected: list[str]):
    assert findings(retirement(*clauses), risk=risk) == expected


def test_a_pack_may_ask_for_the_rows_themselves(monkeypatch: pytest.MonkeyPatch):
    floor = Retention(("data",), "3 years", ("limited",), "some-law Art. 1", "Rows are kept")
    monkeypatch.setattr(retention, "floors_of", lambda charter: (("some", floor),))
    assert findings(retirement("archive model for 1 day", "erase applications")) == ["CH1402"]
    assert findings(retirement("archive model for 1 day", "erase applications after 35 months")) == ["CH1402"]
    assert findings(retirement("archive model for 1 day", "erase applications after 3 years")) == []


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        (("erase enriched",), []),
        (("erase applications",), ["CH1403"]),
        (("erase applications", "erase enriched"), []),
        (("erase applications", "erase enriched after 1 day"), ["CH1403"]),
        (("erase applications after 2 days", "erase enriched after 1 day"), []),
    ],
)
def test_what_is_erased_leaves_no_copies(clauses: tuple[str, ...], expected: list[str]):
    assert findings(ENRICHED, retirement(*clauses)) == expected


def test_one_dataset_is_erased_once():
    assert findings(retirement("erase applications", "erase applications after 1 year")) == ["CH1402"]
    assert findings(retirement("erase applications after 12 months", "erase applications after 1 year")) == []


@pytest.mark.parametrize("name", pack_names())
def test_what_packs_ask_for_can_be_compared(name: str):
    for floor in load_pack(name).retention:
        quantity = parse_quantity(floor.lasting)
        assert quantity is not None and quantity.unit == "seconds" and quantity.value > 0
        assert floor.keeps and set(floor.keeps) <= {"model", "evidence", "ledger", "data"}
        assert floor.risk and set(floor.risk) <= {"high", "limited", "minimal"}
        assert floor.clause and floor.title
