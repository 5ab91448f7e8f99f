"""Finds the smallest sets of moves that open a gate, each confirmed by asking the engine."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from charter.compiler.ir import PolicyControl
from charter.runtime.gates.contract import GateInput
from charter.runtime.gates.decide import Decision
from charter.runtime.why.moves import Around, Move, Violation, guesses, moves

MOST_TRIALS = 400
MOST_GUESSES = 2
"""How many guesses about other people's Rego are combined."""
MOST_SETS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """What the search found.

    Attributes:
        sets: smallest first; none contains another. Each turns the gate green, as the engine itself said.
        guessed: a set rests on what was tried against other people's Rego, so there may be smaller ones and others.
        stuck: violations against which nothing that is measured or signed helps.
        trials: how often the engine was asked.
        exhausted: the search ended because there was nothing left to try, not because of its limit.
    """

    sets: tuple[tuple[Move, ...], ...]
    guessed: bool
    stuck: tuple[Violation, ...]
    trials: int
    exhausted: bool


def smallest(ask: Callable[[GateInput], Decision], start: GateInput, around: Around) -> Found:
    """Search breadth first, so that the first sets are the smallest.

    Args:
        ask: decides an input with the engine and the bundle of the gate.
        start: the input as it is now.
        around: who and what is there.
    """
    queue: deque[tuple[GateInput, tuple[Move, ...], int]] = deque([(start, (), 0)])
    sets: list[tuple[Move, ...]] = []
    stuck: dict[str, Violation] = {}
    seen: set[frozenset[str]] = set()
    trials, guessed = 0, False
    while queue and trials < MOST_TRIALS and len(sets) < MOST_SETS:
        at, done, tried = queue.popleft()
        names = frozenset(move.what for move in done)
        if names in seen or any({move.what for move in smaller} <= names for smaller in sets):
            continue
        seen.add(names)
        decision = ask(at)
        trials += 1
        if decision.allow:
            sets.append(done)
            guessed |= tried > 0
            continue
        violation, options, guess = _next(decision, at, around, tried)
        if not options:
            stuck.setdefault(str(violation["message"]), violation)
        queue.extend((move.apply(at), (*done, move), tried + guess) for move in options if move.what not in names)
    return Found(
        tuple(sorted(sets, key=len)),
        guessed,
        tuple(stuck.values()),
        trials,
        not queue,
    )


def _next(decision: Decision, at: GateInput, around: Around, tried: int) -> tuple[Violation, tuple[Move, ...], int]:
    """A violation to do something about, and what can be done; all must go, so their order does not matter.

    One that nothing helps comes first, since it ends this branch; then the charter's own, whose moves are exact. A
    rejection comes before missing approvals: who takes it back by approving is one of those that are missing.
    """
    own = [item for item in decision.violations if not is_foreign(item, around)]
    if own:
        violation, options = min(
            ((item, moves(item, at, around)) for item in own),
            key=lambda item: (len(item[1]), item[0]["code"] != "rejected"),
        )
        return violation, options, 0
    violation = decision.violations[0]
    exact = moves(violation, at, around)
    if tried >= MOST_GUESSES:
        return violation, exact, 0
    return violation, (*exact, *guesses(violation, at, around)), 1


def is_foreign(violation: Violation, around: Around) -> bool:
    """Whether a rule that the charter did not generate is violated: a pack's, or the team's own."""
    if violation.get("code") in {"rule_not_met", "policy_denied"}:
        return True
    control = next((item for item in around.ir.controls if item.id == violation["control"]), None)
    return isinstance(control, PolicyControl)
