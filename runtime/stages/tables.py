"""Reading the Parquet files that flow between stages, with the checks that every reader needs."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.suggest import suggestion

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def read_frame(path: Path, *, what: str) -> "pd.DataFrame":
    """The rows of one artifact; `what` names it in messages (`the training data`).

    Raises:
        StageRefused: not readable as Parquet, or no rows.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise StageRefused(
            "not a Parquet file",
            f"{what}, `{path.name}`, cannot be read as Parquet ({type(error).__name__}). The stage that made it must "
            "write one whole Parquet file.",
        ) from error
    if len(frame) == 0:
        raise StageRefused("no rows", f"{what} has no rows, so nothing can be learnt or measured from it.")
    return frame


def write_frame(frame: "pd.DataFrame", path: Path) -> Path:
    """Write rows as Parquet; the same rows give the same bytes."""
    frame.to_parquet(path, index=False)
    return path


def require_columns(frame: "pd.DataFrame", columns: Iterable[str], *, what: str) -> None:
    """Refuse unless every column is there.

    Raises:
        StageRefused: one is not; names it and what was probably meant.
    """
    present = [str(name) for name in frame.columns]
    for column in columns:
        if column not in present:
            raise StageRefused("no such column", f"{what} has no column `{column}`.{suggestion(column, present)}")


def read_target(
    frame: "pd.DataFrame", target: str, *, what: str, both_classes: bool = False
) -> "npt.NDArray[np.int64]":
    """The target as 0 and 1.

    Raises:
        StageRefused: no such column, missing values, anything but 0 and 1 (or false and true), or only one
            class where both are needed.
    """
    import numpy as np

    require_columns(frame, [target], what=what)
    column = frame[target]
    missing = int(column.isna().sum())
    if missing:
        raise StageRefused(
            "target is missing",
            f"{what} has {missing} of {len(column)} rows without a value of the target `{target}`. Rows without "
            "an outcome cannot be learnt from or scored: remove them at the source, or fill in what happened.",
        )
    if column.dtype.kind not in "biuf" or not column.isin([0, 1]).all():
        raise StageRefused(
            "target is not 0 or 1",
            f"the target `{target}` of {what} must hold 0 and 1 (or false and true) for a binary classification; "
            f"it has {_kinds(column)}. Map the outcome to 0 and 1 where the data are made.",
        )
    labels = column.to_numpy().astype(np.int64)
    if both_classes and (labels.min() == labels.max()):
        raise StageRefused(
            "one class only",
            f"every row of {what} has the same `{target}`, {labels[0]}. With one class nothing can be learnt or "
            "told apart: check how the rows were selected.",
        )
    return labels


def _kinds(column: "pd.Series[Any]") -> str:
    distinct = int(column.nunique())
    kind = "numbers" if column.dtype.kind in "biuf" else "text or mixed values"
    return f"{distinct} different {kind}"
