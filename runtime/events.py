"""The bodies of ledger events: one typed struct a kind. State is the fold of these and nothing else.

Decimals are strings: a body is canonical JSON without floats (LEDGER). Times are RFC 3339, UTC.
"""

from typing import Any, Literal

import msgspec


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Common to all bodies: the run that recorded it."""

    run: str


class RunOpened(_Body, frozen=True, kw_only=True, tag="run.opened", tag_field="kind"):
    """A run began, with what it will execute and who asked for it."""

    lifecycle: str
    version: str
    ir: str
    meaning: str
    bundle: str
    charter: str
    actor: str
    """The person of the trust root whose key signed this run's start; else the claimed system user."""
    engine: str
    host: str
    key: str | None = None
    """Id of the key that authenticated the actor; None: nobody was authenticated."""
    pins: dict[str, str] = {}
    overrides: dict[str, str] = {}
    """Parameters that were set on the command line, as they were written."""
    trust: str | None = None
    """Digest of the trust root's version in force: later roots must continue it."""


class RunClosed(_Body, frozen=True, kw_only=True, tag="run.closed", tag_field="kind"):
    """A run ended in order; `outcome` is the exit code's name."""

    outcome: str


class IterationOpened(_Body, frozen=True, kw_only=True, tag="iteration.opened", tag_field="kind"):
    """A new pass through the graph; the first opens with the first run, later ones by a retrain."""

    iteration: int
    because: str


class Artifact(msgspec.Struct, frozen=True):
    """One file a stage made: content digest (`sha256:...`) and size in bytes."""

    digest: str
    size: int


class EvidenceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`Evidence` as recorded: numbers as decimal strings, with the grade that the runtime gave it."""

    metric: str
    value: str | int | bool
    grade: Literal["declared", "measured", "attested", "reproduced"]
    number: bool = False
    """Whether `value` is a decimal number rather than text."""
    unit: str | None = None
    n: int | None = None
    low: str | None = None
    high: str | None = None
    confidence: str | None = None
    method: str | None = None
    each: str | None = None
    item: str | None = None
    over: str | None = None
    on: str | None = None
    attack: str | None = None


class StageStarted(_Body, frozen=True, kw_only=True, tag="stage.started", tag_field="kind"):
    """A stage's work began in a process of its own."""

    stage: str
    iteration: int
    key: str
    check: int = 0


class StageFinished(_Body, frozen=True, kw_only=True, tag="stage.finished", tag_field="kind"):
    """A stage's work is done, its files are in the store, its output still behind the exit gate.

    `reused` names the key's earlier result when nothing had to run. `check` counts a monitor's checks from 1.
    `reads` are files of the project that a team's code opened by itself, and that no result key covers.
    """

    stage: str
    iteration: int
    key: str
    artifacts: dict[str, Artifact]
    evidence: tuple[EvidenceRecord, ...]
    effects: dict[str, Any] = {}
    milliseconds: int = 0
    peak_bytes: int = 0
    reused: bool = False
    check: int = 0
    reads: tuple[str, ...] = ()


class StageFailed(_Body, frozen=True, kw_only=True, tag="stage.failed", tag_field="kind"):
    """A stage ended without a result: refused | raised | time | memory | died | interrupted | output."""

    stage: str
    iteration: int
    key: str
    reason: str
    summary: str
    detail: str
    check: int = 0


class GateDecided(_Body, frozen=True, kw_only=True, tag="gate.decided", tag_field="kind"):
    """OPA decided; durable before anything happens because of it. The input's exact bytes are attached."""

    gate: str
    stage: str
    point: Literal["entry", "exit"]
    iteration: int
    key: str
    """The stage's result key: a decision is about exactly this work."""
    allow: bool
    waiting: bool
    time: str
    actor: str
    input: str
    subject: str
    content: str
    """Digest of the input without its time: the same content is not decided twice."""
    bundle: str
    revision: str
    entrypoint: str
    engine: str
    engine_version: str
    engine_digest: str
    violations: tuple[dict[str, Any], ...] = ()
    warnings: tuple[dict[str, Any], ...] = ()
    obligations: tuple[dict[str, Any], ...] = ()
    evaluated: tuple[str, ...] = ()
    check: int = 0


class GateApplied(_Body, frozen=True, kw_only=True, tag="gate.applied", tag_field="kind"):
    """What the decision at `decision` (its sequence number) allowed has happened."""

    gate: str
    stage: str
    point: Literal["entry", "exit"]
    iteration: int
    key: str
    decision: int
    check: int = 0


class StatementSigned(_Body, frozen=True, kw_only=True, tag="statement.signed", tag_field="kind"):
    """A person signed a statement (an approval, a rejection); the DSSE envelope is attached."""

    type: Literal["approve", "reject"]
    approval: str
    person: str
    role: str
    key: str
    statement: str
    envelope: str
    iteration: int


class ActSigned(_Body, frozen=True, kw_only=True, tag="act.signed", tag_field="kind"):
    """A person signed something else than an approval; the DSSE envelope is attached.

    `name` is what it is about: a waiver's name, evidence (`stage:metric`), a gate, the lifecycle.
    """

    act: Literal[
        "waive",
        "withdraw",
        "attest",
        "reproduce",
        "halt",
        "resume",
        "break-glass",
        "close-review",
        "recall",
        "reinstate",
    ]
    name: str
    person: str
    role: str
    """The role of the trust root that they acted in; empty for an act that needs none."""
    key: str
    statement: str
    envelope: str
    iteration: int
    comment: str = ""


class Reacted(_Body, frozen=True, kw_only=True, tag="reaction.taken", tag_field="kind"):
    """A monitor's breach had its declared reaction."""

    stage: str
    iteration: int
    check: int
    control: str
    reaction: str
    to: str | None = None
    outcome: str = ""


class ServerStopped(_Body, frozen=True, kw_only=True, tag="server.stopped", tag_field="kind"):
    """A deployment's server is no longer live, and why: superseded | denied | rollback | retired."""

    stage: str
    iteration: int
    because: str
    address: str


class Erased(_Body, frozen=True, kw_only=True, tag="artifact.erased", tag_field="kind"):
    """An artifact left the store because a retirement said so."""

    stage: str
    iteration: int
    dataset: str
    digest: str


class SubjectAnswered(_Body, frozen=True, kw_only=True, tag="subject.answered", tag_field="kind"):
    """Somebody answered where one person's data went. `answer` is the document's digest; the ledger names nobody."""

    person: str
    """Who answered."""
    key: str
    answer: str
    places: dict[str, int]
    """How many places called for what: erase, keep, make anew, nothing, look yourself."""


Body = (
    RunOpened
    | RunClosed
    | IterationOpened
    | StageStarted
    | StageFinished
    | StageFailed
    | GateDecided
    | GateApplied
    | StatementSigned
    | ActSigned
    | Reacted
    | ServerStopped
    | Erased
    | SubjectAnswered
)

BODIES: dict[str, type[Body]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        RunOpened,
        RunClosed,
        IterationOpened,
        StageStarted,
        StageFinished,
        StageFailed,
        GateDecided,
        GateApplied,
        StatementSigned,
        ActSigned,
        Reacted,
        ServerStopped,
        Erased,
        SubjectAnswered,
    )
}
"""Body types by the kind that the ledger's header names."""


def body_kind(body: Body) -> str:
    """The kind of an event, as in the ledger's header."""
    return str(type(body).__struct_config__.tag)
