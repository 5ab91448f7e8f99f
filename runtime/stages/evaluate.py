"""The evaluate stage: let the model decide on rows it has not learnt from, and measure its decisions."""

from charter.runtime.stages.api import Evidence, StageContext, StageResult
from charter.runtime.stages.confusion import Scored
from charter.runtime.stages.model_file import load_model
from charter.runtime.stages.scoring import score_measures
from charter.runtime.stages.tables import read_frame, read_target, write_frame

_WHAT = "the evaluation data"


def evaluate(context: StageContext) -> StageResult:
    """Measure `context.measures`; predictions go to a Parquet file, one row a row, in their order."""
    import numpy as np
    import pandas as pd

    frame = read_frame(context.inputs["data"], what=_WHAT)
    outcome = read_target(frame, str(context.spec["target"]), what=_WHAT)
    model = load_model(context.inputs["model"], threads=context.threads)
    probability = model.predict_probability(frame)
    scored = Scored(outcome, probability, (probability >= model.threshold).astype(np.int64))
    evidence = score_measures(context.measures, scored, frame, seed=context.seed, what=_WHAT)
    predictions = pd.DataFrame({"outcome": outcome, "probability": probability, "decision": scored.decision})
    counts = (
        Evidence("rows", len(scored), "count", n=len(scored)),
        Evidence("positive_outcomes", int(outcome.sum()), "count", n=len(scored)),
    )
    return StageResult(
        artifacts={"predictions": write_frame(predictions, context.out / "predictions.parquet")},
        evidence=(*evidence, *counts),
    )
