"""Reading the inference log that a deployment's server writes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.serving import INFERENCE_LOG, server_directory


@dataclass
class Logged:
    """What one model was asked and what came of it: values by feature, and counts of requests."""

    columns: dict[str, list[Any]] = field(default_factory=dict)
    answered: int = 0
    failed: int = 0


def read_inference_log(state: Path, deployment: str, model: str, features: list[str]) -> Logged:
    """All predictions that a model made for a deployment, its own tests left out.

    Args:
        state: the project's state directory.
        deployment: its name.
        model: digest of the model file; entries of other models are left out.
        features: columns to collect.

    Raises:
        StageRefused: no log, no entry of this model, or an entry that cannot be read.
    """
    path = server_directory(state, deployment) / INFERENCE_LOG
    logged = Logged(columns={name: [] for name in features})
    for number, entry in _entries(path):
        if entry.get("model") != model or entry.get("smoke"):
            continue
        if "error" in entry:
            logged.failed += 1
            continue
        try:
            for name in features:
                logged.columns[name].append(entry["features"][name])
        except (KeyError, TypeError) as error:
            raise _damaged(path, number) from error
        logged.answered += 1
    if logged.answered + logged.failed == 0:
        raise StageRefused(
            "no data",
            f"nothing has asked `{deployment}` for a prediction by this model yet, so there is nothing to measure, "
            "and nothing is not a pass. Check that traffic reaches it, or monitor it on a dataset: "
            "`monitor ... on DATASET`.",
        )
    return logged


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith("\n"):
                    return  # the server is in the middle of this line, or died there
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise _damaged(path, number) from error
                if not isinstance(entry, dict):
                    raise _damaged(path, number)
                yield number, entry
    except FileNotFoundError:
        return


def _damaged(path: Path, number: int) -> StageRefused:
    return StageRefused(
        "inference log is damaged",
        f"line {number} of `{path}` is not an entry that the server wrote. Find out who changed the file; move it away "
        "to start a new one, which loses what it held.",
    )
