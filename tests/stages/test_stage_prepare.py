"""Prepare: each step, and the proof that nothing is learnt from rows that will be tested on."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from stage_samples import ROLES, SPLIT, Bench, applications, value

from charter.runtime.stages.partition import assign_parts
from charter.runtime.stages.prepare import prepare

pytestmark = pytest.mark.ml


def spec(*steps: dict[str, Any], split: Any = SPLIT) -> dict[str, Any]:
    return {"steps": list(steps), "split": split, **ROLES}


def prepared(bench: Bench, frame: pd.DataFrame, *steps: dict[str, Any], split: Any = SPLIT) -> pd.DataFrame:
    made = bench.run(prepare, spec(*steps, split=split), {"data": bench.file("data", frame)})
    return pd.read_parquet(made.artifacts["data"])


@pytest.mark.parametrize("how", ["median", "mean", "mode"])
def test_imputed_value_is_learnt_from_training_rows_only(bench: Bench, how: str) -> None:
    rows = applications(400)
    rows["income"] = rows["income"].round()
    holes = rows.index % 10 == 0
    training = assign_parts(rows, SPLIT) == "train"
    step = {"do": "impute", "columns": ["income"], "with": how}
    clean = prepared(bench, rows.assign(income=rows["income"].mask(holes)), step)
    # Whatever the other rows hold, what is filled in stays the same.
    poisoned = rows.assign(income=rows["income"].where(training, 1e9).mask(holes))
    assert (prepared(bench, poisoned, step)["income"][holes] == clean["income"][holes]).all()
    # And it is what the training rows say.
    known = rows["income"][training & ~holes]
    expected = {"median": known.median(), "mean": known.mean(), "mode": known.mode().iloc[0]}[how]
    assert clean["income"][holes].tolist() == pytest.approx([expected] * holes.sum())
    # Without a split there is no test, and all rows are learnt from.
    assert prepared(bench, poisoned, step, split=None)["income"][holes].iloc[0] != pytest.approx(expected)


def test_levels_are_learnt_from_training_rows_only(bench: Bench) -> None:
    rows = applications(400)
    training = assign_parts(rows, SPLIT) == "train"
    unseen = rows.assign(trade=rows["trade"].where(training, "smuggler"))
    made = prepared(bench, unseen, {"do": "encode", "columns": ["trade"], "with": "one-hot"})
    assert [name for name in made.columns if name.startswith("trade")] == ["trade=farm", "trade=office", "trade=shop"]
    assert made.loc[~training, ["trade=farm", "trade=office", "trade=shop"]].to_numpy().sum() == 0
    step = {"do": "encode", "columns": ["trade"], "with": "ordinal"}
    refused = bench.refuse(prepare, spec(step), {"data": bench.file("data", unseen)})
    assert refused.summary == "level not seen in training"


def test_a_step_that_moves_rows_after_learning_is_refused(bench: Bench) -> None:
    rows = applications(100).drop(columns="name")
    twice = pd.concat([rows, rows], ignore_index=True)
    impute, drop = {"do": "impute", "columns": ["income"], "with": "mean"}, {"do": "drop duplicates"}
    assert len(prepared(bench, twice, drop, impute)) == 100
    assert bench.refuse(prepare, spec(impute, drop), {"data": bench.file("data", twice)}).summary == "step too late"
    by_trade = {**SPLIT, "stratified_by": "trade"}
    holes = rows.assign(trade=rows["trade"].mask(rows.index % 4 == 0))
    steps = (impute, {"do": "impute", "columns": ["trade"], "with": "mode"})
    refused = bench.refuse(prepare, spec(*steps, split=by_trade), {"data": bench.file("data", holes)})
    assert refused.summary == "step too late" and "`trade`" in refused.detail


def test_learning_needs_a_part_to_learn_from(bench: Bench) -> None:
    other = {**SPLIT, "parts": {"fit": 0.5, "test": 0.5}}
    step = {"do": "impute", "columns": ["income"], "with": "mean"}
    refused = bench.refuse(prepare, spec(step, split=other), {"data": bench.file("data", applications(50))})
    assert refused.summary == "no part to learn from"


def test_bin(bench: Bench) -> None:
    rows = applications(5).assign(age=[24, 25, 39, 40, 90])
    made = prepared(bench, rows, {"do": "bin", "column": "age", "into": "group", "at": [25, 40]}, split=None)
    assert made["group"].tolist() == ["under 25", "25 to 40", "25 to 40", "40 and over", "40 and over"]
    rows["age"] = rows["age"].astype(float).mask(rows.index == 2)
    made = prepared(bench, rows, {"do": "bin", "column": "age", "into": "group", "at": [25, 40]}, split=None)
    assert made["group"].isna().tolist() == [False, False, True, False, False]


def test_drop_and_counts(bench: Bench) -> None:
    rows = applications(20).drop(columns="name").assign(trade=["farm"] * 19 + [None])
    twice = pd.concat([rows, rows])
    steps = (
        {"do": "drop duplicates"},
        {"do": "drop columns", "columns": ["age"]},
        {"do": "impute", "columns": ["trade"], "with": "mode"},
    )
    made = bench.run(prepare, spec(*steps, split=None), {"data": bench.file("data", twice)})
    frame = pd.read_parquet(made.artifacts["data"])
    assert len(frame) == 20 and "age" not in frame and (frame["trade"] == "farm").all()
    assert value(made, "rows_dropped") == 20 and value(made, "imputed", "trade") == 1


def test_ordinal(bench: Bench) -> None:
    made = prepared(bench, applications(30), {"do": "encode", "columns": ["trade"], "with": "ordinal"}, split=None)
    assert set(made["trade"]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("step", "summary"),
    [
        ({"do": "drop columns", "columns": ["agee"]}, "no such column"),
        ({"do": "drop columns", "columns": ["loan"]}, "target dropped"),
        ({"do": "impute", "columns": ["loan"], "with": "mode"}, "impute of the target column"),
        ({"do": "impute", "columns": ["trade"], "with": "median"}, "not a number"),
        ({"do": "impute", "columns": ["empty"], "with": "median"}, "nothing to learn from"),
        ({"do": "bin", "column": "trade", "into": "g", "at": [1]}, "not a number"),
        ({"do": "bin", "column": "age", "into": "trade", "at": [1]}, "column exists"),
        ({"do": "bin", "column": "age", "into": "g", "at": [2, 1]}, "edges do not ascend"),
        ({"do": "bin", "column": "age", "into": "g", "at": []}, "edges do not ascend"),
        ({"do": "encode", "columns": ["gender"], "with": "one-hot"}, "encode of the protected column"),
        ({"do": "encode", "columns": ["name"], "with": "one-hot"}, "encode of the personal column"),
        ({"do": "encode", "columns": ["note"], "with": "one-hot"}, "too many levels"),
        ({"do": "encode", "columns": ["empty"], "with": "one-hot"}, "missing values"),
        ({"do": "redact", "columns": ["name"]}, "unknown step"),
    ],
)
def test_refusals(bench: Bench, step: dict[str, Any], summary: str) -> None:
    rows = applications(600)
    rows = rows.assign(note=rows["name"], empty=np.nan)
    assert bench.refuse(prepare, spec(step), {"data": bench.file("data", rows)}).summary == summary


def test_input_that_is_no_parquet(bench: Bench) -> None:
    path = bench.root / "data.parquet"
    path.write_bytes(b"PAR1 half a file")
    assert bench.refuse(prepare, spec(), {"data": path}).summary == "not a Parquet file"
