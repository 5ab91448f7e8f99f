"""The one place where the runtime refuses what it cannot do: always, and by name."""

from pathlib import Path

import pytest

from charter.runtime.stages.api import StageContext, StageRefused
from charter.runtime.stages.not_run import refuse


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"not_run": ["`rollout`", "`fallback`"]}, "asks for `rollout` and `fallback`"),
        ({"not_run": []}, "asks for what this version cannot do"),
        ({}, "asks for what this version cannot do"),
    ],
)
def test_it_refuses_whatever_the_spec_says(tmp_path: Path, spec: dict[str, object], said: str):
    context = StageContext(
        stage="deploy/production",
        name="production",
        spec=spec,
        inputs={},
        out=tmp_path,
        project=tmp_path,
        measures=(),
        seed=0,
    )
    with pytest.raises(StageRefused) as refused:
        refuse(context)
    assert said in str(refused.value.detail)
    assert list(tmp_path.iterdir()) == []
