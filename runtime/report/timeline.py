"""What happened, in order: one line a thing that matters, gates that merely allowed gathered into one."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from charter.runtime.erased import lost
from charter.runtime.events import (
    BODIES,
    ActSigned,
    Body,
    Erased,
    GateDecided,
    IterationOpened,
    Reacted,
    RunClosed,
    RunOpened,
    ServerStopped,
    StageFailed,
    StageFinished,
    StatementSigned,
)
from charter.runtime.report.decisions import clock, verdict_word
from charter.runtime.report.numbers import plural
from charter.runtime.report.view import Moment, Tone
from charter.runtime.state import Gap, RecordedEvent

_OUTCOMES: Mapping[str, Tone] = {"ok": "good", "denied": "bad", "environment": "bad", "waiting": "waiting"}


def timeline(events: Iterable[RecordedEvent], gaps: Iterable[Gap] = ()) -> Iterator[Moment]:
    """The ledger as a story, oldest first; `gaps` are records without their bodies."""
    allowed: list[tuple[int, str, str]] = []
    both: list[RecordedEvent | Gap] = sorted([*events, *gaps], key=lambda item: item.seq)
    for recorded in both:
        if isinstance(recorded, Gap):
            yield from _gathered(allowed)
            allowed = []
            yield Moment(clock(recorded.time), str(recorded.seq), lost(recorded), "waiting")
            continue
        kind = BODIES.get(recorded.kind)
        if kind is None:
            continue
        body: Body = msgspec.convert(recorded.body, kind)
        if isinstance(body, GateDecided) and body.allow:
            allowed.append((recorded.seq, recorded.time, body.gate))
            continue
        told = _tell(body)
        if told is None:
            continue
        yield from _gathered(allowed)
        allowed = []
        text, tone = told
        yield Moment(clock(recorded.time), str(recorded.seq), text, tone)
    yield from _gathered(allowed)


def _gathered(allowed: list[tuple[int, str, str]]) -> Iterator[Moment]:
    if not allowed:
        return
    first, last = allowed[0], allowed[-1]
    if len(allowed) == 1:
        yield Moment(clock(first[1]), str(first[0]), f"{first[2]} allowed", "good")
        return
    stages = list(dict.fromkeys(gate.rpartition(":")[0] for _, _, gate in allowed))
    shown = ", ".join(stages[:6]) + (f" and {plural(len(stages) - 6, 'other')}" if len(stages) > 6 else "")
    text = f"{plural(len(allowed), 'gate')} allowed: {shown}"
    yield Moment(clock(last[1]), f"{first[0]} to {last[0]}", text, "good")


def _tell(body: Body) -> tuple[str, Tone] | None:
    for kind, tell in _TELLERS.items():
        if isinstance(body, kind):
            told: tuple[str, Tone] | None = tell(body)
            return told
    return None


def _run_opened(body: RunOpened) -> tuple[str, Tone]:
    who = body.actor if body.key else f"{body.actor}, who showed no key"
    return f"run of {body.lifecycle} {body.version} opened by {who}, decided by {body.engine}", "quiet"


def _run_closed(body: RunClosed) -> tuple[str, Tone]:
    return f"run closed: {body.outcome.replace('_', ' ')}", _OUTCOMES.get(body.outcome, "quiet")


def _iteration(body: IterationOpened) -> tuple[str, Tone]:
    return f"iteration {body.iteration} opened: {body.because}", "quiet"


def _finished(body: StageFinished) -> tuple[str, Tone] | None:
    return (f"{body.stage} finished check {body.check}", "quiet") if body.check else None


def _failed(body: StageFailed) -> tuple[str, Tone]:
    return f"{body.stage} failed ({body.reason}): {body.summary}", "bad"


def _decided(body: GateDecided) -> tuple[str, Tone]:
    word, tone = verdict_word(body)
    reasons = "; ".join(str(item.get("message", "")) for item in body.violations[:2])
    more = f"; and {len(body.violations) - 2} more" if len(body.violations) > 2 else ""
    return f"{body.gate} {word}: {reasons}{more}", tone


def _signed(body: StatementSigned) -> tuple[str, Tone]:
    done, tone = ("approved", "good") if body.type == "approve" else ("rejected", "bad")
    return f"{body.person} {done} {body.approval} as {body.role}", tone  # type: ignore[return-value]


_DONE: Mapping[str, tuple[str, Tone]] = {
    "waive": ("signed the waiver", "waiting"),
    "withdraw": ("took back their signature under the waiver", "quiet"),
    "attest": ("attested", "good"),
    "reproduce": ("measured again and found the same", "good"),
    "halt": ("halted", "bad"),
    "resume": ("signed to resume", "good"),
    "break-glass": ("broke the glass at", "bad"),
    "close-review": ("closed the review of", "good"),
    "recall": ("recalled", "bad"),
    "reinstate": ("signed to reinstate", "good"),
}


def _acted(body: ActSigned) -> tuple[str, Tone]:
    done, tone = _DONE[body.act]
    comment = f": {body.comment}" if body.comment else ""
    return f"{body.person} {done} {body.name}{f' as {body.role}' if body.role else ''}{comment}", tone


def _reacted(body: Reacted) -> tuple[str, Tone]:
    to = f" {body.to}" if body.to else ""
    return f"{body.control} breached; reaction: {body.reaction}{to} ({body.outcome})", "bad"


def _stopped(body: ServerStopped) -> tuple[str, Tone]:
    return f"{body.stage} stopped serving at {body.address}: {body.because}", "waiting"


def _erased(body: Erased) -> tuple[str, Tone]:
    return f"{body.dataset} erased from the store: {body.digest[:19]}…", "quiet"


_TELLERS = {
    RunOpened: _run_opened,
    RunClosed: _run_closed,
    IterationOpened: _iteration,
    StageFinished: _finished,
    StageFailed: _failed,
    GateDecided: _decided,
    StatementSigned: _signed,
    ActSigned: _acted,
    Reacted: _reacted,
    ServerStopped: _stopped,
    Erased: _erased,
}
