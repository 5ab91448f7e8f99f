"""Statistics: the number that is named is the smallest that can establish the bound, on the intervals of the stages."""

import re

import pytest
from base import CASES, whole

from charter.compiler.compile import check_charter


def details(dataset: str, *bounds: str, split: str = "train 70%, test 30% seed 7") -> list[str]:
    text = whole(
        f"""
dataset applications {{
  source    csv "data/applications.csv"
  protected sex
  target    default
  split     {split}
{dataset}
}}

evaluation holdout of scorecard on applications.test {{
"""
        + "".join(f"  require {bound}\n" for bound in bounds)
        + "}\n"
    )
    found = check_charter(CASES / "any.charter", as_text=text).diagnostics
    return [item.detail for item in found if item.code == "CH0608"]


BOUNDS = [
    "accuracy >= 90% with confidence 95%",
    "accuracy > 90% with confidence 99%",
    "selection_rate <= 0.02 with confidence 90%",
    "recall >= 0.99 with confidence 95%",
    "precision >= 0.8 with confidence 99.9%",
    "f1 >= 0.95 with confidence 95%",
    "roc_auc >= 0.97 with confidence 95%",
    "brier_score <= 0.01 with confidence 95%",
    "expected_calibration_error <= 5% with confidence 95%",
    "demographic_parity_ratio over sex >= 0.95 with confidence 95%",
    "equalized_odds_difference over sex <= 0.1 with confidence 90%",
]


@pytest.mark.parametrize("shares", ["", "  require share of each default >= 10%\n  require share of each sex >= 30%"])
@pytest.mark.parametrize("bound", BOUNDS)
def test_the_number_that_is_named_is_the_smallest(bound: str, shares: str):
    split = "train 70%, test 30% stratified by default seed 7"
    (detail,) = details(f"  require rows >= 10\n{shares}", bound, split=split)
    smallest = int(re.search(r"number that can is `require rows >= (\d+)`", detail)[1])
    assert details(f"  require rows >= {smallest}\n{shares}", bound, split=split) == []
    assert len(details(f"  require rows >= {smallest - 1}\n{shares}", bound, split=split)) == 1


@pytest.mark.ml
@pytest.mark.parametrize("rows", [119, 120])
def test_a_perfect_model_clears_the_bound_on_the_smallest_number_and_on_no_fewer(rows: int):
    """`accuracy >= 90%` needs 36 rows in the test part, and `rows >= 120` gives it so many."""
    import numpy as np
    import pandas as pd

    from charter.runtime.stages.confusion import Scored
    from charter.runtime.stages.metrics import METRICS
    from charter.runtime.stages.partition import assign_parts

    parts = {"parts": {"train": 0.7, "test": 0.3}, "stratified_by": None, "seed": 7}
    test = int((assign_parts(pd.DataFrame({"x": range(rows)}), parts) == "test").sum())
    outcome = np.arange(test) % 2
    measured = METRICS["accuracy"](Scored(outcome, outcome.astype(float), outcome), 0.95, np.random.default_rng(0))
    possible = details(f"  require rows >= {rows}", "accuracy >= 90% with confidence 95%") == []
    assert possible == (rows == 120)
    assert measured.interval.low >= 0.9 or not possible


@pytest.mark.parametrize(
    ("dataset", "bound"),
    [
        ("", "accuracy >= 99.9% with confidence 95%"),
        ("  require rows >= 10 enforce advisory", "accuracy >= 99.9% with confidence 95%"),
        ("  require rows <= 10", "accuracy >= 99.9% with confidence 95%"),
        ("  require rows >= 10", "accuracy >= 99.9%"),
    ],
)
def test_nothing_is_concluded_without_a_guarantee_or_a_confidence(dataset: str, bound: str):
    assert details(dataset, bound) == []


def test_what_no_number_of_rows_can_establish():
    for bound in ("accuracy >= 100% with confidence 95%", "accuracy == 90% with confidence 95%"):
        (detail,) = details("  require rows >= 1_000_000", bound)
        assert "smallest" not in detail and "width" in detail


@pytest.mark.parametrize("rows", ["1e300", "1e18", "9007199254740991", "1e-9", "0"])
def test_odd_numbers_of_rows_take_no_time(rows: str):
    shares = "  require share of each sex >= 49.9999999% with confidence 95%"
    found = details(
        f"  require rows >= {rows}\n{shares}", "accuracy >= 99.999999999999% with confidence 99.9999999999%"
    )
    assert all("Not even" in detail or "smallest" in detail for detail in found)


def test_a_share_that_no_split_keeps_is_not_counted_on():
    """Rarer outcomes may all have gone to the training part when the split is not stratified by them."""
    few = "  require rows >= 1_000\n  require share of each default >= 1%"
    bound = "recall >= 50% with confidence 95%"
    assert details(few, bound) == []
    (detail,) = details(few, bound, split="train 70%, test 30% stratified by default seed 7")
    assert "and 3 rows with a positive outcome" in detail


def test_the_rows_of_a_monitor_count_too():
    text = whole(
        """
dataset recent {
  source    csv "data/recent.csv"
  protected sex
  target    default
  require   rows >= 20
}

monitor drift of production on recent every 1 day {
  require accuracy >= 95% with confidence 95%
}
"""
    )
    (finding,) = [i for i in check_charter(CASES / "any.charter", as_text=text).diagnostics if i.code == "CH0608"]
    assert "guarantees 20 rows of `recent`" in finding.detail


@pytest.mark.parametrize("bound", ["5 days", "1.5", "150%", "min-auc"])
def test_a_bound_that_makes_no_sense_is_not_judged_too(bound: str):
    """Its unit or range is the one finding; what number of rows it would need is not worth a second."""
    dataset = (
        'dataset applications {\n  source csv "data/applications.csv"\n  protected sex\n  target default\n'
        "  split train 70%, test 30% seed 7\n  require rows >= 100\n}\n\nparameter min-auc = 10 days\n"
    )
    text = whole(
        f"{dataset}\nevaluation holdout of scorecard on applications.test {{\n"
        f"  require roc_auc >= {bound} with confidence 95%\n}}\n"
    )
    found = {i.code for i in check_charter(CASES / "any.charter", as_text=text).diagnostics if i.severity == "error"}
    assert len(found) == 1
    assert found <= {"CH0201", "CH0603"}
