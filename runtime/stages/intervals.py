"""Confidence intervals, all two-sided, each naming its method.

Two-sided at level P means that a bound on one side is held with (1 + P) / 2: the careful reading of
`with confidence P`.

Sources: Wilson, JASA 22 (1927); DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988), in the fast form of Sun
and Xu, IEEE Signal Processing Letters 21 (2014); Efron, Tibshirani: An introduction to the bootstrap (1993).
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

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


def wilson(successes: int, trials: int, confidence: float) -> Interval:
    """Wilson's score interval of a proportion; `trials` is at least 1."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    scale = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    half = z / scale * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At 0 and 1 the ends are exact; elsewhere rounding must not push them past the estimate.
    low = 0.0 if successes == 0 else min(share, middle - half)
    high = 1.0 if successes == trials else max(share, middle + half)
    return Interval(low, high, "Wilson score")


def delong(labels: "npt.NDArray[np.int64]", scores: "npt.NDArray[np.float64]", confidence: float) -> Interval:
    """DeLong's interval of the area under the ROC curve, cut to [0, 1]; both classes must be there.

    When the classes do not overlap at all the variance is estimated as 0 and the interval would shrink to a
    point; then the end is what the smaller class of size m still allows, alpha ** (1 / m).
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
            return Interval(max(0.0, area - half), min(1.0, area + half), "DeLong")
    slack = ((1 - confidence) / 2) ** (1 / min(m, n))
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
