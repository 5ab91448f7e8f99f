"""Training: the same seed gives the same model, the penalty works, and bad rows or parameters are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stage_samples import ROLES, Bench, applications, value

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.model_file import load_model
from charter.runtime.stages.parameters import Parameters, read_parameters
from charter.runtime.stages.train import tabular_mlp

pytestmark = pytest.mark.ml


def spec(**parameters: Any) -> dict[str, Any]:
    quick = {"hidden": [8], "epochs": 4, "learning-rate": 0.01}
    return {"task": "binary-classification", **ROLES, "parameters": quick | parameters}


def test_same_seed_same_bytes_on_any_number_of_threads(bench: Bench, trained: dict[str, Path]) -> None:
    inputs = {"train": trained["train"], "validation": trained["validation"]}
    made = [
        bench.run(tabular_mlp, spec(), inputs, seed=seed, threads=threads).artifacts["model"].read_bytes()
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    ]
    assert made[0] == made[1] != made[2]


def test_validation_decides_which_epoch_is_kept(bench: Bench, trained: dict[str, Path]) -> None:
    inputs = {"train": trained["train"], "validation": trained["validation"]}
    overfit = spec(hidden=[64, 64], epochs=40, **{"learning-rate": 0.02})
    with_validation = bench.run(tabular_mlp, overfit, inputs)
    assert value(with_validation, "kept_epoch") < 40
    assert value(with_validation, "validation_loss") > 0
    without = bench.run(tabular_mlp, overfit, {"train": trained["train"]})
    assert value(without, "kept_epoch") == 40
    assert value(without, "training_loss") < value(with_validation, "training_loss")


def test_penalty_narrows_the_gap_in_grants(bench: Bench, trained: dict[str, Path]) -> None:
    rows = pd.read_parquet(trained["test"])
    gaps = []
    for penalty in (0.0, 2.0):
        asked = spec(epochs=20, **{"fairness-penalty": penalty, "fairness-over": "gender"})
        model = load_model(bench.run(tabular_mlp, asked, {"train": trained["train"]}).artifacts["model"])
        means = pd.Series(model.predict_probability(rows)).groupby(rows["gender"].to_numpy()).mean()
        gaps.append(abs(means["Male"] - means["Female"]))
    assert gaps[1] < gaps[0] / 3


def test_gender_and_names_are_no_features(trained: dict[str, Path]) -> None:
    model = load_model(trained["model"])
    assert model.features == ["age", "income", "trade"]
    content = trained["model"].read_bytes()
    assert b"person" not in content and b"Female" not in content


@pytest.mark.parametrize(
    ("change", "summary"),
    [
        (lambda rows: rows.assign(loan=0), "one class only"),
        (lambda rows: rows.assign(loan=rows["loan"].astype(float).mask(rows.index == 1)), "target is missing"),
        (lambda rows: rows.assign(loan=rows["loan"].astype(str)), "target is not 0 or 1"),
        (lambda rows: rows.assign(loan=rows["loan"] * 0.5), "target is not 0 or 1"),
        (lambda rows: rows.assign(income=rows["income"].mask(rows.index == 1)), "missing values"),
        (lambda rows: rows.assign(income=rows["income"].mask(rows.index == 1, np.inf)), "not a number"),
        (lambda rows: rows.iloc[:0], "no rows"),
        (lambda rows: rows[["loan", "gender"]], "no features"),
        (lambda rows: rows.drop(columns="loan"), "no such column"),
    ],
)
def test_rows_that_cannot_be_learnt_from(bench: Bench, change: Any, summary: str) -> None:
    data = bench.file("train", change(applications(60)))
    assert bench.refuse(tabular_mlp, spec(), {"train": data}).summary == summary


def test_penalty_over_missing_groups(bench: Bench) -> None:
    rows = applications(60)
    asked = spec(**{"fairness-penalty": 1, "fairness-over": "gender"})
    holes = bench.file("train", rows.assign(gender=rows["gender"].mask(rows.index == 1)))
    assert bench.refuse(tabular_mlp, asked, {"train": holes}).summary == "group is missing"
    one = bench.file("train", rows.assign(gender="Male"))
    assert bench.refuse(tabular_mlp, asked, {"train": one}).summary == "one group only"


def test_validation_of_another_shape(bench: Bench, trained: dict[str, Path]) -> None:
    other = bench.file("validation", applications(30).drop(columns="trade"))
    inputs = {"train": trained["train"], "validation": other}
    refused = bench.refuse(tabular_mlp, spec(), inputs)
    assert refused.summary == "no such column" and "validation data" in refused.detail


def test_diverging_training(bench: Bench, trained: dict[str, Path]) -> None:
    asked = spec(hidden=[64] * 12, epochs=8, **{"learning-rate": 10.0})
    try:
        bench.run(tabular_mlp, asked, {"train": trained["train"]})
    except StageRefused as refused:
        assert refused.summary in {"training diverged", "program differs from module"}


def test_parameters_as_a_charter_spells_them() -> None:
    given = {
        "hidden": [64, 32],
        "dropout": 0.2,
        "epochs": 3,
        "learning-rate": 1e-3,
        "batch-size": 64,
        "seed": 7,
        "fairness-penalty": 0.5,
        "fairness-over": "gender",
    }
    assert read_parameters(given, ["gender"]) == Parameters((64, 32), 0.2, 3, 1e-3, 64, 0.5, "gender")
    assert read_parameters({"hidden": 16, "epochs": 5.0}, []).hidden == (16,)
    assert read_parameters({"hidden": []}, []).hidden == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"learning_rate": 0.1}, "Did you mean `learning-rate`?"),
        ({"hiden": [1]}, "Did you mean `hidden`?"),
        ({"epochs": 0}, "from 1 to 10000"),
        ({"epochs": 2.5}, "whole number"),
        ({"epochs": "many"}, "from 1"),
        ({"epochs": True}, "from 1"),
        ({"epochs": float("nan")}, "from 1"),
        ({"dropout": 1}, "from 0 to 0.95"),
        ({"hidden": [0]}, "from 1"),
        ({"hidden": "64"}, "from 1"),
        ({"hidden": [1] * 21}, "21 layers"),
        ({"fairness-penalty": 1}, "needs `fairness-over`"),
        ({"fairness-penalty": 1, "fairness-over": "gander"}, "Did you mean `gender`?"),
        ({"fairness-over": "income"}, "protected"),
        ({"fairness-over": ["gender"]}, "protected"),
    ],
)
def test_parameters_that_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(StageRefused) as caught:
        read_parameters(given, ["gender"])
    assert words in caught.value.detail


def test_other_tasks_are_refused(bench: Bench, trained: dict[str, Path]) -> None:
    asked = {**spec(), "task": "regression"}
    assert bench.refuse(tabular_mlp, asked, {"train": trained["train"]}).summary == "unknown task"
