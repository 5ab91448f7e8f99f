"""From the measures that a charter asks for to evidence, on rows that a model has scored."""

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import Evidence, Measure, StageRefused
from charter.runtime.stages.confusion import Scored
from charter.runtime.stages.fairness import FAIRNESS_METRICS, group_rates, measure_fairness, read_groups
from charter.runtime.stages.intervals import DEFAULT_CONFIDENCE
from charter.runtime.stages.metrics import METRICS, Measured
from charter.runtime.stages.suggest import suggestion
from charter.runtime.stages.tables import require_columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def score_measures(
    measures: Sequence[Measure], scored: Scored, frame: "pd.DataFrame", *, seed: int, what: str
) -> list[Evidence]:
    """Evidence for every measure, and for a fairness measure the rates of its groups too.

    Args:
        measures: what is asked for.
        scored: the rows' outcomes, probabilities and decisions.
        frame: the same rows, for the columns of `over`.
        seed: for the bootstrap; each measure draws from a stream of its own, whatever the others are.
        what: names the rows in messages.

    Raises:
        StageRefused: something asked for cannot be measured on these rows.
    """
    evidence: list[Evidence] = []
    for measure in measures:
        _refuse_unknown(measure)
        level = measure.confidence or DEFAULT_CONFIDENCE
        if measure.metric in METRICS:
            made = [_evidence(measure.metric, METRICS[measure.metric](scored, level, _rng(seed, measure)), level)]
        else:
            made = _over(measure, scored, frame, level, seed, what)
        evidence.extend(item for item in made if item not in evidence)
    return evidence


def _over(
    measure: Measure, scored: Scored, frame: "pd.DataFrame", level: float, seed: int, what: str
) -> list[Evidence]:
    if measure.over is None:
        raise StageRefused(
            "fair over what",
            f"`{measure.metric}` compares the groups of a column; say which: `{measure.metric} over sex`.",
        )
    require_columns(frame, [measure.over], what=what)
    groups = read_groups(frame, measure.over, what=what)
    whole = measure_fairness(measure.metric, scored, groups, level, _rng(seed, measure))
    rates = group_rates(measure.metric, scored, groups, level, _rng(seed, measure))
    return [
        _evidence(measure.metric, whole, level, over=measure.over),
        *(_evidence(rate, item, level, each=measure.over, item=group) for (rate, group), item in rates.items()),
    ]


def _evidence(name: str, measured: Measured, level: float, **place: str) -> Evidence:
    return Evidence(
        name,
        measured.value,
        "ratio",
        n=measured.n,
        low=measured.interval.low,
        high=measured.interval.high,
        confidence=level,
        method=measured.interval.method,
        **place,
    )


def _refuse_unknown(measure: Measure) -> None:
    known: Mapping[str, Any] = {**METRICS, **FAIRNESS_METRICS}
    if measure.metric not in known:
        raise StageRefused(
            "unknown metric", f"`{measure.metric}` cannot be measured on a model.{suggestion(measure.metric, known)}"
        )
    beyond = {
        "of each": measure.each,
        "on": measure.on,
        "under attack": measure.attack,
        "over": measure.over if measure.metric in METRICS else None,
    }
    for words, given in beyond.items():
        if given is not None:
            raise StageRefused(
                "cannot be measured yet",
                f"`{measure.metric}` with `{words}` is not something this version measures; take it out, or the "
                "gate would wait for evidence that never comes.",
            )


def _rng(seed: int, measure: Measure) -> "np.random.Generator":
    import numpy as np

    stream = zlib.crc32(f"{measure.metric} over {measure.over}".encode())
    return np.random.default_rng([seed % 2**63, stream])
