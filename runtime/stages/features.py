"""From rows to the numbers a model sees: learnt once from the training rows, then a plain JSON document.

The document travels with the model and with the served package; training, evaluation and serving all
encode with `encode`, so they cannot drift apart. Numbers are standardised, text is one-hot over the levels of the
training rows, and a level that training never saw is all zeros. A missing value is refused: what
to put in its place is the charter's decision (`impute`), not this module's.

Target, personal and protected columns are no features. Leaving protected attributes out does not make
a model fair (other columns stand in for them); they stay in the data so that fairness can be measured.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.suggest import suggestion

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

MOST_LEVELS = 200
"""Levels above which a text column is an identifier or free text, not a category."""

Preprocessing = Mapping[str, Any]
"""`{"version": 1, "features": [...]}`; a feature is `{"name", "kind": "number", "mean", "scale"}` or
`{"name", "kind": "category", "levels"}`."""


def feature_columns(frame: "pd.DataFrame", spec: Mapping[str, Any]) -> list[str]:
    """Every column but the target, personal and protected ones, in the order of the file."""
    excluded = {spec["target"], *spec.get("personal", ()), *spec.get("protected", ())}
    return [name for name in frame.columns if name not in excluded]


def learn_preprocessing(frame: "pd.DataFrame", spec: Mapping[str, Any]) -> Preprocessing:
    """Means, scales and levels of the training rows.

    Args:
        frame: the training rows.
        spec: with `target`, `protected` and `personal`, which are left out.

    Raises:
        StageRefused: no feature left, missing or infinite values, or a column that is no feature.
    """
    names = feature_columns(frame, spec)
    if not names:
        raise StageRefused(
            "no features",
            "besides the target, personal and protected columns the training data have no column to learn from.",
        )
    return {"version": 1, "features": [_learn(frame[name]) for name in names]}


def _learn(column: "pd.Series[Any]") -> dict[str, Any]:
    import numpy as np

    name = str(column.name)
    missing = int(column.isna().sum())
    if missing:
        raise StageRefused(
            "missing values",
            f"`{name}` misses {missing} of {len(column)} values in the training data. Add `impute {name} with ...` to "
            "`prepare`, or drop the column.",
        )
    if column.dtype.kind in "biuf":
        values = _numbers(name, column.to_numpy())
        with np.errstate(over="ignore"):
            mean, scale = float(values.mean()), float(values.std())
        if not math.isfinite(mean + scale):
            raise StageRefused("number out of range", f"the numbers of `{name}` are too large to compute with.")
        return {"name": name, "kind": "number", "mean": mean, "scale": scale or 1.0}
    if all(isinstance(value, str) for value in column):
        return {"name": name, "kind": "category", "levels": _levels(column)}
    raise StageRefused(
        "not a feature",
        f"`{name}` holds `{column.dtype}`; a feature holds numbers, true and false, or text. Drop the column, or "
        "turn it into a number where the data are made.",
    )


def _levels(column: "pd.Series[Any]") -> list[str]:
    levels = sorted(column.unique().tolist())
    if len(levels) > MOST_LEVELS:
        raise StageRefused(
            "too many levels",
            f"the text column `{column.name}` has {len(levels)} different values in {len(column)} training rows; "
            f"more than {MOST_LEVELS} is an identifier or free text, not a category. Drop it, declare it `personal`, "
            "or group its values at the source.",
        )
    return levels


def feature_names(preprocessing: Preprocessing) -> list[str]:
    """The columns a model reads, in its order."""
    return [feature["name"] for feature in preprocessing["features"]]


def width(preprocessing: Preprocessing) -> int:
    """Numbers a row becomes."""
    return sum(len(feature["levels"]) if feature["kind"] == "category" else 1 for feature in preprocessing["features"])


def columns_of(frame: "pd.DataFrame", names: Iterable[str], *, what: str) -> dict[str, Sequence[Any]]:
    """The named columns of a frame as `encode` takes them; a missing column is refused."""
    present = [str(name) for name in frame.columns]
    for name in names:
        if name not in present:
            raise StageRefused(
                "no such column", f"{what} has no column `{name}`, which the model reads.{suggestion(name, present)}"
            )
    return {name: _sequence(frame[name]) for name in names}


def _sequence(column: "pd.Series[Any]") -> Sequence[Any]:
    values: Any = column.to_numpy() if column.dtype.kind in "biuf" else column.tolist()
    sequence: Sequence[Any] = values
    return sequence


def encode(preprocessing: Preprocessing, columns: Mapping[str, Sequence[Any]]) -> "npt.NDArray[np.float32]":
    """Rows as a float32 matrix, (rows, width).

    Args:
        preprocessing: as `learn_preprocessing` made it.
        columns: values by column name, all of one length; further columns are not looked at.

    Raises:
        StageRefused: a column is not there, or a value is missing, of the wrong kind or not finite.
    """
    import numpy as np

    blocks = []
    for feature in preprocessing["features"]:
        name = feature["name"]
        if name not in columns:
            raise StageRefused("no such column", f"the column `{name}` is missing, and the model reads it.")
        if feature["kind"] == "number":
            values = _numbers(name, columns[name])
            blocks.append(((values - feature["mean"]) / feature["scale"])[:, None])
        else:
            blocks.append(_one_hot(name, columns[name], feature["levels"]))
    with np.errstate(over="ignore"):
        matrix = np.concatenate(blocks, axis=1).astype(np.float32)
    if not np.isfinite(matrix).all():
        raise StageRefused("number out of range", "a number is too large for the model to compute with.")
    return matrix


def _numbers(name: str, values: Any) -> "npt.NDArray[np.float64]":
    import numpy as np

    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf" or array.ndim != 1:
        raise StageRefused("not a number", f"the column `{name}` holds a missing value or something that is no number.")
    numbers = array.astype(np.float64)
    bad = int((~np.isfinite(numbers)).sum())
    if bad:
        raise StageRefused("not a number", f"the column `{name}` has {bad} values that are missing or not finite.")
    return numbers


def _one_hot(name: str, values: Sequence[Any], levels: Sequence[str]) -> "npt.NDArray[np.float64]":
    import numpy as np

    place = {level: index for index, level in enumerate(levels)}
    if not all(isinstance(value, str) for value in values):
        raise StageRefused("not text", f"the column `{name}` holds a missing value or something that is no text.")
    codes = np.array([place.get(value, -1) for value in values], dtype=np.int64)
    block = np.zeros((len(codes), len(levels)))
    known = codes >= 0
    block[np.flatnonzero(known), codes[known]] = 1.0
    return block
