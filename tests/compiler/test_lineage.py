"""Leakage: which rows may be the same, through splits, derivation and shared files."""

import pytest
from base import CASES, whole

from charter.compiler.compile import check_charter

DERIVED = """
dataset enriched {
  source python "enrich:rows" from applications
  target default
  split  train 70%, test 30% seed 7
}

dataset of_train {
  source python "enrich:rows" from enriched.train
  target default
}

dataset of_test {
  source python "enrich:rows" from enriched.test
  target default
}

dataset twin {
  source csv "data/applications.csv"
  target default
  split  train 50%, test 50% seed 7
}

dataset elsewhere {
  source csv "data/recent.csv"
  target default
}

dataset mixed {
  source python "enrich:rows" from elsewhere, enriched.train
  target default
}

dataset far {
  source python "enrich:rows" from mixed
  target default
}
"""


@pytest.mark.parametrize(
    ("train", "test", "code"),
    [
        ("applications.train", "applications.test", None),
        ("applications.train", "applications.train", "CH0501"),
        ("applications.train", "applications", "CH0501"),
        ("applications", "applications.test", "CH0501"),
        ("enriched.train", "enriched.test", None),
        ("enriched.train", "applications.test", "CH0502"),
        ("of_train", "of_test", None),
        ("of_train", "enriched.test", None),
        ("of_train", "enriched.train", "CH0502"),
        ("of_train", "enriched", "CH0502"),
        ("of_train", "applications.test", "CH0502"),
        ("applications.train", "twin.test", "CH0502"),
        ("applications.train", "elsewhere", None),
        ("enriched.train", "mixed", "CH0502"),
        ("enriched.test", "mixed", None),
        ("enriched.train", "far", "CH0502"),
        ("of_train", "far", "CH0502"),
        ("of_test", "far", None),
        ("elsewhere", "far", "CH0502"),
    ],
)
def test_rows_in_common(train: str, test: str, code: str | None):
    text = whole(
        f"""{DERIVED}
model scorecard {{
  task     binary-classification
  train on {train}
  trainer  builtin tabular-mlp
}}

evaluation holdout of scorecard on {test} {{
  require roc_auc >= 0.75
}}
"""
    )
    findings = {item.code for item in check_charter(CASES / "any.charter", as_text=text).diagnostics}
    assert findings & {"CH0501", "CH0502"} == ({code} if code else set())


def test_tuning_rows_count_as_seen():
    text = whole(
        """
dataset applications {
  source csv "data/applications.csv"
  target default
  split  train 70%, validation 15%, test 15% seed 7
}

model scorecard {
  task        binary-classification
  train on    applications.train
  validate on applications.validation
  trainer     builtin tabular-mlp
}

evaluation holdout of scorecard on applications.validation {
  require roc_auc >= 0.75
}
"""
    )
    (finding,) = [i for i in check_charter(CASES / "any.charter", as_text=text).diagnostics if i.code == "CH0501"]
    assert "was tuned on" in finding.detail


def test_what_prepare_learns_counts_as_seen():
    text = whole(
        """
dataset applications {
  source  csv "data/applications.csv"
  target  default
  prepare {
    impute income with median
  }
  split   train 40%, fit 40%, test 20% seed 7
}

model scorecard {
  task     binary-classification
  train on applications.fit
  trainer  builtin tabular-mlp
}

evaluation holdout of scorecard on applications.train {
  require roc_auc >= 0.75
}
"""
    )
    (finding,) = [i for i in check_charter(CASES / "any.charter", as_text=text).diagnostics if i.code == "CH0501"]
    assert "`prepare` learnt from" in finding.detail


def test_monitor_on_the_training_rows_finds_no_drift():
    text = whole(
        """
monitor drift of production on applications.train every 1 day {
  require psi of each feature <= 0.2
}
"""
    )
    assert "CH0501" in {item.code for item in check_charter(CASES / "any.charter", as_text=text).diagnostics}


def test_many_derived_datasets_take_no_time():
    layers = "\n".join(
        f'dataset d{layer}_{i} {{\n  source python "enrich:rows" from '
        + ", ".join(f"d{layer - 1}_{j}" if layer else "applications.test" for j in range(5 if layer else 1))
        + "\n  target default\n}\n"
        for layer in range(12)
        for i in range(5)
    )
    text = whole(f"{layers}\nevaluation holdout of scorecard on d11_0 {{\n  require roc_auc >= 0.75\n}}\n")
    result = check_charter(CASES / "any.charter", as_text=text)
    assert [item for item in result.diagnostics if item.severity == "error"] == []


GROUPED = """
dataset applications {
  source csv "data/applications.csv"
  target default
  split  train 70%, test 30% grouped by customer seed 7
}

dataset part {
  source python "enrich:rows" from applications.train
  target default
}

dataset again {
  source python "enrich:rows" from part
  target default
  split  train 70%, test 30% SPLIT
}

model scorecard {
  task     binary-classification
  train on again.train
  trainer  builtin tabular-mlp
}

evaluation holdout of scorecard on again.test {
  require roc_auc >= 0.75
}
"""


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("seed 7", ["CH0504"]),
        ("stratified by default seed 7", ["CH0504"]),
        ("grouped by household seed 7", ["CH0504"]),
        ("grouped by customer seed 8", []),
        ("stratified by default grouped by customer seed 7", []),
    ],
)
def test_groups_stay_together_on_the_way(split: str, expected: list[str]):
    text = whole(GROUPED.replace("SPLIT", split))
    found = [
        item for item in check_charter(CASES / "any.charter", as_text=text).diagnostics if item.severity == "error"
    ]
    assert [item.code for item in found] == expected
    assert all("`applications`" in item.detail for item in found if item.code == "CH0504")


def test_what_an_earlier_dataset_learnt_counts_as_seen():
    text = whole(
        """
dataset applications {
  source  csv "data/applications.csv"
  target  default
  prepare {
    impute income with median
  }
  split   train 40%, fit 40%, test 20% seed 7
}

dataset enriched {
  source python "enrich:rows" from applications.fit
  target default
}

model scorecard {
  task     binary-classification
  train on enriched
  trainer  builtin tabular-mlp
}

evaluation holdout of scorecard on applications.train {
  require roc_auc >= 0.75
}
"""
    )
    (finding,) = [i for i in check_charter(CASES / "any.charter", as_text=text).diagnostics if i.code == "CH0501"]
    assert "`prepare` learnt from" in finding.detail
