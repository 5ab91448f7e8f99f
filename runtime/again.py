"""Measures again what a run measured, on the very same inputs, and compares.

The grade `reproduced` is for evidence that somebody else found again (POLICY, evidence grades). Only built-in stages
without effects outside are measured again: what a team's own code reports is declared, however often it says so.
"""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

from charter.compiler.ir import Stage
from charter.runtime.events import EvidenceRecord
from charter.runtime.executor import Ending, Executor
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.intake import ResultRefused, changed_pin, claimed
from charter.runtime.report.source import Source
from charter.runtime.secrets_redacted import redactor, without_secrets
from charter.runtime.state import Finished
from charter.runtime.store import ArtifactStore
from charter.runtime.tasks import resources_of, task_of

KINDS = frozenset({"acquire", "prepare", "validate", "split", "evaluate"})
"""Kinds whose work has no effect outside, and no part in making a model."""

TOLERANCE = 1e-6
"""Largest difference, relative or absolute, between two measurements that count as the same: what other processors
and libraries do to the last digits of floating-point sums, and nothing that a bound could turn on."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One record and what was found this time; None where nothing of the kind was."""

    recorded: EvidenceRecord
    again: EvidenceRecord | None

    @property
    def same(self) -> bool:
        """Whether both agree: value and interval within the tolerance, everything else exactly."""
        return self.again is not None and _same(self.recorded, self.again)


def measurable(source: Source, name: str) -> tuple[Stage, Finished]:
    """The stage and the result that counts now.

    Raises:
        Failure: no such stage, nothing measured, or a stage that cannot be measured again.
    """
    stages = {stage.id: stage for stage in source.ir.stages}
    fit = [f"`{stage.id}`" for stage in stages.values() if stage.kind in KINDS and not stage.project_code]
    stage = stages.get(name)
    if stage is None or f"`{name}`" not in fit:
        raise Failure(
            "cannot be measured again",
            f"`{name}` is not a built-in stage that only measures. Those here are {', '.join(fit) or 'none'}.",
        )
    result = source.standing[name].result
    if result is None:
        raise Failure("nothing measured yet", f"`{name}` has no result that counts now: {source.standing[name].why}.")
    return stage, result


def measure_again(source: Source, stage: Stage, result: Finished, executor: Executor) -> tuple[Compared, ...]:
    """Do a stage's work once more in a process of its own.

    Raises:
        Failure: an input is gone or altered, or the work ended without a result.
    """
    inputs = _inputs(source, stage)
    if changed := changed_pin(source.ir, stage, source.project.root):
        raise Failure("an input has changed", changed, exit_code=ExitCode.DENIED)
    with tempfile.TemporaryDirectory(prefix="charter-again-") as name:
        directory = Path(name).resolve()
        (directory / "out").mkdir()
        task = task_of(
            stage, source.project, inputs=inputs, directory=directory, threads=1, effect="measured again", dossier={}
        )
        ended = executor.submit(task, resources=resources_of(stage)).result()
        outcome = without_secrets(ended, redactor(source.ir))
        if outcome.ending is not Ending.DONE:
            raise Failure(
                "it could not be measured again",
                f"`{stage.id}`: {outcome.summary}. {outcome.detail}",
                exit_code=ExitCode.DENIED,
            )
        try:
            found = claimed(source.ir, stage, directory, outcome.result).evidence
        except ResultRefused as refused:
            raise Failure(refused.summary, refused.detail, exit_code=ExitCode.DENIED) from refused
    now = {_label(record): record for record in found}
    return tuple(Compared(record, now.get(_label(record))) for record in result.body.evidence)


def _inputs(source: Source, stage: Stage) -> dict[str, Path]:
    store = ArtifactStore(source.project.store)
    inputs = {}
    for item in stage.inputs:
        made = source.standing[item.stage].result
        digest = made.body.artifacts[item.artifact].digest if made is not None else ""
        if not digest or not store.holds(digest):
            raise Failure(
                "an input is gone",
                f"`{item.name}` of `{stage.id}` is not in `{source.project.store}` as it was recorded: it was erased, "
                "lost or altered, so this cannot be measured again.",
                exit_code=ExitCode.DENIED,
            )
        inputs[item.name] = store.path(digest)
    return inputs


def _label(record: EvidenceRecord) -> tuple[object, ...]:
    """What a record is a measurement of."""
    return (record.metric, record.each, record.item, record.over, record.on, record.attack, record.method)


def _same(one: EvidenceRecord, other: EvidenceRecord) -> bool:
    if (one.unit, one.n, one.number, one.confidence) != (other.unit, other.n, other.number, other.confidence):
        return False
    if not one.number:
        return one.value == other.value
    return all(_close(getattr(one, name), getattr(other, name)) for name in ("value", "low", "high"))


def _close(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(float(str(one)), float(str(other)), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
