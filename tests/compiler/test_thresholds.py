"""Thresholds against each other: in one block, between evaluations, monitors and retirements."""

import pytest
from base import CASES, whole

from charter.compiler.compile import check_charter

RECENT = 'dataset recent {\n  source csv "data/recent.csv"\n  protected sex, age_group\n  target default\n}\n'


def codes(text: str) -> list[str]:
    found = check_charter(CASES / "any.charter", as_text=whole(text)).diagnostics
    return sorted(item.code for item in found if item.code.startswith("CH06"))


def evaluation(*bounds: str, name: str = "holdout", on: str = "applications.test") -> str:
    lines = "".join(f"  require {bound}\n" for bound in bounds)
    return f"evaluation {name} of scorecard on {on} {{\n{lines}}}\n"


def monitored(evaluated: str, watched: str, retired: str = "") -> str:
    whens = f"retirement of scorecard {{\n  when {retired}\n}}\n" if retired else ""
    monitor = f"monitor drift of production on recent every 1 day {{\n  require {watched}\n}}\n"
    return RECENT + evaluation(evaluated) + monitor + whens


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (["roc_auc >= 0.75"], []),
        (["roc_auc >= 0.75", "roc_auc <= 0.99"], []),
        (["roc_auc >= 0.75", "roc_auc <= 0.70"], ["CH0601"]),
        (["roc_auc >= 0.75", "roc_auc <= 0.75"], []),
        (["roc_auc > 0.75", "roc_auc <= 0.75"], ["CH0601"]),
        (["roc_auc >= 0.75", "roc_auc <= 0.70 enforce advisory"], []),
        (["roc_auc >= 75%", "roc_auc >= 0.75"], ["CH0604"]),
        (["roc_auc >= 75%", "roc_auc >= 0.75 with confidence 95%"], []),
        (["roc_auc >= 0.7", "roc_auc >= 0.8", "roc_auc >= 0.9"], ["CH0604", "CH0604"]),
        (["roc_auc >= 0"], ["CH0602"]),
        (["roc_auc > 0"], []),
        (["roc_auc <= 1"], ["CH0602", "CH0607"]),
        (["roc_auc > 1"], ["CH0603"]),
        (["roc_auc >= 1"], []),
        (["roc_auc < 0"], ["CH0603", "CH0607"]),
        (["brier_score <= 0.2"], []),
        (["brier_score >= 0.2"], ["CH0607"]),
        (["selection_rate >= 0.2"], []),
        (["selection_rate <= 0.2"], []),
        (["demographic_parity_ratio over sex >= 0.8", "demographic_parity_ratio over sex <= 0.7"], ["CH0601"]),
        (["demographic_parity_difference over sex <= 0.1", "demographic_parity_ratio over sex >= 0.8"], []),
    ],
)
def test_bounds_of_one_evaluation(bounds: list[str], expected: list[str]):
    assert codes(evaluation(*bounds)) == expected


def test_evaluations_of_one_model_on_the_same_rows_are_compared():
    other = "deployment production of scorecard {\n  after release, second\n}\n"
    assert codes(evaluation("roc_auc >= 0.8") + evaluation("roc_auc <= 0.7", name="second") + other) == [
        "CH0601",
        "CH0607",
    ]


@pytest.mark.parametrize(
    ("evaluated", "watched", "retired", "expected"),
    [
        ("roc_auc >= 0.75", "roc_auc >= 0.70", "drift.roc_auc < 0.70", []),
        ("roc_auc >= 0.75", "roc_auc >= 0.75", "drift.roc_auc < 0.75", []),
        ("roc_auc >= 0.75", "roc_auc >= 0.76", "", ["CH0605"]),
        ("roc_auc >= 0.75", "roc_auc > 0.75", "", ["CH0605"]),
        ("roc_auc >= 0.75 enforce advisory", "roc_auc >= 0.76", "", []),
        ("roc_auc >= 0.75", "roc_auc >= 0.76 enforce advisory", "", []),
        ("accuracy >= 0.75", "roc_auc >= 0.76", "", []),
        ("roc_auc >= 0.75", "roc_auc >= 0.70", "drift.roc_auc <= 0.75", ["CH0605"]),
        ("roc_auc >= 0.75", "roc_auc >= 0.70", "drift.roc_auc < 0.72", ["CH0606"]),
        ("roc_auc >= 0.75", "psi of each feature <= 0.2", "drift.psi > 0.2", []),
        ("roc_auc >= 0.75", "psi of each feature <= 0.2", "drift.psi >= 0.2", ["CH0606"]),
        ("roc_auc >= 0.75", "psi of each feature <= 0.2", "drift.psi < 0.3", ["CH0606", "CH0607"]),
        ("roc_auc >= 0.75", "roc_auc >= 0.70", "age > 24 months", []),
        ("roc_auk >= 0.75", "roc_auk >= 0.76", "drift.roc_auk < 0.9", ["CH0605", "CH0605"]),
    ],
)
def test_what_is_accepted_stays_alive(evaluated: str, watched: str, retired: str, expected: list[str]):
    assert codes(monitored(evaluated, watched, retired)) == expected


def test_groups_are_compared_each_for_itself():
    text = (
        RECENT
        + evaluation("demographic_parity_ratio over sex >= 0.8", on="recent")
        + evaluation("demographic_parity_ratio over age_group >= 0.6", name="by-age", on="recent")
        + "monitor drift of production on recent every 1 day {\n"
        "  require demographic_parity_ratio over sex >= 0.8\n"
        "  require demographic_parity_ratio over age_group >= 0.6\n}\n"
        "retirement of scorecard {\n  when drift.demographic_parity_ratio < 0.7\n}\n"
        "deployment production of scorecard {\n  after release, by-age\n}\n"
    )
    assert codes(text) == ["CH0605"], "what `by-age` accepts, down to 0.6, would be retired"
