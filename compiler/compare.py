"""Two charters side by side: every standard that was added, removed, weakened or strengthened.

The baseline, `charter diff`, overrides and what approvers are told are all this one comparison.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from charter.compiler.order import Order, together
from charter.compiler.standards import Facet, Standard


class Verdict(StrEnum):
    """What became of a standard; `CHANGED` means that neither the old nor the new one is the stricter."""

    ADDED = "added"
    REMOVED = "removed"
    WEAKENED = "weakened"
    STRENGTHENED = "strengthened"
    CHANGED = "changed"


class Side(Struct, frozen=True):
    """One side of a standard that is not what it was."""

    name: str
    order: Order
    old: str
    new: str
    control: bool


class Change(Struct, frozen=True):
    """What became of one standard.

    Attributes:
        control: whether a gate, a person or a duty hangs on what changed; otherwise it only describes the system.
        sides: what is not as it was, of a standard that is in both.
    """

    verdict: Verdict
    control: bool
    old: Standard | None = None
    new: Standard | None = None
    sides: tuple[Side, ...] = ()

    @property
    def standard(self) -> Standard:
        """The standard, as it is now if it still is."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def loosens(self) -> bool:
        """Whether less is asked than before, or nobody can tell that it is not less."""
        return self.control and self.verdict in (Verdict.REMOVED, Verdict.WEAKENED, Verdict.CHANGED)


def compare(old: Iterable[Standard], new: Iterable[Standard]) -> tuple[Change, ...]:
    """Every difference in meaning, in the order of the new charter, what is gone last."""
    before, after = _by_scope(old), _by_scope(new)
    changes: list[Change] = []
    for key, now in after.items():
        changes += _scope(before.pop(key, []), now)
    for gone in before.values():
        changes += _scope(gone, [])
    return tuple(changes)


def _by_scope(items: Iterable[Standard]) -> dict[tuple[str, tuple[str, ...]], list[Standard]]:
    found: dict[tuple[str, tuple[str, ...]], list[Standard]] = defaultdict(list)
    for item in items:
        found[item.subject, item.scope].append(item)
    return dict(found)


def _scope(old: list[Standard], new: list[Standard]) -> Iterator[Change]:
    """The standards on one thing: each old one with the new one that comes closest, equal ones first."""
    unpaired = list(new)
    partner: dict[int, Standard] = {}
    for wanted in (_equal, at_least_as_strict, _same_side):
        for number, item in enumerate(old):
            match = next((other for other in unpaired if wanted(other, item)), None)
            if number not in partner and match is not None:
                partner[number] = match
                unpaired.remove(match)
    for number, item in enumerate(old):
        if number in partner:
            yield from changed(item, partner[number])
        else:
            # What another bound on the same value demands anyhow is no loss.
            kept = any(at_least_as_strict(other, item) for other in new)
            yield Change(Verdict.REMOVED, item.gate and not kept, old=item)
    for item in unpaired:
        yield Change(Verdict.ADDED, item.gate, new=item)


def _equal(new: Standard, old: Standard) -> bool:
    return not sides(old, new)


def at_least_as_strict(new: Standard, old: Standard) -> bool:
    """Whether whatever satisfies the new standard satisfies the old one too."""
    return together([side.order for side in sides(old, new) if side.control]) in (Order.SAME, Order.TIGHTER)


def _same_side(new: Standard, old: Standard) -> bool:
    """Whether two bounds are both upper or both lower ones: only then is one a change of the other."""
    return all(side.order is not Order.INCOMPARABLE for side in sides(old, new) if side.name == "bound")


def sides(old: Standard, new: Standard) -> tuple[Side, ...]:
    """Every side on which two standards differ."""
    names = (*new.facets, *(name for name in old.facets if name not in new.facets))
    found = (_side(name, old.facets.get(name), new.facets.get(name)) for name in names)
    return tuple(side for side in found if side.order is not Order.SAME)


def _side(name: str, old: Facet | None, new: Facet | None) -> Side:
    known = new or old
    assert known is not None
    stands = known.compare(old.value if old else None, new.value if new else None)
    return Side(name, stands, old.text if old else "nothing", new.text if new else "nothing", known.control)


def changed(old: Standard, new: Standard) -> Iterator[Change]:
    """What became of one standard that is in both; nothing, if it says the same."""
    found = sides(old, new)
    orders = {side.order for side in found if side.control}
    if orders:
        verdict = (
            Verdict.WEAKENED
            if Order.WEAKER in orders
            else Verdict.CHANGED
            if Order.INCOMPARABLE in orders
            else Verdict.STRENGTHENED
        )
        yield Change(verdict, True, old, new, found)
    elif found:
        yield Change(Verdict.CHANGED, False, old, new, found)
