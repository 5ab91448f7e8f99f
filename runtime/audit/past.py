"""What was decided, read back from the ledger and the store: each decision with its exact input and its bundle.

Old records are read as they were written: nothing here asks whether today's compiler would write the same.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from charter.compiler.ir import Bundle
from charter.compiler.rego.digest import bundle_digest
from charter.runtime.audit.gone import Erasures
from charter.runtime.events import GateApplied, GateDecided, RunOpened, StageFinished
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger, Recorded
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore

_MAX_IR = 64 << 20
PROGRESS_EVERY = 500
Progress = Callable[[int, int], None]
_B = TypeVar("_B")


@dataclass(frozen=True, slots=True)
class PastDecision:
    """One recorded decision of a gate; `body` is None when it is gone."""

    seq: int
    time: str
    body: GateDecided | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """What an audit needs of an IR: its bundle, and which controls its gates must evaluate.

    Attributes:
        ir: digest of the document.
        document: its exact bytes.
        controls: by gate.
    """

    ir: str
    document: bytes = field(repr=False)
    bundle: Bundle
    controls: Mapping[str, tuple[str, ...]]
    meaning: str


@dataclass
class Past:
    """A ledger's decisions, and what they were decided with.

    Attributes:
        runs: what each run would execute, by run.
        applied: numbers of the decisions whose effect is recorded.
    """

    ledger: Ledger
    store: ArtifactStore | None
    decisions: list[PastDecision] = field(default_factory=list)
    runs: dict[str, RunOpened] = field(default_factory=dict)
    applied: set[int] = field(default_factory=set)
    results: list[tuple[int, StageFinished]] = field(default_factory=list)
    events: list[Recorded] = field(default_factory=list)
    state: State = field(default_factory=State)
    erasures: Erasures = field(default_factory=Erasures)
    _compiled: dict[str, "Compiled | str"] = field(default_factory=dict)

    def input(self, body: GateDecided) -> bytes | None:
        """The exact bytes that were decided; None when they are gone."""
        return self.ledger.attachment(body.input)

    def compiled(self, body: GateDecided) -> "Compiled | str":
        """The IR of the decision's run; else, in words, why there is none to re-decide with."""
        opened = self.runs.get(body.run)
        if opened is None:
            return f"the ledger has no opening of its run `{body.run}`"
        found = self.compiled_of(opened)
        if isinstance(found, Compiled) and found.bundle.digest != body.bundle:
            return f"the compiled charter of its run has other policies ({found.bundle.digest[7:19]})"
        return found

    def compiled_of(self, opened: RunOpened) -> "Compiled | str":
        """The IR that a run recorded; else, in words, why there is none."""
        if opened.ir not in self._compiled:
            self._compiled[opened.ir] = self._read(opened.ir)
        return self._compiled[opened.ir]

    def _read(self, digest: str) -> "Compiled | str":
        attached = self.ledger.attachment(digest)
        if attached is not None:
            return read_compiled(attached) or f"the compiled charter {digest[7:19]} cannot be read"
        if self.store is None:
            return "the ledger does not hold the compiled charter, and no artifact store was given"
        try:
            data = self.store.read(digest)
        except (Failure, ValueError):
            return f"the compiled charter {digest[7:19]} is not in the store, or was altered there"
        return read_compiled(data) or f"the compiled charter {digest[7:19]} cannot be read"


class _Gate(msgspec.Struct, frozen=True):
    id: str
    controls: tuple[str, ...]


class _Stage(msgspec.Struct, frozen=True):
    entry: _Gate
    exit: _Gate


class _IR(msgspec.Struct, frozen=True):
    """The part of an IR that audits read, whatever else its version has."""

    bundle: Bundle
    stages: tuple[_Stage, ...]
    meaning: str


def read_compiled(data: bytes) -> Compiled | None:
    """The parts of an IR document, whose digest the caller has checked; None when it is none, or its bundle altered."""
    if len(data) > _MAX_IR:
        return None
    try:
        ir = msgspec.json.decode(data, type=_IR)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if bundle_digest(ir.bundle) != ir.bundle.digest:
        return None
    gates = {gate.id: gate.controls for stage in ir.stages for gate in (stage.entry, stage.exit)}
    return Compiled(f"sha256:{sha256(data).hexdigest()}", data, ir.bundle, gates, ir.meaning)


def read_past(ledger: Ledger, store: ArtifactStore | None, progress: Progress | None = None) -> Past:
    """Read a ledger once, checking its chain up to the signed end.

    Args:
        ledger: to read.
        store: where compiled charters of older ledgers lie.
        progress: called now and then with the number of records read and of all.

    Raises:
        Tampered: a record was changed.
    """
    past, total = Past(ledger, store), ledger.size
    for event in ledger.events(allow_erased=True):
        past.events.append(event)
        if progress is not None and len(past.events) % PROGRESS_EVERY == 0:
            progress(len(past.events), total)
        past.erasures.see(event)
        _add(past, event)
    return past


def _add(past: Past, event: Recorded) -> None:
    fold_in(past.state, event)
    if event.erased:
        if event.kind == "gate.decided":
            past.decisions.append(PastDecision(event.seq, event.time, None))
        return
    match event.kind:
        case "gate.decided":
            past.decisions.append(PastDecision(event.seq, event.time, _body(event, GateDecided)))
        case "gate.applied":
            past.applied.add(_body(event, GateApplied).decision)
        case "run.opened":
            opened = _body(event, RunOpened)
            past.runs[opened.run] = opened
        case "stage.finished":
            past.results.append((event.seq, _body(event, StageFinished)))


def fold_in(state: State, event: Recorded) -> None:
    """Fold one record in.

    Raises:
        Failure: its body is not of its kind.
    """
    try:
        state.apply(event)
    except msgspec.ValidationError as error:
        raise _foreign(event, error) from None


def _body(event: Recorded, kind: type[_B]) -> _B:
    try:
        return msgspec.convert(event.body, kind)
    except msgspec.ValidationError as error:
        raise _foreign(event, error) from None


def _foreign(event: Recorded, error: msgspec.ValidationError) -> Failure:
    return Failure(
        "a record that Charter did not write",
        f"Record {event.seq} (`{event.kind}`) is signed and whole, but its body is not of that kind: {error}.",
        exit_code=ExitCode.DENIED,
    )


def chosen(past: Past, seqs: Collection[int]) -> Iterator[PastDecision]:
    """The decisions with these numbers, or all of them when there are no numbers.

    Raises:
        Failure: a number that is no decision's.
    """
    missing = set(seqs) - {item.seq for item in past.decisions}
    if missing:
        raise Failure(
            "not a decision",
            f"Record {min(missing)} is not a gate's decision. `charter audit log --kind gate.decided` lists them.",
        )
    yield from (item for item in past.decisions if not seqs or item.seq in seqs)


def input_facts(data: bytes) -> dict[str, Any]:
    """A policy input as a document; empty when it is none."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
