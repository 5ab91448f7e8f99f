"""Monitor: drift that is there is seen, drift that is not is not, and no data is no pass."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_samples import ROLES, Bench, applications, value

from charter.runtime.stages.api import Measure
from charter.runtime.stages.drift import measure_drift, population_stability_index
from charter.runtime.stages.monitor import monitor
from charter.runtime.stages.packaged import file_digest

pytestmark = pytest.mark.ml

SPEC = {"deployment": "production", "source": "dataset", **ROLES}
PSI = Measure("psi", each="feature")


def inputs(trained: dict[str, Path], **more: Path) -> dict[str, Path]:
    return {"model": trained["model"], "reference": trained["train"], **more}


def index(reference: Any, current: Any, kind: str = "number") -> float:
    return measure_drift("x", kind, reference, current, 0.95, np.random.default_rng(0)).psi


def test_index_of_known_shares() -> None:
    """Shares 0.5, 0.5 against 0.75, 0.25: (0.25 ln 1.5) + (-0.25 ln 0.5) = 0.274653."""
    counts = np.array([[500_000, 500_000], [750_000, 250_000]])
    assert population_stability_index(*counts) == pytest.approx(0.274653, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=8).filter(any),
    st.lists(st.integers(0, 50), min_size=8, max_size=8),
)
def test_index_is_symmetric_and_never_negative(before: list[int], now: list[int]) -> None:
    one, two = np.array(before), np.array(now[: len(before)]) + 1
    there = population_stability_index(one, two)
    assert there >= 0 and np.isfinite(there)
    # Equal numbers of rows: which side is the reference makes no difference.
    assert population_stability_index(one, one) == 0


def test_the_same_population_is_stable_and_a_moved_one_is_not() -> None:
    rng = np.random.default_rng(1)
    reference, same = rng.normal(size=5000), rng.normal(size=2000)
    assert index(reference, same) < 0.02
    assert index(reference, same + 1) > 0.5
    words = rng.choice(["a", "b"], 5000).tolist()
    assert index(words, rng.choice(["a", "b"], 1000).tolist(), "category") < 0.02
    assert index(words, ["c"] * 100, "category") > 1


def test_mean_under_no_drift_is_what_theory_says() -> None:
    """(B - 1)(1/n + 1/m), Yurdakul 2018: ten bins, 1000 and 500 rows, 0.027."""
    rng = np.random.default_rng(2)
    found = [index(rng.normal(size=1000), rng.normal(size=500)) for _ in range(40)]
    assert np.mean(found) == pytest.approx(9 * (1 / 1000 + 1 / 500), rel=0.25)


@pytest.mark.parametrize("mostly", [0.0, 7.5])
def test_a_feature_that_is_mostly_one_value(mostly: float) -> None:
    reference = np.array([mostly] * 960 + list(mostly + np.arange(1, 41)))
    assert index(reference, reference) == 0
    assert index(reference, np.array([mostly] * 50 + [mostly + 5] * 50)) > 0.5
    assert index(np.full(100, mostly), np.full(50, mostly)) < 0.02
    assert index(np.full(100, mostly), np.full(50, mostly + 1)) > 1


def test_every_feature_is_measured_and_reported(bench: Bench, trained: dict[str, Path]) -> None:
    today = applications(300, seed=9)
    today["age"] = (today["age"] / 2).astype(int)
    made = bench.run(
        monitor, SPEC, inputs(trained, current=bench.file("today", today)), [PSI, Measure("accuracy")], seed=1
    )
    assert value(made, "psi", "age") > 0.25 and value(made, "psi", "trade") < 0.1
    assert value(made, "rows") == 300 and 0.5 < value(made, "accuracy") < 1
    (age,) = [item for item in made.evidence if item.item == "age"]
    assert age.each == "feature" and age.low is not None and age.high is not None and age.low < age.value < age.high
    report = json.loads(made.artifacts["report"].read_text())
    assert report["features"]["age"]["psi"] == age.value
    assert sum(report["features"]["age"]["current"]) == 300
    assert len(report["features"]["age"]["bins"]) == len(report["features"]["age"]["reference"]) == 10
    again = bench.run(
        monitor, SPEC, inputs(trained, current=bench.file("today", today)), [PSI, Measure("accuracy")], seed=1
    )
    assert again.artifacts["report"].read_bytes() == made.artifacts["report"].read_bytes()


@pytest.mark.parametrize(
    ("change", "measures", "summary"),
    [
        (lambda rows: rows.iloc[:0], [PSI], "no rows"),
        (lambda rows: rows.drop(columns="age"), [PSI], "no such column"),
        (lambda rows: rows.assign(age=np.nan), [PSI], "feature is unfit"),
        (lambda rows: rows.assign(age="old"), [PSI], "feature is unfit"),
        (lambda rows: rows.assign(trade=1), [PSI], "feature is unfit"),
        (lambda rows: rows.drop(columns="loan"), [Measure("roc_auc")], "no such column"),
        (lambda rows: rows.assign(loan=1), [Measure("roc_auc")], "measure is undefined"),
        (lambda rows: rows, [Measure("error_rate")], "no inference log"),
        (lambda rows: rows, [Measure("psi")], "drift of what"),
        (lambda rows: rows, [Measure("ps")], "unknown metric"),
    ],
)
def test_refusals(bench: Bench, trained: dict[str, Path], change: Any, measures: list[Measure], summary: str) -> None:
    today = bench.file("today", change(applications(100, seed=9)))
    assert bench.refuse(monitor, SPEC, inputs(trained, current=today), measures).summary == summary


def write_log(bench: Bench, *lines: dict[str, Any] | str) -> Path:
    log = bench.root / "state" / "serving" / "production" / "inference.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines]
    log.write_text("".join(texts))
    return bench.root / "state"


def entries(trained: dict[str, Path], rows: pd.DataFrame) -> list[dict[str, Any]]:
    model = file_digest(trained["model"])
    records = rows[["age", "income", "trade"]].to_dict("records")
    return [{"model": model, "features": record, "probability": 0.5, "decision": 1} for record in records]


def test_inference_log(bench: Bench, trained: dict[str, Path]) -> None:
    model = file_digest(trained["model"])
    logged = entries(trained, applications(90, seed=4))
    failed = [{"model": model, "error": "not JSON"}] * 10
    others = [{"model": "sha256:other", "error": "x"}, {"model": model, "smoke": True}]
    state = write_log(bench, *logged, *failed, *others, '{"model": "torn')
    made = bench.run(monitor, SPEC, inputs(trained), [PSI, Measure("error_rate")], state=state)
    assert value(made, "rows") == 90 and value(made, "error_rate") == 0.1
    assert json.loads(made.artifacts["report"].read_text())["source"] == "inference-log"


def test_no_data_is_no_pass(bench: Bench, trained: dict[str, Path]) -> None:
    model = file_digest(trained["model"])
    state = bench.root / "state"
    assert bench.refuse(monitor, SPEC, inputs(trained), [PSI], state=state).summary == "no data"
    write_log(bench, {"model": model, "smoke": True}, {"model": "sha256:other", "error": "x"})
    assert bench.refuse(monitor, SPEC, inputs(trained), [PSI], state=state).summary == "no data"
    for asked in (Measure("error_rate"), Measure("roc_auc")):
        assert bench.refuse(monitor, SPEC, inputs(trained), [asked], state=state).summary == "no data"
    write_log(bench, {"model": model, "error": "not JSON"})
    made = bench.run(monitor, SPEC, inputs(trained), [Measure("error_rate")], state=state)
    assert value(made, "error_rate") == 1.0 and value(made, "rows") == 0
    assert bench.refuse(monitor, SPEC, inputs(trained), [PSI], state=state).summary == "no data"
    assert bench.refuse(monitor, SPEC, inputs(trained), [PSI]).summary == "no data"


def test_outcomes_are_not_in_the_log(bench: Bench, trained: dict[str, Path]) -> None:
    state = write_log(bench, *entries(trained, applications(20)))
    refused = bench.refuse(monitor, SPEC, inputs(trained), [Measure("roc_auc")], state=state)
    assert refused.summary == "outcomes not known"


@pytest.mark.parametrize(
    "line", ["not json\n", "[]\n", "[" * 100_000 + "\n", "\x00\n", '{"model": "M", "features": 1}\n']
)
def test_damaged_log(bench: Bench, trained: dict[str, Path], line: str) -> None:
    logged = entries(trained, applications(5))
    state = write_log(bench, logged[0], line.replace("M", file_digest(trained["model"])), logged[1])
    refused = bench.refuse(monitor, SPEC, inputs(trained), [PSI], state=state)
    assert refused.summary == "inference log is damaged" and "line 2" in refused.detail
