"""What it means that one control asks for less than another: an order for each kind of thing that can be asked.

Every function compares an old value with a new one. A value that is None was not asked for at all, which is the
least that can be asked; where two values cannot be told apart in strictness, nobody may call that harmless.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any

from charter.compiler.intervals import Interval


class Order(StrEnum):
    """How the new value stands to the old one."""

    SAME = "same"
    TIGHTER = "tighter"
    WEAKER = "weaker"
    INCOMPARABLE = "incomparable"


Comparer = Callable[[Any, Any], Order]
"""(old, new) → how the new one stands to the old one."""


def _unasked(old: Any, new: Any) -> Order | None:
    """The answer where one of the two, or both, ask for nothing."""
    if old is None or new is None:
        return Order.SAME if old is new else Order.TIGHTER if old is None else Order.WEAKER
    return None


def at_least(old: Decimal | int | None, new: Decimal | int | None) -> Order:
    """More is stricter: a quorum, a confidence, the years that something is kept."""
    known = _unasked(old, new)
    if known is not None or old is None or new is None:
        return known or Order.SAME
    return Order.SAME if old == new else Order.TIGHTER if new > old else Order.WEAKER


def at_most(old: Decimal | int | None, new: Decimal | int | None) -> Order:
    """Less is stricter: the days that an approval holds, the time between two checks."""
    known = _unasked(old, new)
    if known is not None or old is None or new is None:
        return known or Order.SAME
    return at_least(new, old)


def superset(old: frozenset[str] | None, new: frozenset[str] | None) -> Order:
    """More is stricter, thing by thing: who is excluded, what must be green first."""
    before, after = old or frozenset(), new or frozenset()
    if before == after:
        return Order.SAME
    if before <= after:
        return Order.TIGHTER
    return Order.WEAKER if after < before else Order.INCOMPARABLE


def same(old: Any, new: Any) -> Order:
    """Different is not comparable: other rows, another role, another rule."""
    return _unasked(old, new) or (Order.SAME if old == new else Order.INCOMPARABLE)


def exemption(old: Any, new: Any) -> Order:
    """What asks for less by being there: an attestation that lowers a class. None is the strictest."""
    if old is None or new is None:
        return same(new, old)
    return same(old, new)


def accepts(old: Interval | None, new: Interval | None) -> Order:
    """A bound that accepts fewer values is stricter."""
    known = _unasked(old, new)
    if known is not None or old is None or new is None:
        return known or Order.SAME
    if old == new:
        return Order.SAME
    if new.implies(old):
        return Order.TIGHTER
    return Order.WEAKER if old.implies(new) else Order.INCOMPARABLE


def retires(old: Interval | None, new: Interval | None) -> Order:
    """A criterion that more values meet is stricter: it retires sooner."""
    known = _unasked(old, new)
    if known is not None or old is None or new is None:
        return known or Order.SAME
    return accepts(new, old)


def ranked(*ranks: str) -> Comparer:
    """Later words are stricter; one that is not among them cannot be compared."""
    return partial(_ranked, ranks)


def at_most_ranked(*ranks: str) -> Comparer:
    """Earlier words are stricter: the class of data that something is cleared for."""
    return partial(_ranked, tuple(reversed(ranks)))


def _ranked(ranks: Sequence[str], old: str | None, new: str | None) -> Order:
    known = _unasked(old, new)
    if known is not None:
        return known
    if old == new:
        return Order.SAME
    if old not in ranks or new not in ranks:
        return Order.INCOMPARABLE
    return at_least(ranks.index(old), ranks.index(new))


def together(orders: Sequence[Order]) -> Order:
    """How a control stands that has several sides: weaker in one and tighter in another cannot be compared."""
    found = set(orders) - {Order.SAME}
    if not found:
        return Order.SAME
    return found.pop() if len(found) == 1 else Order.INCOMPARABLE
