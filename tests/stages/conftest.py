"""What the stage tests share."""

from pathlib import Path

import pytest
from stage_samples import ROLES, SPLIT, Bench, applications

from charter.runtime.stages.api import StageResult
from charter.runtime.stages.split import split
from charter.runtime.stages.train import tabular_mlp


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The parts of a split and a model: train, validation, test, model."""
    bench = Bench(tmp_path_factory.mktemp("trained"))
    parts: StageResult = bench.run(split, {**SPLIT, "target": "loan"}, {"data": bench.file("data", applications())})
    spec = {"task": "binary-classification", **ROLES, "parameters": {"hidden": [8], "epochs": 8, "learning-rate": 0.01}}
    model = bench.run(tabular_mlp, spec, {name: parts.artifacts[name] for name in ("train", "validation")}, seed=3)
    return {**parts.artifacts, **model.artifacts}
