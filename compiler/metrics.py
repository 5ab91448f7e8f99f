"""The metrics that the built-in stages measure: unit, range, and where each may be asked for.

The compiler refuses what no stage can measure: a bound on it could never be decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from charter.compiler.intervals import INFINITY, Interval
from charter.compiler.ir import StageKind, Unit

RATIO = Interval(Decimal(0), Decimal(1))
NOT_NEGATIVE = Interval(Decimal(0), INFINITY)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        range: the values it can take.
        stages: kinds of stage that measure it.
        better: which direction is better, None where neither is.
        over: whether `over COLUMN` (a protected attribute) is `needed` or refused.
        each: what `of each X` may name: a column's groups, every feature, or nothing.
        interval: whether it is measured with a confidence interval.
    """

    name: str
    unit: Unit
    range: Interval
    stages: frozenset[StageKind]
    better: Literal["higher", "lower"] | None = None
    over: bool = False
    each: Literal["column", "feature"] | None = None
    interval: bool = False


def _model(name: str, better: Literal["higher", "lower"], *, over: bool = False, interval: bool = True) -> Metric:
    return Metric(name, "ratio", RATIO, frozenset({"evaluate", "monitor"}), better, over=over, interval=interval)


_ALL = (
    _model("roc_auc", "higher"),
    _model("accuracy", "higher"),
    _model("f1", "higher"),
    _model("precision", "higher"),
    _model("recall", "higher"),
    _model("brier_score", "lower"),
    _model("expected_calibration_error", "lower"),
    Metric("selection_rate", "ratio", RATIO, frozenset({"evaluate", "monitor"}), interval=True),
    _model("demographic_parity_difference", "lower", over=True),
    _model("demographic_parity_ratio", "higher", over=True),
    _model("equalized_odds_difference", "lower", over=True),
    _model("equalized_odds_ratio", "higher", over=True),
    Metric("error_rate", "ratio", RATIO, frozenset({"monitor"}), "lower", interval=True),
    Metric("psi", "number", NOT_NEGATIVE, frozenset({"monitor"}), "lower", each="feature"),
    Metric("rows", "count", NOT_NEGATIVE, frozenset({"validate"}), "higher"),
    Metric("missing", "ratio", RATIO, frozenset({"validate"}), "lower"),
    Metric("share", "ratio", RATIO, frozenset({"validate"}), each="column"),
    Metric("schema_violations", "count", NOT_NEGATIVE, frozenset({"validate"}), "lower"),
    Metric("smoke_test", "number", RATIO, frozenset({"deploy"}), "higher"),
    Metric("package_difference", "number", NOT_NEGATIVE, frozenset({"deploy"}), "lower"),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every known metric by name."""


def measured_by(kind: StageKind) -> tuple[str, ...]:
    """Names of the metrics that a stage of this kind measures, sorted."""
    return tuple(sorted(name for name, metric in METRICS.items() if kind in metric.stages))
