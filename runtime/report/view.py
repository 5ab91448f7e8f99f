"""The report as plain data: everything a template shows, already in words; templates only render."""

from dataclasses import dataclass
from typing import Literal

from charter.runtime.report.controls import ControlView, Measured

Tone = Literal["good", "bad", "waiting", "quiet"]


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence with its colour, and the record that it comes from."""

    text: str
    tone: Tone = "quiet"
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate as it last decided."""

    id: str
    point: str
    word: str
    tone: Tone
    seq: int | None


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """One file that a stage made."""

    name: str
    digest: str
    size: str
    erased: bool


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage: where it stands, what was required, measured and made."""

    id: str
    kind: str
    name: str
    tone: Tone
    word: str
    why: str
    place: str
    work: tuple[str, ...]
    entry: GateView
    exit: GateView
    controls: tuple[ControlView, ...]
    facts: tuple[Measured, ...]
    artifacts: tuple[ArtifactView, ...]
    notes: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class FindingView:
    """One violation or warning of a decision."""

    control: str
    code: str
    message: str
    severity: str
    clauses: tuple[str, ...]
    remedy: str
    evidence: str
    waiver: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One decision as the ledger holds it."""

    seq: int
    time: str
    gate: str
    iteration: int
    check: int
    word: str
    tone: Tone
    violations: tuple[FindingView, ...]
    warnings: tuple[FindingView, ...]
    obligations: tuple[str, ...]
    evaluated: tuple[str, ...]
    engine: str
    bundle: str
    input: str
    actor: str
    applied: int | None
    """Record of the effect; None: nothing has happened because of it."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The last of a gate's decisions that did not allow; `later` is the record of one that did."""

    decision: DecisionView
    times: int
    later: int | None


@dataclass(frozen=True, slots=True)
class StatementView:
    """One signed statement, and whether it counts now."""

    person: str
    name: str
    role: str
    decision: str
    time: str
    key: str
    counts: bool
    reason: str
    comment: str
    seq: int


@dataclass(frozen=True, slots=True)
class SignedView:
    """One approval or waiver of the charter with all that was signed for it; `gate` says where it stands."""

    id: str
    text: str
    place: str
    gate: GateView
    statements: tuple[StatementView, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline."""

    time: str
    seqs: str
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The ledger's end, what a verification of the whole of it found when the report was made, and its key."""

    origin: str
    size: int
    root: str
    key: str
    verdict: str
    tone: Tone
    findings: tuple[str, ...]
    checkpoint: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoxView:
    """A stage in the drawing: centre, upper edge, words."""

    stage: StageView
    x: float
    y: float
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class EdgeView:
    """A transition in the drawing; `done` when its source's exit and its target's entry are open."""

    path: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lifecycle graph; `wide` when it needs the width of the page."""

    boxes: tuple[BoxView, ...]
    edges: tuple[EdgeView, ...]
    width: float
    height: float
    wide: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with what it counts."""

    value: str
    label: str
    tone: Tone = "quiet"


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report."""

    name: str
    version: str
    owner: str
    purpose: str
    risk: str
    packs: str
    iteration: int
    meaning: str
    bundle: str
    ir: str
    generated: str
    made_by: str
    tone: Tone
    state: str
    facts: tuple[Fact, ...]
    story: tuple[Line, ...]
    drawing: Drawing
    stages: tuple[StageView, ...]
    denied: tuple[HeldBack, ...]
    decisions: tuple[DecisionView, ...]
    approvals: tuple[SignedView, ...]
    waivers: tuple[SignedView, ...]
    unchecked: tuple[Line, ...]
    timeline: tuple[Moment, ...]
    ledger: LedgerView
