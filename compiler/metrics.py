"""The metrics that the built-in stages measure: unit, range, and where each may be asked for.

The compiler refuses what no stage can measure: a bound on it could never be decided.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from charter.compiler.intervals import INFINITY, Interval
from charter.compiler.ir import StageKind, Unit

CLASSIFICATION = "binary-classification"
GENERATION = "text-generation"
"""The tasks of models; what measures texts that are made is proved and compiled, and measured by no stage yet."""

RATIO = Interval(Decimal(0), Decimal(1))
NOT_NEGATIVE = Interval(Decimal(0), INFINITY)


class Metric(Struct, frozen=True):
    """One metric.

    Attributes:
        range: the values it can take.
        stages: kinds of stage that measure it.
        better: which direction is better, None where neither is.
        over: whether it compares the groups of a protected attribute, and so needs `over COLUMN`.
        each: what `of each` must name: a column, whose groups have one value each, or `feature`.
        interval: whether it is measured with a confidence interval.
        monitored: what a monitor needs to measure it: rows with outcomes (`on`), decisions, which the inference log has
            too (that is not run yet), the inference log, or either.
        task: of models it is about, None where it is about any, or about none.
        reference: whether it compares with the `target` of the rows.
        runs: whether any stage measures it yet.
    """

    name: str
    unit: Unit
    range: Interval
    stages: frozenset[StageKind]
    better: Literal["higher", "lower"] | None = None
    over: bool = False
    each: Literal["column", "feature"] | None = None
    interval: bool = False
    monitored: Literal["rows", "decisions", "log", "either"] = "either"
    task: str | None = None
    reference: bool = True
    runs: bool = True


def _model(
    name: str, better: Literal["higher", "lower"] | None, *, over: bool = False, outcomes: bool = True
) -> Metric:
    """A measure of a model's decisions, from 0 to 1, on rows with outcomes, or of the decisions alone."""
    stages: frozenset[StageKind] = frozenset({"evaluate", "monitor"})
    needs: Literal["rows", "decisions"] = "rows" if outcomes else "decisions"
    return Metric(name, "ratio", RATIO, stages, better, over=over, interval=True, monitored=needs, task=CLASSIFICATION)


def _text(
    name: str,
    better: Literal["higher", "lower"] | None,
    *,
    unit: Unit = "ratio",
    range_: Interval = RATIO,
    reference: bool = False,
) -> Metric:
    """A measure of texts that a model has made."""
    stages: frozenset[StageKind] = frozenset({"evaluate", "monitor"})
    return Metric(
        name,
        unit,
        range_,
        stages,
        better,
        interval=True,
        monitored="rows",
        task=GENERATION,
        reference=reference,
        runs=False,
    )


_VALIDATE: frozenset[StageKind] = frozenset({"validate"})
_MONITOR: frozenset[StageKind] = frozenset({"monitor"})
_EVALUATE: frozenset[StageKind] = frozenset({"evaluate"})
_DEPLOY: frozenset[StageKind] = frozenset({"deploy"})

_ALL = (
    _model("roc_auc", "higher"),
    _model("accuracy", "higher"),
    _model("f1", "higher"),
    _model("precision", "higher"),
    _model("recall", "higher"),
    _model("brier_score", "lower"),
    _model("expected_calibration_error", "lower"),
    _model("selection_rate", None, outcomes=False),
    _model("demographic_parity_difference", "lower", over=True, outcomes=False),
    _model("demographic_parity_ratio", "higher", over=True, outcomes=False),
    _model("equalized_odds_difference", "lower", over=True),
    _model("equalized_odds_ratio", "higher", over=True),
    Metric("error_rate", "ratio", RATIO, _MONITOR, "lower", interval=True, monitored="log"),
    Metric("psi", "number", NOT_NEGATIVE, _MONITOR, "lower", each="feature", interval=True, task=CLASSIFICATION),
    Metric("feature_attributions", "ratio", RATIO, _EVALUATE, each="feature", task=CLASSIFICATION, runs=False),
    Metric("rows", "count", NOT_NEGATIVE, _VALIDATE),
    Metric("missing", "ratio", RATIO, _VALIDATE, "lower"),
    Metric("share", "ratio", RATIO, _VALIDATE, each="column", interval=True),
    Metric("schema_violations", "count", NOT_NEGATIVE, _VALIDATE, "lower"),
    Metric("smoke_test", "number", RATIO, _DEPLOY, "higher"),
    Metric("package_difference", "number", NOT_NEGATIVE, _DEPLOY, "lower", task=CLASSIFICATION),
    _text("perplexity", "lower", unit="number", range_=Interval(Decimal(1), INFINITY), reference=True),
    _text("bleu", "higher", reference=True),
    _text("rouge", "higher", reference=True),
    _text("toxicity", "lower"),
    _text("groundedness", "higher"),
    _text("refusal_rate", None),
    _text("human_rating", "higher", unit="number", range_=Interval(Decimal(1), Decimal(5))),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every known metric by name."""


def measured_by(kind: StageKind, task: str = CLASSIFICATION) -> tuple[str, ...]:
    """Names of the metrics that a stage of this kind measures of a model of this task, sorted."""
    return tuple(sorted(m.name for m in METRICS.values() if kind in m.stages and m.task in (None, task)))
