"""A stage's work as plain data for an executor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from charter.compiler.ir import Stage
from charter.runtime.executor import Resources, Task
from charter.runtime.project import Project
from charter.runtime.workers.flavours import flavour_of

_WITH_STATE = frozenset({"deploy", "monitor", "retire"})


def task_of(
    stage: Stage,
    project: Project,
    *,
    inputs: Mapping[str, Path],
    directory: Path,
    threads: int,
    effect: str,
    dossier: Mapping[str, Any],
) -> Task:
    """The work of a stage on these inputs, in this directory (which has an empty `out`)."""
    return Task(
        name=stage.id,
        callable=stage.callable or "",
        context={
            "stage": stage.id,
            "name": stage.name,
            "spec": stage.spec,
            "inputs": {name: str(path) for name, path in inputs.items()},
            "project": str(project.root),
            "measures": [msgspec.to_builtins(measure) for measure in stage.measures],
            "seed": stage.seed,
            "threads": threads,
            "effect": effect,
            "dossier": dossier,
            "state": str(project.state) if stage.kind in _WITH_STATE else None,
        },
        directory=directory,
        project=project.root if stage.project_code else None,
        flavour=flavour_of(stage.kind, project_code=stage.project_code),
    )


def resources_of(stage: Stage) -> Resources:
    """What a stage may use."""
    return Resources(stage.limits.seconds, stage.limits.memory_bytes, stage.limits.gpus)
