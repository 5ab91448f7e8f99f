"""The population stability index (PSI) of a feature: how far its distribution moved from the reference.

Numbers are cut at the deciles of the reference, with open ends; text at its levels, and everything the reference
does not have in one more bin. Half a row is added to every bin, so that an empty bin does not make the index
infinite. Rules of thumb read below 0.1 as stable and above 0.25 as a shift (Siddiqi: Credit Risk Scorecards, 2006);
for B bins and n and m rows of one population its mean is about (B - 1)(1/n + 1/m) (Yurdakul 2018), so few rows alone
can look like drift.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.intervals import RESAMPLES, Interval, percentile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]

NUMBER_BINS = 10
_UNSEEN = "(not in the reference)"


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature's index, with its interval and the rows in each bin."""

    psi: float
    interval: Interval
    bins: tuple[str, ...]
    reference: tuple[int, ...]
    current: tuple[int, ...]


def population_stability_index(reference: "Counts", current: "Counts") -> "Floats":
    """PSI of counts by bin; the last axis is the bins, and others are resamples."""
    import numpy as np

    bins = reference.shape[-1]
    expected = (reference + 0.5) / (reference.sum(axis=-1, keepdims=True) + 0.5 * bins)
    actual = (current + 0.5) / (current.sum(axis=-1, keepdims=True) + 0.5 * bins)
    index: Floats = ((actual - expected) * np.log(actual / expected)).sum(axis=-1)
    return index


def measure_drift(
    feature: str,
    kind: str,
    reference: Sequence[Any],
    current: Sequence[Any],
    confidence: float,
    rng: "np.random.Generator",
) -> Drift:
    """The index of one feature.

    Args:
        feature: its name, for messages.
        kind: `number` or `category`.
        reference: values of the training rows.
        current: values of today's rows, at least one.
        confidence: level of the interval, by bootstrap of both sets of rows.
        rng: for the bootstrap.

    Raises:
        StageRefused: a value is missing or of the wrong kind.
    """
    import numpy as np

    if kind == "number":
        labels, edges = _deciles(_numbers(feature, reference))
        before, now = (
            _count(np.searchsorted(edges, _numbers(feature, side), side="right"), len(labels))
            for side in (reference, current)
        )
    else:
        levels = sorted(set(_texts(feature, reference)))
        labels, place = (*levels, _UNSEEN), {level: index for index, level in enumerate(levels)}
        before, now = (
            _count(np.array([place.get(value, len(levels)) for value in _texts(feature, side)]), len(labels))
            for side in (reference, current)
        )
    psi = float(population_stability_index(before, now))
    drawn = (rng.multinomial(counts.sum(), counts / counts.sum(), size=RESAMPLES) for counts in (before, now))
    interval = percentile(population_stability_index(*drawn), psi, confidence, "bootstrap")
    return Drift(psi, interval, labels, tuple(before.tolist()), tuple(now.tolist()))


def _deciles(values: "Floats") -> tuple[tuple[str, ...], "Floats"]:
    """Inner edges without repetition, each the start of its bin, and the bins' names."""
    import numpy as np

    edges = np.unique(np.quantile(values, np.arange(1, NUMBER_BINS) / NUMBER_BINS))
    # An edge at the smallest value would leave an empty bin below it.
    edges = edges[edges > values.min()]
    if len(edges) == 0:
        # Nearly all rows share one value: tell it from what lies above.
        edges = np.array([np.nextafter(values.min(), np.inf)])
    texts = [f"{edge:.6g}" for edge in edges]
    middle = [f"{low} to {high}" for low, high in itertools.pairwise(texts)]
    return (f"under {texts[0]}", *middle, f"{texts[-1]} and over"), edges


def _count(codes: "npt.NDArray[np.int64]", bins: int) -> "Counts":
    import numpy as np

    return np.bincount(codes, minlength=bins)


def _numbers(feature: str, values: Sequence[Any]) -> "Floats":
    import numpy as np

    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or not np.isfinite(array.astype(np.float64)).all():
        raise _unfit(feature, "number")
    return array.astype(np.float64)


def _texts(feature: str, values: Sequence[Any]) -> Sequence[str]:
    if not all(isinstance(value, str) for value in values):
        raise _unfit(feature, "text")
    return values


def _unfit(feature: str, kind: str) -> StageRefused:
    return StageRefused(
        "feature is unfit",
        f"the feature `{feature}` has values that are missing or no {kind}. Prepare today's rows as the training "
        "rows were prepared, `impute` included.",
    )
