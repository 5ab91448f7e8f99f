"""Rows to start with: applications for a job, made up. Replace this with where your rows come from."""

from charter.runtime.stages.api import Evidence, StageContext, StageResult


def past(context: StageContext) -> StageResult:
    """6,000 past applications, with who proved able."""
    return _applications(context, rows=6_000, seed=7)


def recent(context: StageContext) -> StageResult:
    """1,000 applications that came in since."""
    return _applications(context, rows=1_000, seed=8)


def _applications(context: StageContext, *, rows: int, seed: int) -> StageResult:
    import numpy as np
    import pandas as pd

    from charter.runtime.stages.tables import write_frame

    random = np.random.default_rng(seed)
    experience = random.gamma(2, 3, rows).clip(0, 60)
    score = random.normal(60, 15, rows).clip(0, 100)
    able = 0.25 * (experience - 6) + 0.08 * (score - 60) + random.normal(0, 1, rows) > 0
    frame = pd.DataFrame(
        {
            "experience_in_years": experience.round(2),
            "test_score": score.round(1),
            "group": np.where(random.random(rows) < 0.5, "a", "b"),
            "able": able.astype(int),
        }
    ).drop_duplicates()
    return StageResult(
        {"data": write_frame(frame, context.out / "data.parquet")}, [Evidence("rows", len(frame), "count")]
    )
