"""What a binary classifier is measured by, each with its interval: scikit-learn's value, and a named method.

A measure that is undefined on the rows at hand (precision with no positive decision, recall with no positive
outcome) is refused; it never becomes 0 or 1 by convention.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.confusion import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_NEGATIVE, TRUE_POSITIVE, Scored
from charter.runtime.stages.intervals import RESAMPLES, Interval, delong, percentile, proportion, within_reach

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with its interval and the rows it rests on."""

    value: float
    interval: Interval
    n: int


def roc_auc(scored: Scored, confidence: float, _rng: "np.random.Generator") -> Measured:
    """Area under the ROC curve, with DeLong's interval."""
    from sklearn.metrics import roc_auc_score

    if scored.outcome.min() == scored.outcome.max():
        raise _undefined("roc_auc", f"every row has the outcome {scored.outcome[0]}")
    value = float(roc_auc_score(scored.outcome, scored.probability))
    return Measured(value, delong(scored.outcome, scored.probability, confidence), len(scored))


def accuracy(scored: Scored, confidence: float, _rng: "np.random.Generator") -> Measured:
    """Share of right decisions."""
    cells = scored.cells()
    return _proportion("accuracy", cells[TRUE_NEGATIVE] + cells[TRUE_POSITIVE], cells.sum(), confidence)


def precision(scored: Scored, confidence: float, _rng: "np.random.Generator") -> Measured:
    """Share of positive outcomes among positive decisions; n counts these decisions."""
    cells = scored.cells()
    return _proportion("precision", cells[TRUE_POSITIVE], cells[TRUE_POSITIVE] + cells[FALSE_POSITIVE], confidence)


def recall(scored: Scored, confidence: float, _rng: "np.random.Generator") -> Measured:
    """Share of positive decisions among positive outcomes; n counts these outcomes."""
    cells = scored.cells()
    return _proportion("recall", cells[TRUE_POSITIVE], cells[TRUE_POSITIVE] + cells[FALSE_NEGATIVE], confidence)


def false_positive_rate(scored: Scored, confidence: float, _rng: "np.random.Generator") -> Measured:
    """Share of positive decisions among negative outcomes; n counts these outcomes."""
    cells = scored.cells()
    return _proportion(
        "false_positive_rate", cells[FALSE_POSITIVE], cells[FALSE_POSITIVE] + cells[TRUE_NEGATIVE], confidence
    )


def selection_rate(scored: Scored, confidence: float, _rng: "np.random.Generator") -> Measured:
    """Share of positive decisions."""
    cells = scored.cells()
    return _proportion("selection_rate", cells[TRUE_POSITIVE] + cells[FALSE_POSITIVE], cells.sum(), confidence)


def f1(scored: Scored, confidence: float, _rng: "np.random.Generator") -> Measured:
    """Harmonic mean of precision and recall; n counts the rows with a positive outcome or a positive decision.

    Of these a share J is right, and f1 = 2J / (1 + J) grows with J, so the exact interval of J gives one of f1.
    """
    from sklearn.metrics import f1_score

    cells = scored.cells()
    relevant = int(cells[TRUE_POSITIVE] + cells[FALSE_POSITIVE] + cells[FALSE_NEGATIVE])
    if relevant == 0:
        raise _undefined("f1", "no row has a positive outcome or a positive decision")
    value = float(f1_score(scored.outcome, scored.decision))
    right = proportion(int(cells[TRUE_POSITIVE]), relevant, confidence)
    low, high = (2 * end / (1 + end) for end in (right.low, right.high))
    return Measured(value, Interval(min(low, value), max(high, value), right.method), relevant)


def brier_score(scored: Scored, confidence: float, rng: "np.random.Generator") -> Measured:
    """Mean squared difference of probability and outcome."""
    errors = (scored.probability - scored.outcome) ** 2
    replicates = _resample(len(scored), lambda rows: float(errors[rows].mean()), rng)
    value = float(errors.mean())
    interval = percentile(replicates, value, confidence, "bootstrap")
    return Measured(value, within_reach(interval, len(scored), confidence), len(scored))


def expected_calibration_error(scored: Scored, confidence: float, rng: "np.random.Generator") -> Measured:
    """Mean gap between probability and frequency, over ten bins of equal width, weighted by their rows.

    Source: Naeini, Cooper, Hauskrecht, AAAI 2015.
    """
    import numpy as np

    bins = np.minimum((scored.probability * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = scored.probability - scored.outcome

    def error(rows: "npt.NDArray[np.int64] | slice") -> float:
        sums = np.bincount(bins[rows], weights=gaps[rows], minlength=CALIBRATION_BINS)
        return float(np.abs(sums).sum() / len(scored))

    value = error(slice(None))
    replicates = _resample(len(scored), error, rng)
    interval = percentile(replicates, value, confidence, f"bootstrap, {CALIBRATION_BINS} equal bins")
    return Measured(value, within_reach(interval, len(scored), confidence), len(scored))


METRICS: Mapping[str, Callable[[Scored, float, "np.random.Generator"], Measured]] = {
    "roc_auc": roc_auc,
    "accuracy": accuracy,
    "f1": f1,
    "precision": precision,
    "recall": recall,
    "brier_score": brier_score,
    "expected_calibration_error": expected_calibration_error,
    "selection_rate": selection_rate,
}
"""By the name that a charter uses."""


def _proportion(name: str, successes: "np.int64", trials: "np.int64", confidence: float) -> Measured:
    if trials == 0:
        raise _undefined(name, "there is no row that it is a share of")
    hits, of = int(successes), int(trials)
    return Measured(hits / of, proportion(hits, of, confidence), of)


def _resample(
    count: int, statistic: "Callable[[npt.NDArray[np.int64]], float]", rng: "np.random.Generator"
) -> "Floats":
    import numpy as np

    return np.array([statistic(rng.integers(0, count, count)) for _ in range(RESAMPLES)])


def _undefined(name: str, reason: str) -> StageRefused:
    return StageRefused(
        "measure is undefined",
        f"`{name}` cannot be measured: {reason}. More, or other, rows are needed to decide on it.",
    )
