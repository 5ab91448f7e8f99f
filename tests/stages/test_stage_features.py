"""From rows to numbers: what is a feature, what is refused, and the same numbers everywhere."""

import numpy as np
import pandas as pd
import pytest
from stage_samples import ROLES, applications

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.features import (
    columns_of,
    encode,
    feature_columns,
    feature_names,
    learn_preprocessing,
    width,
)

pytestmark = pytest.mark.ml


def test_target_personal_and_protected_columns_are_no_features() -> None:
    preprocessing = learn_preprocessing(applications(50), ROLES)
    assert feature_names(preprocessing) == ["age", "income", "trade"]
    assert width(preprocessing) == 5


def test_numbers_are_standardised_and_text_is_one_hot() -> None:
    rows = applications(200)
    preprocessing = learn_preprocessing(rows, ROLES)
    matrix = encode(preprocessing, columns_of(rows, feature_names(preprocessing), what="rows"))
    assert matrix.dtype == np.float32 and matrix.shape == (200, 5)
    assert abs(matrix[:, :2].mean()) < 1e-6 and matrix[:, :2].std(axis=0) == pytest.approx([1, 1], abs=1e-5)
    assert (matrix[:, 2:].sum(axis=1) == 1).all()


def test_rows_encode_alike_from_a_frame_and_from_a_request() -> None:
    rows = applications(20)
    preprocessing = learn_preprocessing(rows, ROLES)
    names = feature_names(preprocessing)
    from_frame = encode(preprocessing, columns_of(rows, names, what="rows"))
    from_lists = encode(preprocessing, {name: rows[name].tolist() for name in names})
    assert (from_frame == from_lists).all()


def test_unseen_level_is_all_zeros_and_a_constant_stays_finite() -> None:
    rows = applications(20).assign(age=5)
    preprocessing = learn_preprocessing(rows, ROLES)
    matrix = encode(preprocessing, {"age": [5, 9], "income": [1.0, 2.0], "trade": ["space", "farm"]})
    assert matrix[0, 2:].sum() == 0 and matrix[1, 2:].sum() == 1
    assert matrix[:, 0].tolist() == [0, 4]


@pytest.mark.parametrize(
    ("column", "summary"),
    [
        ([1.0, np.nan], "missing values"),
        ([1.0, np.inf], "not a number"),
        ([1e308, -1e308], "number out of range"),
        (["a", None], "missing values"),
        ([pd.Timestamp("2026-01-01")] * 2, "not a feature"),
        ([b"a", b"b"], "not a feature"),
    ],
)
def test_columns_that_cannot_be_learnt_from(column: list[object], summary: str) -> None:
    frame = pd.DataFrame({"x": column, "loan": [0, 1]})
    with pytest.raises(StageRefused) as caught:
        learn_preprocessing(frame, {"target": "loan"})
    assert caught.value.summary == summary and "`x`" in caught.value.detail


def test_an_identifier_is_no_category_and_nothing_is_no_feature() -> None:
    rows = applications(400)
    with pytest.raises(StageRefused, match="too many levels"):
        learn_preprocessing(rows, {**ROLES, "personal": []})
    with pytest.raises(StageRefused, match="no features"):
        learn_preprocessing(rows[["loan", "gender"]], ROLES)
    assert feature_columns(rows, {"target": "loan"}) == ["name", "gender", "age", "income", "trade"]


@pytest.mark.parametrize(
    "age",
    ["41", None, [41], {"a": 1}, float("nan"), float("inf"), 10**400, 1e300, "", [[1], [1, 2]]],
    ids=repr,
)
def test_hostile_numbers(age: object) -> None:
    preprocessing = learn_preprocessing(applications(20), ROLES)
    with pytest.raises(StageRefused):
        encode(preprocessing, {"age": [40, age], "income": [1, 2], "trade": ["farm", "farm"]})


@pytest.mark.parametrize("trade", [None, 1, 1.5, ["farm"], float("nan"), True], ids=repr)
def test_hostile_text(trade: object) -> None:
    preprocessing = learn_preprocessing(applications(20), ROLES)
    with pytest.raises(StageRefused, match="`trade`"):
        encode(preprocessing, {"age": [40], "income": [1], "trade": [trade]})


def test_missing_column_is_suggested() -> None:
    preprocessing = learn_preprocessing(applications(20), ROLES)
    frame = applications(5).rename(columns={"trade": "trades"})
    with pytest.raises(StageRefused, match="Did you mean `trades`"):
        columns_of(frame, feature_names(preprocessing), what="rows")
    with pytest.raises(StageRefused, match="`age`"):
        encode(preprocessing, {"income": [1], "trade": ["farm"]})
