"""The contract between the runtime and a stage's code, built-in or a team's own.

A stage is a callable `function(context: StageContext) -> StageResult`. It runs in a process of its own,
reads only what the context names, writes only below `context.out`, and reports what it measured as
`Evidence`. It never grades evidence, never decides, and never sees the ledger.

Built-in stages, with the inputs they are given and the outputs they owe (each a single file):

| kind     | inputs                              | outputs               |
|----------|-------------------------------------|-----------------------|
| acquire  | one per dataset of `from`           | data (Parquet)        |
| prepare  | data                                | data (Parquet)        |
| validate | data                                |                       |
| split    | data                                | one per part (Parquet)|
| train    | train, validation (if declared)     | model                 |
| evaluate | model, data                         | predictions (Parquet) |
| deploy   | model, reference (Parquet)          | package (zip)         |
| monitor  | model, reference, current (Parquet) | report (JSON)         |
| retire   | model                               | archive (tar.gz)      |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured fact.

    `metric`, `each`, `over`, `on` and `attack` are those of the `Measure` that asked for it. With `each`,
    one record per item: `item` is the group or feature (`each="sex"`, `item="Female"`).

    Attributes:
        value: finite number, or a bool or short text for facts that are no numbers.
        unit: ratio | count | seconds | bytes | number | None.
        n: rows (or trials) it was measured on.
        low, high: ends of the confidence interval, at level `confidence`, by `method`.
    """

    metric: str
    value: float | int | bool | str
    unit: str | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    method: str | None = None
    each: str | None = None
    item: str | None = None
    over: str | None = None
    on: str | None = None
    attack: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One piece of evidence that the charter asks for; see `charter.compiler.ir.Measure`."""

    metric: str
    each: str | None = None
    over: str | None = None
    on: str | None = None
    attack: Mapping[str, Any] | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class StageContext:
    """All that a stage may know.

    Attributes:
        stage: its id, `train/scorecard`.
        name: the declaration's name, `scorecard`.
        spec: the stage's part of the IR, normalised (ratios in [0, 1], seconds, bytes).
        inputs: files of earlier stages, by input name; read-only.
        out: an empty directory of its own.
        project: the project's directory, for files that the charter names.
        measures: the evidence it is asked for; what it cannot measure it must refuse, not skip.
        seed: for every random generator it uses.
        threads: CPU threads it may use.
        effect: id of the decision that allowed its outside effect; ask for it before repeating the effect.
        dossier: lifecycle, and the evidence and decisions so far, for model cards and archives.
        state: the project's state directory, only for stages with effects (deploy, retire).
    """

    stage: str
    name: str
    spec: Mapping[str, Any]
    inputs: Mapping[str, Path]
    out: Path
    project: Path
    measures: Sequence[Measure] = ()
    seed: int = 0
    threads: int = 1
    effect: str | None = None
    dossier: Mapping[str, Any] = field(default_factory=dict)
    state: Path | None = None


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage made and measured.

    Attributes:
        artifacts: files below `context.out`, by output name.
        evidence: what was measured.
        effects: what now exists outside, as JSON: `{"server": {"address": ..., "pid": ...}}`.
    """

    artifacts: Mapping[str, Path] = field(default_factory=dict)
    evidence: Sequence[Evidence] = ()
    effects: Mapping[str, Any] = field(default_factory=dict)


class StageRefused(Exception):
    """A stage cannot do its work for a reason that a person can mend: wrong columns, one class only.

    Args:
        summary: about five words, lower-case start, no period.
        detail: full sentences: what, where, what to do.
    """

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(f"{summary}: {detail}")
        self.summary = summary
        self.detail = detail


class StageCallable(Protocol):
    """The signature of every stage."""

    def __call__(self, context: StageContext) -> StageResult:
        """Do the work of one stage."""
        ...
