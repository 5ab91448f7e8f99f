"""Rows to start with: readings of machines, made up. Replace this with where your rows come from."""

from charter.runtime.stages.api import Evidence, StageContext, StageResult


def make(context: StageContext) -> StageResult:
    """4,000 readings; hot machines that shake fail more often."""
    import numpy as np
    import pandas as pd

    from charter.runtime.stages.tables import write_frame

    random = np.random.default_rng(context.seed)
    rows = 4_000
    temperature = random.normal(60, 12, rows)
    vibration = random.gamma(2, 1.5, rows)
    age = random.integers(0, 120, rows)
    fault = 0.12 * (temperature - 60) + 0.9 * (vibration - 3) + 0.01 * (age - 60) + random.normal(0, 1, rows) > 1
    frame = pd.DataFrame(
        {
            "temperature": temperature.round(2),
            "vibration": vibration.round(3),
            "age_in_months": age,
            "fault": fault.astype(int),
        }
    ).drop_duplicates()
    return StageResult(
        {"data": write_frame(frame, context.out / "data.parquet")}, [Evidence("rows", len(frame), "count")]
    )
