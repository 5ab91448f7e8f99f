"""How often an evaluation was tried on the very rows that it is judged on (rule 6): trying often finds luck."""

from collections.abc import Iterable

import msgspec

from charter.compiler.ir import IR, Stage
from charter.runtime.events import StageFinished
from charter.runtime.state import RecordedEvent


def attempts(ir: IR, events: Iterable[RecordedEvent]) -> dict[str, int]:
    """By evaluation stage, how often it was measured anew on the data that it is measured on now."""
    stages = {stage.id: stage for stage in ir.stages if stage.kind == "evaluate"}
    latest: dict[tuple[str, str], str] = {}
    counts: dict[str, dict[str, int]] = {name: {} for name in stages}
    for recorded in events:
        if recorded.kind != "stage.finished":
            continue
        body = msgspec.convert(recorded.body, StageFinished)
        for name, artifact in body.artifacts.items():
            latest[body.stage, name] = artifact.digest
        stage = stages.get(body.stage)
        if stage is not None and not body.reused:
            data = _data(stage, latest)
            counts[stage.id][data] = counts[stage.id].get(data, 0) + 1
    return {name: counts[name].get(_data(stage, latest), 0) for name, stage in stages.items()}


def _data(stage: Stage, latest: dict[tuple[str, str], str]) -> str:
    """Digests of what the evaluation reads besides the model."""
    return " ".join(latest.get((item.stage, item.artifact), "") for item in stage.inputs if item.name != "model")
