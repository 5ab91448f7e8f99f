"""Small real-looking data, and one call that runs a stage as the runtime would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from charter.runtime.stages.api import Measure, StageContext, StageRefused, StageResult

ROLES: Mapping[str, Any] = {"target": "loan", "protected": ["gender"], "personal": ["name"]}
SPLIT: Mapping[str, Any] = {
    "parts": {"train": 0.6, "validation": 0.2, "test": 0.2},
    "stratified_by": "loan",
    "seed": 7,
}


def applications(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Applicants whose loan depends on income, age and trade, and whose income depends on gender."""
    rng = np.random.default_rng(seed)
    gender = rng.choice(["Female", "Male"], rows, p=[0.4, 0.6])
    age = rng.integers(18, 80, rows)
    income = rng.normal(40, 10, rows) + 12 * (gender == "Male")
    trade = rng.choice(["farm", "shop", "office"], rows)
    logit = (income - 47) / 6 + (age - 45) / 30 + (trade == "office")
    loan = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    names = [f"person {number}" for number in range(rows)]
    return pd.DataFrame({"name": names, "gender": gender, "age": age, "income": income, "trade": trade, "loan": loan})


@dataclass
class Bench:
    """A scratch project in which stages run one after the other."""

    root: Path
    _count: int = field(default=0)

    def file(self, name: str, frame: pd.DataFrame) -> Path:
        """A frame as a Parquet artifact."""
        path = self.root / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        return path

    def run(
        self,
        stage: Callable[[StageContext], StageResult],
        spec: Mapping[str, Any],
        inputs: Mapping[str, Path] | None = None,
        measures: Sequence[Measure] = (),
        **more: Any,
    ) -> StageResult:
        """Run a stage in an empty directory of its own."""
        self._count += 1
        out = self.root / f"out-{self._count}"
        out.mkdir()
        context = StageContext(
            stage=more.pop("stage", f"{stage.__name__}/sample"),
            name=more.pop("name", "sample"),
            spec=spec,
            inputs=inputs or {},
            out=out,
            project=self.root,
            measures=measures,
            **more,
        )
        result = stage(context)
        for path in result.artifacts.values():
            assert path.is_file() and path.is_relative_to(out)
        return result

    def refuse(self, *args: Any, **more: Any) -> StageRefused:
        """Run a stage that must refuse; its message must be fit for people."""
        with pytest.raises(StageRefused) as caught:
            self.run(*args, **more)
        refused = caught.value
        assert refused.summary[0].islower() and not refused.summary.endswith(".")
        assert refused.detail and "Traceback" not in refused.detail
        return refused


def value(result: StageResult, metric: str, item: str | None = None) -> Any:
    """The one value of a metric (of an item)."""
    found = [e.value for e in result.evidence if e.metric == metric and e.item == item]
    assert len(found) == 1, (metric, item, result.evidence)
    return found[0]
