"""Confidence intervals, all two-sided, each naming its method.

Two-sided at level P means that a bound on one side is held with (1 + P) / 2: the careful reading of
`with confidence P`. Proportions have the exact interval, which never promises more than it holds. No other interval
ends beyond what so many rows can tell at all (`charter.compiler.binomial.reach`): a bootstrap of rows that all agree,
and DeLong's variance near the ends, would shrink to a point. It is also what the compiler proves of a bound.

Sources: Clopper, Pearson, Biometrika 26 (1934); DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988), in the fast
form of Sun and Xu, IEEE Signal Processing Letters 21 (2014); Efron, Tibshirani: An
introduction to the bootstrap (1993).
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from charter.compiler.binomial import clopper_pearson, reach

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEFAULT_CONFIDENCE = 0.95
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Ends of an interval, and how it was made."""

    low: float
    high: float
    method: str


def proportion(successes: int, trials: int, confidence: float) -> Interval:
    """The exact interval of a proportion; `trials` is at least 1."""
    low, high = clopper_pearson(successes, trials, confidence)
    return Interval(low, high, "Clopper-Pearson")


def within_reach(interval: Interval, observations: int, confidence: float) -> Interval:
    """The interval of a value from 0 to 1, its ends no further in than so many observations can tell."""
    furthest = reach(observations, confidence)
    if interval.low <= furthest and interval.high >= 1 - furthest:
        return interval
    low, high = min(interval.low, furthest), max(interval.high, 1 - furthest)
    return Interval(low, high, f"{interval.method}, widened to what {observations} observations can tell")


def delong(labels: "npt.NDArray[np.int64]", scores: "npt.NDArray[np.float64]", confidence: float) -> Interval:
    """DeLong's interval of the area under the ROC curve, cut to [0, 1]; both classes must be there.

    Its ends are no further in than what the smaller class can tell: of the areas that a fraction of it, on the wrong
    side of the other class, would give. Where the classes do not overlap at all, DeLong's variance is 0.
    """
    import numpy as np

    positive, negative = scores[labels == 1], scores[labels == 0]
    m, n = len(positive), len(negative)
    tied = _midranks(np.concatenate([positive, negative]))
    above_negatives = (tied[:m] - _midranks(positive)) / n
    above_positives = 1 - (tied[m:] - _midranks(negative)) / m
    area = float(above_negatives.mean())
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    if m > 1 and n > 1:
        variance = float(above_negatives.var(ddof=1) / m + above_positives.var(ddof=1) / n)
        if variance > 0:
            half = z * sqrt(variance)
            found = Interval(max(0.0, area - half), min(1.0, area + half), "DeLong")
            return within_reach(found, min(m, n), confidence)
    slack = reach(min(m, n), confidence)
    return Interval(area * slack, 1 - (1 - area) * slack, "exact, smaller class")


def _midranks(values: "npt.NDArray[np.float64]") -> "npt.NDArray[np.float64]":
    """Ranks from 1, ties sharing their mean rank."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return ranks


def percentile(samples: "npt.NDArray[np.float64]", estimate: float, confidence: float, method: str) -> Interval:
    """The percentile interval of bootstrap replicates, widened to hold the estimate.

    Measures that cannot be negative (gaps, indices of drift) lean upwards in resamples, so that small estimates can
    fall below all of them.
    """
    import numpy as np

    tail = (1 - confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return Interval(min(float(low), estimate), max(float(high), estimate), f"{method}, {len(samples)} resamples")
