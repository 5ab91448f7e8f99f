"""Lineage from the ledger alone: what a result came from, and what came of it.

A result's inputs are taken from the exact bytes that its gate saw, which the ledger keeps.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from charter.runtime.events import (
    BODIES,
    Body,
    Erased,
    GateDecided,
    Reacted,
    ServerStopped,
    StageFinished,
    StatementSigned,
)
from charter.runtime.failure import Failure
from charter.runtime.report.decisions import verdict_word
from charter.runtime.state import RecordedEvent

Attachment = Callable[[str], bytes | None]
"""Reads a ledger's attachment by digest; None when it is gone."""

AFTER = "after"
"""Ties a result to one that it only waited for."""

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")


class _Flow(msgspec.Struct, frozen=True):
    stage: str
    artifact: str
    digest: str


class _Transition(msgspec.Struct, frozen=True):
    sources: tuple[str, ...] = ()


class _Input(msgspec.Struct, frozen=True):
    """The part of a policy input that tells where a result came from."""

    inputs: dict[str, _Flow] = {}
    transition: _Transition = _Transition()


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a stage, with its place in the ledger."""

    seq: int
    time: str
    body: StageFinished

    @property
    def name(self) -> tuple[str, str, int]:
        """Stage, key and check: what decisions are about."""
        return (self.body.stage, self.body.key, self.body.check)


@dataclass
class Index:
    """A ledger's events, arranged for following lineage."""

    attachment: Attachment
    results: list[Result] = field(default_factory=list)
    by_stage: dict[str, list[Result]] = field(default_factory=dict)
    decisions: dict[tuple[str, str, int], list[tuple[int, GateDecided]]] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    """Subject (`model/scorecard`) by stage."""
    signed: list[tuple[int, StatementSigned]] = field(default_factory=list)
    notes: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """What else happened, by stage."""
    erased: dict[str, int] = field(default_factory=dict)
    records: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    """Result name by record number."""

    def flows(self, result: Result) -> _Input | None:
        """What went into a result; None when its gate's input is gone or cannot be read."""
        decided = self.decisions.get(result.name, [])
        entries = [body for _, body in decided if body.point == "entry"] or [body for _, body in decided]
        if not entries:
            return None
        data = self.attachment(entries[-1].input)
        try:
            return None if data is None else msgspec.json.decode(data, type=_Input)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


def index(events: Sequence[RecordedEvent], attachment: Attachment) -> Index:
    """Arrange a ledger's events."""
    made = Index(attachment)
    for recorded in events:
        kind = BODIES.get(recorded.kind)
        if kind is not None and recorded.body:
            _add(made, recorded, msgspec.convert(recorded.body, kind))
    return made


def _add(made: Index, recorded: RecordedEvent, body: Body) -> None:
    match body:
        case StageFinished():
            result = Result(recorded.seq, recorded.time, body)
            made.results.append(result)
            made.by_stage.setdefault(body.stage, []).append(result)
            made.records[recorded.seq] = result.name
        case GateDecided():
            name = (body.stage, body.key, body.check)
            made.decisions.setdefault(name, []).append((recorded.seq, body))
            made.subjects[body.stage] = body.subject
            made.records[recorded.seq] = name
        case StatementSigned():
            made.signed.append((recorded.seq, body))
        case Reacted():
            to = f" {body.to}" if body.to else ""
            _note(made, recorded, body.stage, f"{body.control} was breached; reaction: {body.reaction}{to}")
        case ServerStopped():
            _note(made, recorded, body.stage, f"stopped serving at {body.address}: {body.because}")
        case Erased():
            made.erased[body.digest] = recorded.seq


def _note(made: Index, recorded: RecordedEvent, stage: str, text: str) -> None:
    made.notes.setdefault(stage, []).append((recorded.seq, text))


@dataclass(frozen=True, slots=True)
class Start:
    """Where a trace begins; with an artifact, only its ways are followed forward."""

    result: Result
    artifact: str | None = None


def find(made: Index, subject: str) -> list[Start]:
    """The results that a subject means, of the latest pass through the graph.

    Args:
        made: where to look.
        subject: a digest or the beginning of one, a record's number, a stage (`train/scorecard`), an artifact
            (`train/scorecard:model`), a declaration (`model/scorecard`), or its name.

    Raises:
        Failure: nothing is meant by it.
    """
    for look in (_by_record, _by_digest, _by_name):
        found = look(made, subject)
        if found:
            return found
    known = sorted({result.body.stage for result in made.results} | set(made.subjects.values()))
    near = difflib.get_close_matches(subject, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Stages with results: {', '.join(known[:12]) or 'none'}."
    raise Failure(
        "nothing by that name",
        f"the ledger has no result of `{subject}`. Name a stage, an artifact (`train/NAME:model`), a declaration, "
        f"a record's number, or at least 8 digits of a digest. {hint}",
    )


def _by_record(made: Index, subject: str) -> list[Start]:
    if not (subject.isascii() and subject.isdigit() and len(subject) < 8):
        return []
    name = made.records.get(int(subject))
    return [Start(result) for result in made.results if result.name == name][-1:]


def _by_digest(made: Index, subject: str) -> list[Start]:
    match = _DIGEST.fullmatch(subject)
    if match is None:
        return []
    start = f"sha256:{match[1]}"
    makers: dict[str, Start] = {}
    for result in made.results:
        for artifact in result.body.artifacts.values():
            if artifact.digest.startswith(start) and not result.body.reused:
                makers.setdefault(f"{artifact.digest} {result.body.stage}", Start(result, artifact.digest))
    return list(makers.values())


def _by_name(made: Index, subject: str) -> list[Start]:
    stage, _, artifact = subject.partition(":")
    latest: dict[str, Start] = {}
    for result in made.results:
        body = result.body
        own = made.subjects.get(body.stage, "")
        if stage in {body.stage, own, own.partition("/")[2], body.stage.partition("/")[2]} and (
            ":" not in subject or artifact in body.artifacts
        ):
            latest[body.stage] = Start(result, body.artifacts[artifact].digest if artifact else None)
    if stage in latest:
        return [latest[stage]]
    return sorted(latest.values(), key=lambda start: start.result.seq)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a trace, which is a tree in pre-order.

    Attributes:
        depth: 0 for what was asked for.
        parent: index of the row above it in the tree; None at the root.
        how: what ties it to its parent: the artifact that flows, or that one only waited for the other.
        seen: it stands further up already, with all that follows.
        decisions: by gate and word, the records that say so, and the first reason of the last one.
        people: who signed, for approvals.
    """

    depth: int
    parent: int | None
    last: bool
    how: str
    result: Result
    seen: bool
    decisions: tuple["Word", ...] = ()
    people: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """What a gate said of a result, how often, and why."""

    gate: str
    word: str
    records: tuple[int, ...]
    reason: str


Neighbours = Callable[[Result], list[tuple[str, Result]]]


def trace(made: Index, start: Start, *, forward: bool) -> Iterator[Row]:
    """The tree of what `start` came from, or of what came of it."""
    neighbours = _forward(made) if forward else _backward(made)
    seen: set[int] = set()
    todo: list[tuple[int, int | None, bool, str, Result]] = [(0, None, True, "", start.result)]
    count = 0
    while todo:
        depth, parent, last, how, result = todo.pop()
        again = result.seq in seen
        seen.add(result.seq)
        yield _row(made, (depth, parent, last, how, result), again)
        if not again:
            near = neighbours(result)
            if forward and depth == 0 and start.artifact is not None:
                near = [item for item in near if item[0].endswith(start.artifact)]
            for position, (tie, other) in reversed(list(enumerate(near))):
                todo.append((depth + 1, count, position == len(near) - 1, tie, other))
        count += 1


def _row(made: Index, place: tuple[int, int | None, bool, str, Result], again: bool) -> Row:
    depth, parent, last, how, result = place
    if again:
        return Row(depth, parent, last, how, result, seen=True)
    stage = result.body.stage
    decisions = _words(made.decisions.get(result.name, []))
    people = tuple(
        (seq, f"{body.person} {'approved' if body.type == 'approve' else 'rejected'} as {body.role}, key {body.key}")
        for seq, body in made.signed
        if stage == f"approve/{body.approval}" and body.iteration == result.body.iteration
    )
    server = result.body.effects.get("server")
    notes = [f"served at {server.get('address')}"] if isinstance(server, dict) else []
    notes += [f"{text} (record {seq})" for seq, text in made.notes.get(stage, [])]
    notes += [
        f"{name} was erased (record {made.erased[artifact.digest]})"
        for name, artifact in result.body.artifacts.items()
        if artifact.digest in made.erased
    ]
    if made.flows(result) is None:
        notes.append("its gate's input is not in the ledger any more, so what went into it is not known")
    return Row(depth, parent, last, how, result, seen=False, decisions=decisions, people=people, notes=tuple(notes))


def _words(decided: Sequence[tuple[int, GateDecided]]) -> tuple[Word, ...]:
    groups: dict[tuple[str, str], list[tuple[int, GateDecided]]] = {}
    for seq, body in decided:
        groups.setdefault((body.gate, verdict_word(body)[0]), []).append((seq, body))
    return tuple(
        Word(
            gate,
            word,
            tuple(seq for seq, _ in group),
            "; ".join(str(item.get("message", "")) for item in group[-1][1].violations),
        )
        for (gate, word), group in groups.items()
    )


def _backward(made: Index) -> Neighbours:
    def neighbours(result: Result) -> list[tuple[str, Result]]:
        flows = made.flows(result)
        if flows is None:
            return []
        found = []
        for flow in flows.inputs.values():
            maker = _maker(made, flow.stage, result.seq, flow.digest)
            if maker is not None:
                found.append((f"{flow.artifact} {flow.digest}", maker))
        feeding = {flow.stage for flow in flows.inputs.values()}
        for stage in flows.transition.sources:
            before = _maker(made, stage, result.seq, None)
            if stage not in feeding and before is not None:
                found.append((AFTER, before))
        return found

    return neighbours


def _maker(made: Index, stage: str, before: int, digest: str | None) -> Result | None:
    """The latest result of a stage before a record, which made the digest if one is given."""
    for result in reversed(made.by_stage.get(stage, [])):
        made_it = digest is None or any(item.digest == digest for item in result.body.artifacts.values())
        if result.seq < before and made_it:
            return result
    return None


def _forward(made: Index) -> Neighbours:
    # Each result's sources once, turned round; only the last result of equal work, so that runs repeat nothing.
    latest = {(result.name, result.body.iteration): result for result in made.results}
    followers: dict[int, list[tuple[str, Result]]] = {}
    backward = _backward(made)
    for result in latest.values():
        for tie, source in backward(result):
            followers.setdefault(source.seq, []).append((tie, result))

    def neighbours(result: Result) -> list[tuple[str, Result]]:
        return sorted(followers.get(result.seq, []), key=lambda item: item[1].seq)

    return neighbours
