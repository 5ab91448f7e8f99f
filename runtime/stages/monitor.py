"""The monitor stage: compare what is live today with what the model learnt from, and score it where outcomes are known.

Today's rows are the `on` dataset's, or what the server logged. No rows is a refusal, never a pass.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import Evidence, Measure, StageContext, StageRefused, StageResult
from charter.runtime.stages.confusion import Scored
from charter.runtime.stages.drift import Drift, measure_drift
from charter.runtime.stages.features import columns_of
from charter.runtime.stages.inference_log import Logged, read_inference_log
from charter.runtime.stages.intervals import DEFAULT_CONFIDENCE, proportion
from charter.runtime.stages.model_file import Model, load_model
from charter.runtime.stages.packaged import file_digest
from charter.runtime.stages.scoring import score_measures
from charter.runtime.stages.tables import read_frame, read_target

if TYPE_CHECKING:
    import pandas as pd

_REFERENCE, _CURRENT = "the reference data", "the current data"


@dataclass(frozen=True)
class _Watched:
    """Both sides of the comparison; `frame` with a dataset, `logged` with an inference log."""

    model: Model
    reference: Mapping[str, Sequence[Any]]
    current: Mapping[str, Sequence[Any]]
    frame: "pd.DataFrame | None"
    logged: Logged | None

    @property
    def rows(self) -> int:
        """Rows of today."""
        return len(next(iter(self.current.values())))


def monitor(context: StageContext) -> StageResult:
    """Measure `context.measures`, and PSI of every feature whether asked or not; the report has the bins."""
    watched = _watched(context)
    asked = [measure for measure in context.measures if measure.metric == "psi"]
    level = max((measure.confidence or 0 for measure in asked), default=0)
    # When every request failed there are no rows: the error rate can be told, drift cannot.
    drifts = _drifts(watched, level or DEFAULT_CONFIDENCE, context.seed) if asked or watched.rows else {}
    evidence = [_psi(name, drift, level or DEFAULT_CONFIDENCE, watched.rows) for name, drift in drifts.items()]
    for measure in context.measures:
        if measure.metric == "psi":
            _refuse_other_psi(measure)
        elif measure.metric == "error_rate":
            evidence.append(_error_rate(watched, measure))
    scored = [measure for measure in context.measures if measure.metric not in {"psi", "error_rate"}]
    if scored:
        evidence += _performance(context, watched, scored)
    evidence.append(Evidence("rows", watched.rows, "count", n=watched.rows))
    return StageResult(artifacts={"report": _report(context, watched, drifts, evidence)}, evidence=evidence)


def _watched(context: StageContext) -> _Watched:
    model = load_model(context.inputs["model"], threads=context.threads)
    reference = columns_of(read_frame(context.inputs["reference"], what=_REFERENCE), model.features, what=_REFERENCE)
    if "current" in context.inputs:
        frame = read_frame(context.inputs["current"], what=_CURRENT)
        return _Watched(model, reference, columns_of(frame, model.features, what=_CURRENT), frame, None)
    if context.state is None:
        raise StageRefused("no data", "the monitor has neither a dataset nor the place of an inference log.")
    digest = file_digest(context.inputs["model"])
    logged = read_inference_log(context.state, str(context.spec["deployment"]), digest, model.features)
    return _Watched(model, reference, logged.columns, None, logged)


def _drifts(watched: _Watched, level: float, seed: int) -> dict[str, Drift]:
    import numpy as np

    if watched.rows == 0:
        raise StageRefused(
            "no data", "every request since the deployment failed, so there are no rows whose drift could be measured."
        )
    kinds = {item["name"]: item["kind"] for item in watched.model.preprocessing["features"]}
    return {
        name: measure_drift(
            name,
            kind,
            watched.reference[name],
            watched.current[name],
            level,
            np.random.default_rng([seed % 2**63, zlib.crc32(name.encode())]),
        )
        for name, kind in kinds.items()
    }


def _psi(name: str, drift: Drift, level: float, rows: int) -> Evidence:
    return Evidence(
        "psi",
        drift.psi,
        "number",
        n=rows,
        low=drift.interval.low,
        high=drift.interval.high,
        confidence=level,
        method=drift.interval.method,
        each="feature",
        item=name,
    )


def _refuse_other_psi(measure: Measure) -> None:
    if measure.each != "feature" or measure.over is not None:
        raise StageRefused("drift of what", "`psi` is measured of every feature: `psi of each feature <= 0.2`.")


def _error_rate(watched: _Watched, measure: Measure) -> Evidence:
    """The share of requests that got no prediction."""
    if watched.logged is None:
        raise StageRefused(
            "no inference log",
            "`error_rate` is the share of requests without a prediction and is read from the inference log; a "
            "monitor `on` a dataset cannot know it. Use a monitor without `on`.",
        )
    failed, total = watched.logged.failed, watched.logged.failed + watched.logged.answered
    level = measure.confidence or DEFAULT_CONFIDENCE
    interval = proportion(failed, total, level)
    return Evidence(
        "error_rate",
        failed / total,
        "ratio",
        n=total,
        low=interval.low,
        high=interval.high,
        confidence=level,
        method=interval.method,
    )


def _performance(context: StageContext, watched: _Watched, measures: Sequence[Measure]) -> list[Evidence]:
    import numpy as np

    if watched.frame is None:
        raise StageRefused(
            "outcomes not known",
            f"`{measures[0].metric}` needs outcomes, and the inference log has none. Monitor `on` a dataset that has "
            "the target.",
        )
    outcome = read_target(watched.frame, str(context.spec["target"]), what=_CURRENT)
    probability = watched.model.predict_columns(watched.current)
    scored = Scored(outcome, probability, (probability >= watched.model.threshold).astype(np.int64))
    return score_measures(measures, scored, watched.frame, seed=context.seed, what=_CURRENT)


def _report(context: StageContext, watched: _Watched, drifts: Mapping[str, Drift], evidence: Sequence[Evidence]) -> Any:
    document = {
        "monitor": context.name,
        "deployment": context.spec["deployment"],
        "source": "inference-log" if watched.logged else "dataset",
        "binning": "numbers at the deciles of the reference, text at its levels; half a row added to every bin",
        "reference_rows": len(next(iter(watched.reference.values()))),
        "current_rows": watched.rows,
        "features": {name: asdict(drift) for name, drift in drifts.items()},
        "evidence": [{key: value for key, value in asdict(item).items() if value is not None} for item in evidence],
    }
    path = context.out / "report.json"
    path.write_text(json.dumps(document, indent=1, allow_nan=False))
    return path
