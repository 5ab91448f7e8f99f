"""Group fairness over a protected attribute: fairlearn's value, and a bootstrap interval within the groups.

The measures are largest gaps (or smallest ratios) between groups, so the bootstrap leans towards unfair:
an interval that clears its bound has cleared it by a careful reading. In a resample where a group's rate is
undefined the measure counts as worst.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.confusion import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_NEGATIVE, TRUE_POSITIVE, Scored
from charter.runtime.stages.intervals import RESAMPLES, percentile, within_reach
from charter.runtime.stages.metrics import Measured, false_positive_rate, recall, selection_rate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

_MOST_GROUPS = 50

Rate = Callable[[Scored, float, "np.random.Generator"], Measured]


@dataclass(frozen=True, slots=True)
class FairnessMetric:
    """A measure by fairlearn's name for it; `rates` are what it compares between groups."""

    rates: Mapping[str, Rate]
    ratio: bool


_PARITY: Mapping[str, Rate] = {"selection_rate": selection_rate}
_ODDS: Mapping[str, Rate] = {"true_positive_rate": recall, "false_positive_rate": false_positive_rate}

FAIRNESS_METRICS: Mapping[str, FairnessMetric] = {
    "demographic_parity_difference": FairnessMetric(_PARITY, ratio=False),
    "demographic_parity_ratio": FairnessMetric(_PARITY, ratio=True),
    "equalized_odds_difference": FairnessMetric(_ODDS, ratio=False),
    "equalized_odds_ratio": FairnessMetric(_ODDS, ratio=True),
}
"""By the name that a charter uses, which is the name of the function in `fairlearn.metrics`."""

_PARTS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "selection_rate": ((TRUE_POSITIVE, FALSE_POSITIVE), (0, 1, 2, 3)),
    "true_positive_rate": ((TRUE_POSITIVE,), (TRUE_POSITIVE, FALSE_NEGATIVE)),
    "false_positive_rate": ((FALSE_POSITIVE,), (FALSE_POSITIVE, TRUE_NEGATIVE)),
}
"""Cells of the confusion table that a rate divides."""


def read_groups(frame: "pd.DataFrame", column: str, *, what: str) -> "npt.NDArray[np.str_]":
    """The group of every row, as text.

    Raises:
        StageRefused: missing values, one group only, or too many to be groups.
    """
    values = frame[column]
    missing = int(values.isna().sum())
    if missing:
        raise StageRefused(
            "group is missing",
            f"{what} has {missing} of {len(values)} rows without a value of `{column}`. Fairness over unknown groups "
            "cannot be measured: mend the source, or give these rows a group of their own there.",
        )
    groups = values.astype(str).to_numpy(dtype=str)
    count = len(set(groups.tolist()))
    if count < 2:
        raise StageRefused(
            "one group only", f"every row of {what} has the same `{column}`; there is nothing to compare."
        )
    if count > _MOST_GROUPS:
        raise StageRefused(
            "too many groups", f"`{column}` has {count} different values in {what}; `bin` it into groups first."
        )
    return groups


def measure_fairness(
    name: str, scored: Scored, groups: "npt.NDArray[np.str_]", confidence: float, rng: "np.random.Generator"
) -> Measured:
    """One measure over all groups.

    Raises:
        StageRefused: a rate is undefined in some group, or 0 in all of them where a ratio is asked for.
    """
    import numpy as np
    from fairlearn import metrics as fairlearn

    metric = FAIRNESS_METRICS[name]
    rates = group_rates(name, scored, groups, confidence, rng)  # refuses what fairlearn would call 0
    function: Any = getattr(fairlearn, name)
    value = float(function(scored.outcome, scored.decision, sensitive_features=groups))
    if not np.isfinite(value):
        raise StageRefused("measure is undefined", f"`{name}` cannot be measured: a rate is 0 in every group.")
    replicates = _replicates(metric, scored, groups, rng)
    interval = percentile(replicates, value, confidence, "bootstrap within groups")
    smallest = min(rate.n for rate in rates.values())
    return Measured(value, within_reach(interval, smallest, confidence), len(scored))


def group_rates(
    name: str, scored: Scored, groups: "npt.NDArray[np.str_]", confidence: float, rng: "np.random.Generator"
) -> dict[tuple[str, str], Measured]:
    """The rates that a measure compares, by (rate, group)."""
    rates = {}
    for group in sorted(set(groups.tolist())):
        rows = scored.where(groups == group)
        for rate, measure in FAIRNESS_METRICS[name].rates.items():
            try:
                rates[rate, group] = measure(rows, confidence, rng)
            except StageRefused as refused:
                raise StageRefused(
                    "group too small",
                    f"`{name}` needs the {rate.replace('_', ' ')} of every group, and in the group `{group}` "
                    f"({len(rows)} rows) no row can show it. Collect more rows of it, or join it with another group.",
                ) from refused
    return rates


def _replicates(
    metric: FairnessMetric, scored: Scored, groups: "npt.NDArray[np.str_]", rng: "np.random.Generator"
) -> "Floats":
    import numpy as np

    drawn = []
    for group in sorted(set(groups.tolist())):
        cells = scored.where(groups == group).cells()
        drawn.append(rng.multinomial(cells.sum(), cells / cells.sum(), size=RESAMPLES))
    counts = np.stack(drawn)  # (groups, resamples, cells)
    compared = []
    for rate in metric.rates:
        above, below = (counts[:, :, list(cells)].sum(axis=2) for cells in _PARTS[rate])
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = above / below
            compared.append(rates.min(axis=0) / rates.max(axis=0) if metric.ratio else np.ptp(rates, axis=0))
    worst = np.fmin.reduce if metric.ratio else np.fmax.reduce
    undefined = np.isnan(compared).any(axis=0)
    values: Floats = np.where(undefined, 0.0 if metric.ratio else 1.0, worst(compared))
    return values
