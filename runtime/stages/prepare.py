"""The prepare stage: drop, bin, impute and encode, in the charter's order.

What is learnt from rows (a median, the categories) is learnt from those that the split will put into the
training part, so that nothing of the test rows leaks into what the model sees. Without a split it is
learnt from all rows.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import Evidence, StageContext, StageRefused, StageResult
from charter.runtime.stages.features import MOST_LEVELS
from charter.runtime.stages.partition import TRAINING_PART, assign_parts
from charter.runtime.stages.tables import read_frame, require_columns, write_frame

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

_WHAT = "the data to prepare"


@dataclass
class _Work:
    """The rows on their way through the steps, and the training rows once something was learnt."""

    frame: "pd.DataFrame"
    spec: Mapping[str, Any]
    assigned: "npt.NDArray[np.str_] | None" = None
    evidence: list[Evidence] = field(default_factory=list)

    def training(self) -> "pd.DataFrame":
        """The rows that may be learnt from."""
        split = self.spec.get("split")
        if split is None:
            return self.frame
        if TRAINING_PART not in split["parts"]:
            raise StageRefused(
                "no part to learn from",
                f"`impute` and `encode` learn from the part that is called `{TRAINING_PART}`, and the split has none.",
            )
        if self.assigned is None:
            self.assigned = assign_parts(self.frame, split)
        rows: pd.DataFrame = self.frame[self.assigned == TRAINING_PART]
        return rows


def prepare(context: StageContext) -> StageResult:
    """Carry out `spec["steps"]`; see the module's docstring for what is learnt from where."""
    work = _Work(read_frame(context.inputs["data"], what=_WHAT), context.spec)
    before = len(work.frame)
    for step in context.spec["steps"]:
        do = str(step["do"])
        if do not in _STEPS:
            raise StageRefused("unknown step", f"`{do}` is not a step of `prepare` that this version can do.")
        _STEPS[do](work, step)
        if do != "drop duplicates":
            continue
        if work.assigned is not None and len(work.assigned) != len(work.frame):
            raise _too_late("drop duplicates")
    _check_assignment(work)
    out = write_frame(work.frame, context.out / "data.parquet")
    counts = (
        Evidence("rows", len(work.frame), "count", n=before),
        Evidence("rows_dropped", before - len(work.frame), "count", n=before),
    )
    return StageResult(artifacts={"data": out}, evidence=(*counts, *work.evidence))


def _check_assignment(work: _Work) -> None:
    """The split will assign parts on the rows as they are now; it must come to what was learnt from."""
    import numpy as np

    if work.assigned is None:
        return
    split = work.spec["split"]
    if not np.array_equal(work.assigned, assign_parts(work.frame, split)):
        raise _too_late(f"what changes `{split.get('stratified_by')}`, which the split is stratified by,")


def _too_late(step: str) -> StageRefused:
    return StageRefused(
        "step too late",
        f"{step} comes after a step that learns from the training rows (`impute` or `encode`), and changes which "
        "rows these are, so test rows would have been learnt from. Move it before them in `prepare`.",
    )


def _drop_duplicates(work: _Work, _step: Mapping[str, Any]) -> None:
    work.frame = work.frame.drop_duplicates(ignore_index=True)


def _drop_columns(work: _Work, step: Mapping[str, Any]) -> None:
    columns = list(step["columns"])
    require_columns(work.frame, columns, what=_WHAT)
    if work.spec.get("target") in columns:
        raise StageRefused(
            "target dropped", f"`{work.spec['target']}` is the target; nothing can be learnt without it."
        )
    work.frame = work.frame.drop(columns=columns)


def _bin(work: _Work, step: Mapping[str, Any]) -> None:
    """Left-closed groups: `at 25, 40` gives `under 25`, `25 to 40` (25 up to, not including 40), `40 and over`."""
    import numpy as np
    import pandas as pd

    column, into, edges = str(step["column"]), str(step["into"]), [float(edge) for edge in step["at"]]
    require_columns(work.frame, [column], what=_WHAT)
    if into in work.frame.columns:
        raise StageRefused(
            "column exists", f"`bin {column} into {into}` would replace the column `{into}`; name a new one."
        )
    if work.frame[column].dtype.kind not in "iuf":
        raise StageRefused("not a number", f"`bin` needs numbers, and `{column}` holds text or true and false.")
    if not edges or any(left >= right for left, right in itertools.pairwise(edges)):
        raise StageRefused(
            "edges do not ascend", f"the edges of `bin {column}` must ascend, each larger than the one before."
        )
    labels = [f"under {edges[0]:g}"]
    labels += [f"{left:g} to {right:g}" for left, right in itertools.pairwise(edges)]
    labels += [f"{edges[-1]:g} and over"]
    cut = pd.cut(work.frame[column], [-np.inf, *edges, np.inf], right=False, labels=labels)
    work.frame = work.frame.assign(**{into: cut.astype("str").where(cut.notna(), None).astype("str")})


def _impute(work: _Work, step: Mapping[str, Any]) -> None:
    columns = list(step["columns"])
    require_columns(work.frame, columns, what=_WHAT)
    for column in columns:
        _refuse_target(work, column, "impute", ("target",))
        missing = work.frame[column].isna()
        value = _typical(work.training()[column], str(step["with"]))
        filled = work.frame[column].where(~missing, value)
        work.frame = work.frame.assign(**{column: filled.infer_objects()})
        work.evidence.append(
            Evidence("imputed", int(missing.sum()), "count", n=len(missing), each="column", item=column)
        )


def _typical(values: "pd.Series[Any]", how: str) -> Any:
    """Median, mean or mode of the known values; of equally frequent ones, the first in order."""
    known = values.dropna()
    if len(known) == 0:
        raise StageRefused(
            "nothing to learn from",
            f"every training row misses `{values.name}`, so it cannot be imputed. Drop the column, or mend the source.",
        )
    if how == "mode":
        return known.mode().iloc[0]
    if known.dtype.kind not in "iuf":
        raise StageRefused(
            "not a number", f"`{values.name}` holds no numbers, so it has no {how}: impute it with `mode`."
        )
    return float(known.median() if how == "median" else known.mean())


def _encode(work: _Work, step: Mapping[str, Any]) -> None:
    columns = list(step["columns"])
    require_columns(work.frame, columns, what=_WHAT)
    for column in columns:
        _refuse_target(work, column, "encode", ("target", "protected", "personal"))
        levels = _levels(work, column)
        if step["with"] == "one-hot":
            made = {f"{column}={level}": (work.frame[column] == level).astype("int64") for level in levels}
            clash = [name for name in made if name in work.frame.columns]
            if clash:
                raise StageRefused(
                    "column exists", f"`encode {column}` would replace the column `{clash[0]}`; rename it."
                )
            work.frame = work.frame.drop(columns=column).assign(**made)
        else:
            work.frame = work.frame.assign(**{column: _codes(work.frame[column], levels)})


def _levels(work: _Work, column: str) -> list[Any]:
    if work.frame[column].isna().any():
        raise StageRefused("missing values", f"`{column}` has missing values; `impute` it before `encode`.")
    levels = sorted(work.training()[column].unique().tolist())
    if len(levels) > MOST_LEVELS:
        raise StageRefused(
            "too many levels",
            f"`{column}` has {len(levels)} different values in the training rows; more than {MOST_LEVELS} is an "
            "identifier or free text, not a category. Drop it, or group its values at the source.",
        )
    return levels


def _codes(values: "pd.Series[Any]", levels: Sequence[Any]) -> "pd.Series[int]":
    codes = values.map({level: code for code, level in enumerate(levels)})
    unseen = int(codes.isna().sum())
    if unseen:
        raise StageRefused(
            "level not seen in training",
            f"{unseen} rows have a value of `{values.name}` that no training row has, and an ordinal code cannot "
            "express it. Use `one-hot`, where it is all zeros, or group rare values at the source.",
        )
    return codes.astype("int64")


def _refuse_target(work: _Work, column: str, step: str, roles: Sequence[str]) -> None:
    for role in roles:
        named = work.spec.get(role) or ()
        if column == named or (not isinstance(named, str) and column in named):
            raise StageRefused(
                f"{step} of the {role} column",
                f"`{column}` is {'the target' if role == 'target' else role} and must stay as it was recorded, or "
                f"what is measured over it would mean something else. Take it out of `{step}`.",
            )


_STEPS: Mapping[str, Callable[[_Work, Mapping[str, Any]], None]] = {
    "drop duplicates": _drop_duplicates,
    "drop columns": _drop_columns,
    "bin": _bin,
    "impute": _impute,
    "encode": _encode,
}
