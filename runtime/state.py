"""State is the fold of the ledger: what is finished, decided, approved, live and retired.

Nothing here is stored anywhere else. Everything is per iteration and stage; a decision counts only for
the result key it was made about, so work that changed is never covered by an older decision.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct, field

from charter.runtime.erased import hold_back, may_be_rejected
from charter.runtime.events import (
    BODIES,
    ActSigned,
    Body,
    Erased,
    GateApplied,
    GateDecided,
    IterationOpened,
    Reacted,
    RunClosed,
    RunOpened,
    ServerStopped,
    StageFailed,
    StageFinished,
    StageStarted,
    StatementSigned,
)
from charter.runtime.ledger.administration import ERASED, erased_records
from charter.runtime.suspension import RECALL, suspend


class RecordedEvent(Protocol):
    """What the fold needs of a ledger record."""

    @property
    def seq(self) -> int:
        """Sequence number."""

    @property
    def kind(self) -> str:
        """Tag of the body."""

    @property
    def time(self) -> str:
        """RFC 3339, UTC."""

    @property
    def body(self) -> object:
        """Decoded JSON."""


class Gap(Struct):
    """A record that runs build on and whose body is gone; `ground` and `by` are None when no erasure says so."""

    seq: int
    kind: str
    time: str
    subject: str = ""
    ground: str | None = None
    by: str | None = None


class Decided(Struct, frozen=True):
    """A gate's decision with its place in the ledger."""

    seq: int
    time: str
    body: GateDecided
    applied: bool = False


class Finished(Struct, frozen=True):
    """A stage's result with its place in the ledger."""

    seq: int
    time: str
    body: StageFinished


class Signed(Struct, frozen=True):
    """A signed statement with its place in the ledger."""

    seq: int
    time: str
    body: StatementSigned


class Act(Struct, frozen=True):
    """A signed act with its place in the ledger; whether it counts is for the trust root to say."""

    seq: int
    time: str
    body: ActSigned


class StageState(Struct):
    """What is known of one stage in one iteration."""

    started: StageStarted | None = None
    finished: Finished | None = None
    failed: StageFailed | None = None
    entry: Decided | None = None
    exit: Decided | None = None
    checks: list[Finished] = field(default_factory=list)
    """Every finished check, for monitors."""

    def entry_open(self, key: str, bundle: str) -> bool:
        """Whether the entry gate allowed exactly this work under these policies."""
        return _covers(self.entry, key, bundle)

    def exit_open(self, key: str, bundle: str) -> bool:
        """Whether the exit gate allowed exactly this result under these policies."""
        return _covers(self.exit, key, bundle)

    def result(self, key: str) -> Finished | None:
        """The finished result of exactly this work."""
        return self.finished if self.finished and self.finished.body.key == key else None


def _covers(decided: Decided | None, key: str, bundle: str) -> bool:
    return decided is not None and decided.body.allow and decided.body.key == key and decided.body.bundle == bundle


class State(Struct):
    """The fold so far. `apply` is the only way in."""

    iteration: int = 0
    runs: list[RunOpened] = field(default_factory=list)
    opened: dict[str, str] = field(default_factory=dict)
    """When each run began, by its name."""
    closed: dict[str, str] = field(default_factory=dict)
    stages: dict[tuple[int, str], StageState] = field(default_factory=dict)
    results: dict[str, Finished] = field(default_factory=dict)
    """The latest result by key, whatever its iteration: unchanged work is not done again. Never a taken-over one."""
    signed: list[Signed] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    """Everything else that people signed: waivers, attestations, halts, broken glass."""
    reactions: list[tuple[int, str, Reacted]] = field(default_factory=list)
    erased: dict[str, Erased] = field(default_factory=dict)
    rolled_back: dict[str, str] = field(default_factory=dict)
    """When a monitor stopped what a deploy stage served, for those that serve nothing new since."""
    servers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Servers that each deploy stage started and that nothing has stopped since."""
    suspended: dict[tuple[str, str], list[tuple[str, int]]] = field(default_factory=dict)
    """Results, by stage and key, that rest on something recalled: what, and the record that recalled it."""
    live_since: dict[str, Decided] = field(default_factory=dict)
    """The decision that first let what each deploy stage now serves go live."""
    attempts: dict[tuple[int, str, int], int] = field(default_factory=dict)
    """How often each gate was decided, by iteration, gate and check."""
    gaps: dict[int, Gap] = field(default_factory=dict)
    """Records whose bodies are gone, by number: nothing they said counts, and nothing that they may have overturned."""
    last_time: str = ""
    size: int = 0

    def stage(self, stage: str, iteration: int | None = None) -> StageState:
        """State of a stage, empty if nothing happened yet."""
        return self.stages.setdefault((iteration or self.iteration, stage), StageState())

    def apply(self, recorded: RecordedEvent) -> None:
        """Fold one ledger record in; kinds that say nothing about progress only move time on."""
        self.size = recorded.seq + 1
        self.last_time = recorded.time
        decode = BODIES.get(recorded.kind)
        if decode is None:
            self._account(recorded)
        elif getattr(recorded, "erased", False):
            gap = Gap(recorded.seq, recorded.kind, recorded.time, getattr(recorded, "subject", ""))
            self.gaps[recorded.seq] = gap
            hold_back(self, gap)
        else:
            self._take(recorded, msgspec.convert(recorded.body, decode))

    def _take(self, recorded: RecordedEvent, body: Body) -> None:
        match body:
            case RunOpened():
                self.runs.append(body)
                self.opened[body.run] = recorded.time
            case RunClosed():
                self.closed[body.run] = body.outcome
            case IterationOpened():
                self.iteration = body.iteration
            case StageStarted():
                state = self.stage(body.stage, body.iteration)
                state.started, state.failed = body, None
            case StageFailed():
                self.stage(body.stage, body.iteration).failed = body
            case StageFinished():
                self._finish(Finished(recorded.seq, recorded.time, body))
            case GateDecided():
                state = self.stage(body.stage, body.iteration)
                setattr(state, body.point, Decided(recorded.seq, recorded.time, body))
                attempt = (body.iteration, body.gate, body.check)
                self.attempts[attempt] = self.attempts.get(attempt, 0) + 1
                self._note_live(recorded, body)
            case GateApplied():
                self._mark_applied(body)
            case StatementSigned():
                if not may_be_rejected(self, body.approval):
                    self.signed.append(Signed(recorded.seq, recorded.time, body))
            case ActSigned():
                self.acts.append(Act(recorded.seq, recorded.time, body))
                if body.act == RECALL:
                    suspend(self, body.name, recorded.seq)
            case Reacted():
                self.reactions.append((recorded.seq, recorded.time, body))
            case ServerStopped():
                left = [item for item in self.servers.get(body.stage, []) if item.get("address") != body.address]
                self.servers[body.stage] = left
                if body.because == "rollback":
                    self.rolled_back[body.stage] = recorded.time
            case Erased():
                self.erased[body.digest] = body

    def _account(self, recorded: RecordedEvent) -> None:
        """Note why records are gone, when it is the record of an erasure."""
        body = recorded.body
        if recorded.kind != ERASED or not isinstance(body, Mapping):
            return
        for gap in filter(None, map(self.gaps.get, erased_records(recorded.seq, body))):
            gap.ground, gap.by = str(body.get("ground")), str(body.get("actor"))

    def _finish(self, finished: Finished) -> None:
        body = finished.body
        state = self.stage(body.stage, body.iteration)
        state.finished, state.failed = finished, None
        if not body.reused:
            self.results[body.key] = finished
        if body.check:
            state.checks.append(finished)
        server = body.effects.get("server") if body.stage.startswith("deploy/") else None
        if server is not None:
            self.rolled_back.pop(body.stage, None)
        if server is not None and server not in self.servers.setdefault(body.stage, []):
            self.servers[body.stage].append(server)

    def _note_live(self, recorded: RecordedEvent, body: GateDecided) -> None:
        if not (body.allow and body.point == "exit" and body.stage.startswith("deploy/")):
            return
        before = self.live_since.get(body.stage)
        if before is None or before.body.key != body.key:  # deciding again about the same does not make it new
            self.live_since[body.stage] = Decided(recorded.seq, recorded.time, body)

    def _mark_applied(self, body: GateApplied) -> None:
        state = self.stage(body.stage, body.iteration)
        decided: Decided | None = getattr(state, body.point)
        if decided is not None and decided.seq == body.decision:
            setattr(state, body.point, Decided(decided.seq, decided.time, decided.body, applied=True))


def fold(events: Iterable[RecordedEvent]) -> State:
    """State after all of `events`, in ledger order."""
    state = State()
    for recorded in events:
        state.apply(recorded)
    return state
