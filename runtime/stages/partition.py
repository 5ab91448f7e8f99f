"""Which row goes to which part of a split: one seeded function that `prepare` and `split` share.

`prepare` learns medians and categories from the rows that will become the training part, so both must
agree on which these are. The order of rows comes from SplitMix64 over (seed, row number), that of groups (rows that
belong together) from SHA-256 over (seed, value), not from a library's generator: the same seed gives the same parts
with every version of every library.
Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.tables import require_columns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

_SHARE_TOLERANCE = 1e-9


TRAINING_PART = "train"
"""The part that `prepare` learns from."""


def assign_parts(frame: "pd.DataFrame", split: Mapping[str, Any]) -> "npt.NDArray[np.str_]":
    """For every row, the name of its part. In which order the parts are listed makes no difference.

    Within each stratum a part gets its share of rows, off by less than one; what rounding leaves over goes
    to the parts that earlier strata left short, so many small strata do not starve a part. A missing value
    of the column that stratifies is a stratum of its own.

    Args:
        frame: the rows, in the order in which they will be split.
        split: `{"parts": {"train": 0.7, ...}, "stratified_by": column or None, "seed": int or None}`; with
            `"grouped_by": column`, all rows with one value of it go to one part.

    Raises:
        StageRefused: shares that do not add up to 1, no such column, or a row without a group.
    """
    import numpy as np

    parts: Mapping[str, float] = split["parts"]
    names = sorted(parts)
    shares = np.array([float(parts[name]) for name in names])
    if abs(shares.sum() - 1) > _SHARE_TOLERANCE or (shares <= 0).any():
        raise StageRefused(
            "shares do not add up",
            f"the parts {_listed(parts)} must each be more than 0% and add up to 100%.",
        )
    seed = int(split.get("seed") or 0)
    if split.get("grouped_by") is not None:
        return np.array(names)[_whole_groups(frame, str(split["grouped_by"]), shares, seed)]
    keys = _keys(len(frame), seed)
    assigned = np.empty(len(frame), dtype=np.int64)
    owed = np.zeros(len(shares))
    for rows in _strata(frame, split.get("stratified_by")):
        shuffled = rows[np.argsort(keys[rows], kind="stable")]
        quota = shares * len(shuffled)
        counts = np.floor(quota + _SHARE_TOLERANCE).astype(np.int64)
        owed += quota
        # A part whose quota is whole has it already, whatever it is owed from before.
        short = np.where(quota - counts > _SHARE_TOLERANCE, owed - counts, -np.inf)
        counts[np.argsort(-short, kind="stable")[: len(shuffled) - int(counts.sum())]] += 1
        owed -= counts
        assigned[shuffled] = np.repeat(np.arange(len(shares)), counts)
    return np.array(names)[assigned]


def _whole_groups(
    frame: "pd.DataFrame", column: str, shares: "npt.NDArray[np.float64]", seed: int
) -> "npt.NDArray[np.int64]":
    """For every row, the number of its part: groups in the order of a hash of their value, cut where the shares say.

    A part is off by less than the rows of the largest group. The order depends on the values and the seed only.
    """
    import numpy as np
    import pandas as pd

    require_columns(frame, [column], what="the data to split")
    codes, values = pd.factorize(frame[column])
    unknown = int((codes == -1).sum())
    if unknown:
        raise StageRefused(
            "group is missing",
            f"{unknown} of {len(frame)} rows have no `{column}`, so nobody can tell with which rows they belong "
            "together. Mend the source, or give each a value of its own there.",
        )
    hashes = [hashlib.sha256(f"{seed}:{value}".encode()).digest() for value in values]
    order = np.array(sorted(range(len(hashes)), key=hashes.__getitem__), dtype=np.int64)
    sizes = np.bincount(codes, minlength=len(values))[order]
    middles = (np.cumsum(sizes) - sizes / 2) / len(frame)
    part_of = np.empty(len(values), dtype=np.int64)
    part_of[order] = np.minimum(np.searchsorted(np.cumsum(shares), middles), len(shares) - 1)
    found: npt.NDArray[np.int64] = part_of[codes]
    return found


def _strata(frame: "pd.DataFrame", column: str | None) -> "list[npt.NDArray[np.int64]]":
    import numpy as np
    import pandas as pd

    if column is None:
        return [np.arange(len(frame))]
    require_columns(frame, [column], what="the data to split")
    codes, levels = pd.factorize(frame[column], sort=True)
    return [np.flatnonzero(codes == code) for code in range(-1, len(levels)) if (codes == code).any()]


def _keys(count: int, seed: int) -> "npt.NDArray[np.uint64]":
    import numpy as np

    with np.errstate(over="ignore"):
        golden = np.uint64(0x9E3779B97F4A7C15)
        start = _mix(np.array([seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64) + golden)
        return _mix(start + golden * np.arange(1, count + 1, dtype=np.uint64))


def _mix(z: "npt.NDArray[np.uint64]") -> "npt.NDArray[np.uint64]":
    import numpy as np

    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _listed(parts: Mapping[str, float]) -> str:
    return ", ".join(f"`{name}` {share:.2%}" for name, share in parts.items())
