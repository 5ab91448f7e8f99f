"""Measures and their intervals: right values, honest coverage, and refusal of what is undefined."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from sklearn import metrics as sklearn
from stage_samples import ROLES, Bench, value

from charter.runtime.stages.api import Evidence, Measure, StageRefused
from charter.runtime.stages.confusion import Scored
from charter.runtime.stages.evaluate import evaluate
from charter.runtime.stages.fairness import FAIRNESS_METRICS
from charter.runtime.stages.intervals import Interval, delong, proportion, within_reach
from charter.runtime.stages.metrics import METRICS
from charter.runtime.stages.scoring import score_measures

pytestmark = pytest.mark.ml


def scored(rows: int = 400, seed: int = 0, signal: float = 1.5) -> tuple[Scored, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], rows, p=[0.2, 0.3, 0.5])
    outcome = (rng.random(rows) < np.where(group == "a", 0.3, 0.5)).astype(np.int64)
    probability = 1 / (1 + np.exp(-(signal * (outcome - 0.5) + rng.normal(size=rows))))
    return Scored(outcome, probability, (probability >= 0.5).astype(np.int64)), pd.DataFrame({"group": group})


def measure(rows: Scored, frame: pd.DataFrame, *measures: Measure) -> list[Evidence]:
    return score_measures(measures, rows, frame, seed=1, what="the rows")


def test_values_are_those_of_scikit_learn() -> None:
    rows, frame = scored()
    y, p, d = rows.outcome, rows.probability, rows.decision
    expected = {
        "roc_auc": sklearn.roc_auc_score(y, p),
        "accuracy": sklearn.accuracy_score(y, d),
        "f1": sklearn.f1_score(y, d),
        "precision": sklearn.precision_score(y, d),
        "recall": sklearn.recall_score(y, d),
        "brier_score": sklearn.brier_score_loss(y, p),
        "selection_rate": d.mean(),
    }
    made = {item.metric: item for item in measure(rows, frame, *map(Measure, METRICS))}
    assert made.keys() == METRICS.keys()
    for name, number in expected.items():
        assert made[name].value == pytest.approx(number)
    for item in made.values():
        assert item.low is not None and item.high is not None
        assert 0 <= item.low <= item.value <= item.high <= 1
        assert item.method and item.n and item.confidence == 0.95


@pytest.mark.parametrize("name", FAIRNESS_METRICS)
def test_fairness_values_are_those_of_fairlearn(name: str) -> None:
    rows, frame = scored()
    first, *rates = measure(rows, frame, Measure(name, over="group", confidence=0.9))
    expected = getattr(fairlearn, name)(rows.outcome, rows.decision, sensitive_features=frame["group"])
    assert first.value == pytest.approx(expected) and first.over == "group" and first.confidence == 0.9
    assert first.low is not None and first.high is not None and first.low <= first.value <= first.high
    assert {item.item for item in rates} == {"a", "b", "c"}
    assert all(item.each == "group" and item.over is None for item in rates)


def test_proportions_have_the_exact_interval() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I, method 5."""
    for successes, trials, low, high in ((81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684)):
        interval = proportion(successes, trials, 0.95)
        assert (interval.low, interval.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_no_interval_ends_beyond_what_its_rows_can_tell() -> None:
    """Rows that all agree would shrink a bootstrap, and DeLong's variance, to a point."""
    outcome = np.arange(40) % 2
    perfect, frame = Scored(outcome, outcome.astype(float), outcome), pd.DataFrame({"group": ["a", "a", "b", "b"] * 10})
    made = {item.metric: item for item in measure(perfect, frame, *map(Measure, METRICS))}
    for name, rows in (("accuracy", 40), ("brier_score", 40), ("expected_calibration_error", 40), ("recall", 20)):
        low, high, edge = made[name].low, made[name].high, 0.025 ** (1 / rows)
        assert low is not None and high is not None and (low <= edge + 1e-12 or high >= 1 - edge - 1e-12)
    assert made["brier_score"].high == pytest.approx(1 - 0.025 ** (1 / 40))
    assert made["brier_score"].method == "bootstrap, 2000 resamples, widened to what 40 observations can tell"
    assert made["roc_auc"].low == pytest.approx(0.025 ** (1 / 20))
    right = 0.025 ** (1 / 20)
    assert made["f1"].low == pytest.approx(2 * right / (1 + right)) and made["f1"].n == 20
    fair = Measure("demographic_parity_ratio", over="group")
    everybody = Scored(outcome, np.ones(40), np.ones(40, dtype=np.int64))
    assert measure(everybody, frame, fair)[0].low == pytest.approx(0.025 ** (1 / 20))
    nearly = outcome.astype(float)
    nearly[[0, 1]] = 0.5, 0.49
    assert delong(outcome, nearly, 0.95).low == pytest.approx(0.025 ** (1 / 20))
    wide = Interval(0.1, 0.9, "any")
    assert within_reach(wide, 40, 0.95) is wide


def test_delong_covers_the_true_area() -> None:
    """For two normals one apart the area is Phi(1 / sqrt 2); 95% intervals must hold it about 95 times in 100."""
    true, held = 0.7602499, 0
    rng = np.random.default_rng(3)
    for _ in range(400):
        outcome = (rng.random(150) < 0.4).astype(np.int64)
        interval = delong(outcome, rng.normal(size=150) + outcome, 0.95)
        held += interval.low <= true <= interval.high
    assert 0.92 <= held / 400 <= 0.975


def test_delong_is_right_with_ties_and_at_the_ends() -> None:
    outcome = np.array([1, 1, 0, 0, 1, 0], dtype=np.int64)
    tied = delong(outcome, np.ones(6), 0.95)
    assert tied.low <= 0.5 <= tied.high
    perfect = delong(outcome, outcome.astype(float), 0.95)
    assert perfect.low == pytest.approx(0.025 ** (1 / 3)) and perfect.high == 1.0
    # With no spread at all the interval must not shrink to a point.
    assert perfect.high - perfect.low > 0.5
    assert delong(np.array([1, 0]), np.array([0.2, 0.9]), 0.95).high == pytest.approx(0.975)


def test_bootstrap_depends_on_the_seed_only() -> None:
    rows, frame = scored()
    fair = Measure("equalized_odds_difference", over="group")
    alone = measure(rows, frame, fair)[0]
    assert alone == measure(rows, frame, Measure("brier_score"), fair)[1]


def test_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(20_000)
    outcome = (rng.random(20_000) < probability).astype(np.int64)
    frame = pd.DataFrame(index=range(20_000))
    calibrated = Scored(outcome, probability, (probability >= 0.5).astype(np.int64))
    (small,) = measure(calibrated, frame, Measure("expected_calibration_error"))
    assert float(small.value) < 0.02
    shifted = Scored(outcome, np.clip(probability + 0.2, 0, 1), calibrated.decision)
    (large,) = measure(shifted, frame, Measure("expected_calibration_error"))
    assert float(large.value) == pytest.approx(0.18, abs=0.02)


def test_undefined_is_refused_and_not_called_zero() -> None:
    rows, frame = scored(50)
    zeros, ones = np.zeros(50, dtype=np.int64), np.ones(50, dtype=np.int64)
    for name, case in (
        ("roc_auc", Scored(zeros, rows.probability, rows.decision)),
        ("recall", Scored(zeros, rows.probability, rows.decision)),
        ("precision", Scored(rows.outcome, rows.probability, zeros)),
        ("f1", Scored(zeros, rows.probability, zeros)),
    ):
        with pytest.raises(StageRefused, match="measure is undefined"):
            measure(case, frame, Measure(name))
    with pytest.raises(StageRefused, match="measure is undefined"):
        measure(Scored(rows.outcome, rows.probability, zeros), frame, Measure("demographic_parity_ratio", over="group"))
    one_group = pd.DataFrame({"group": ["a"] * 50})
    with pytest.raises(StageRefused, match="one group only"):
        measure(rows, one_group, Measure("demographic_parity_difference", over="group"))
    lone = pd.DataFrame({"group": ["a", *["b"] * 49]})
    with pytest.raises(StageRefused, match="group too small"):
        measure(
            Scored(ones - np.arange(50) % 2, rows.probability, rows.decision),
            lone,
            Measure("equalized_odds_ratio", over="group"),
        )
    with pytest.raises(StageRefused, match="group is missing"):
        measure(
            rows,
            frame.assign(group=frame["group"].mask(frame.index == 3)),
            Measure("equalized_odds_ratio", over="group"),
        )
    many = pd.DataFrame({"group": range(60)})
    with pytest.raises(StageRefused, match="too many groups"):
        measure(scored(60)[0], many, Measure("demographic_parity_ratio", over="group"))


@pytest.mark.parametrize(
    "asked",
    [
        Measure("rocauc"),
        Measure("roc_auc", each="group"),
        Measure("roc_auc", over="group"),
        Measure("roc_auc", on="elsewhere"),
        Measure("roc_auc", attack={"name": "fgsm"}),
        Measure("demographic_parity_ratio"),
        Measure("demographic_parity_ratio", over="gruop"),
    ],
)
def test_what_cannot_be_measured_is_refused(asked: Measure) -> None:
    rows, frame = scored(50)
    with pytest.raises(StageRefused):
        measure(rows, frame, asked)


def test_fairness_interval_covers() -> None:
    """Two groups with known selection rates 0.3 and 0.5: the 90% interval holds 0.2 about 90 times in 100."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(60):
        group = np.array(["a"] * 150 + ["b"] * 150)
        decision = (rng.random(300) < np.where(group == "a", 0.3, 0.5)).astype(np.int64)
        case = Scored(rng.integers(0, 2, 300), rng.random(300), decision)
        asked = Measure("demographic_parity_difference", over="group", confidence=0.9)
        first = measure(case, pd.DataFrame({"group": group}), asked)[0]
        assert first.low is not None and first.high is not None
        held += first.low <= 0.2 <= first.high
    assert held >= 48


def test_evaluate(bench: Bench, trained: dict[str, Path]) -> None:
    inputs = {"model": trained["model"], "data": trained["test"]}
    measures = [Measure("roc_auc", confidence=0.9), Measure("demographic_parity_difference", over="gender")]
    made = bench.run(evaluate, ROLES, inputs, measures, seed=1)
    again = bench.run(evaluate, ROLES, inputs, measures, seed=1)
    assert made.evidence == again.evidence
    assert value(made, "roc_auc") > 0.7
    predictions = pd.read_parquet(made.artifacts["predictions"])
    assert list(predictions.columns) == ["outcome", "probability", "decision"] and len(predictions) == 120
    assert sklearn.roc_auc_score(predictions["outcome"], predictions["probability"]) == value(made, "roc_auc")
