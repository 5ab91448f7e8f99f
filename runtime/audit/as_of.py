"""How things stood at a moment: the fold of the records until then, under the root that they had."""

from collections import Counter
from dataclasses import dataclass

from charter.runtime.audit.consequences import Deployment, deployment
from charter.runtime.audit.past import fold_in
from charter.runtime.audit.sentences import outcome, sentence
from charter.runtime.events import RunOpened
from charter.runtime.ledger import Ledger
from charter.runtime.ledger.merkle import Frontier, leaf_hash
from charter.runtime.report.trace import Result
from charter.runtime.state import State


@dataclass(frozen=True, slots=True)
class AsOf:
    """A ledger at a moment.

    Attributes:
        size: records until then; `later` came after.
        root: RFC 6962 root of those records: any checkpoint of this size must have it.
        decisions: how many were allowed, denied, waiting.
        held_back: gates whose last word was no, with it.
        gone: records whose body is gone today, erased or missing: what they said is not in this.
    """

    size: int
    later: int
    root: bytes
    last_time: str
    iteration: int
    run: RunOpened | None
    decisions: dict[str, int]
    live: tuple[Deployment, ...]
    approvals: tuple[tuple[int, str], ...]
    held_back: tuple[tuple[str, str, int], ...]
    gone: int


def as_of(ledger: Ledger, until: str) -> AsOf:
    """What the ledger said before `until` (a time as it writes them)."""
    frontier, state = Frontier(), State()
    words: Counter[str] = Counter()
    approvals: list[tuple[int, str]] = []
    gone = 0
    for row, event in zip(ledger.rows(), ledger.events(allow_erased=True), strict=False):
        if event.time >= until:
            break
        frontier.extend([leaf_hash(row.header)])
        fold_in(state, event)
        if event.erased:
            gone += 1
            continue
        if word := outcome(event):
            words[word] += 1
        if event.kind == "statement.signed":
            approvals.append((event.seq, sentence(event)))
    return AsOf(
        size=frontier.size,
        later=ledger.size - frontier.size,
        root=frontier.root(),
        last_time=state.last_time,
        iteration=state.iteration,
        run=state.runs[-1] if state.runs else None,
        decisions=dict(words),
        live=tuple(_live(state)),
        approvals=tuple(approvals),
        held_back=tuple(_held_back(state)),
        gone=gone,
    )


def _live(state: State) -> list[Deployment]:
    found = [
        deployment(state, Result(item.finished.seq, item.finished.time, item.finished.body))
        for (_, stage), item in sorted(state.stages.items())
        if stage.startswith("deploy/") and item.finished is not None
    ]
    return [item for item in found if item.live]


def _held_back(state: State) -> list[tuple[str, str, int]]:
    found = []
    for (iteration, _), item in sorted(state.stages.items()):
        for decided in (item.entry, item.exit):
            if iteration == state.iteration and decided is not None and not decided.body.allow:
                found.append((decided.body.gate, "waiting" if decided.body.waiting else "denied", decided.seq))
    return found
