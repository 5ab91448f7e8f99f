"""How many rows a charter guarantees: of a dataset by `require rows`, of parts by the split, of groups by `share`."""

import math
from decimal import Decimal

from msgspec import Struct

from charter.compiler import model
from charter.compiler.data import Rows

_LOWER = (">=", ">", "==")


class Guaranteed(Struct, frozen=True):
    """What `rows` means of a dataset with at least so many rows in all.

    Attributes:
        least: rows of the whole dataset that its gate lets through at least.
        bound: the requirement that says so.
    """

    rows: Rows
    least: int
    bound: model.Bound

    def count(self, whole: int) -> int:
        """Rows among these, when the dataset has `whole` of them."""
        return _share_of(whole, self.part_share)

    def smallest_group(self, column: str | None, whole: int) -> int | None:
        """Rows of the smallest group of a column among these; None where neither gate nor split sees to it."""
        dataset = self.rows.dataset
        share = least_share(dataset, column)
        if share is None:
            return None
        by = dataset.split.stratified_by if dataset.split else None
        if self.rows.part is not None and (by is None or by.text != column):
            return None
        return _share_of(math.ceil(share * whole), self.part_share)

    @property
    def part_share(self) -> Decimal:
        """The part's share of the dataset; 1 for all of it."""
        split = self.rows.dataset.split
        shares = {name.text: share for name, share in split.parts} if split else {}
        return shares.get(self.rows.part or "") or Decimal(1)


def guaranteed(rows: Rows) -> Guaranteed | None:
    """What is guaranteed of some rows; None where no gate asks for a number of rows."""
    found = [
        Guaranteed(rows, least, bound)
        for bound in rows.dataset.requires
        if bound.metric == "rows" and _stops(bound) and (least := _least(bound)) is not None and least > 0
    ]
    return max(found, key=lambda item: item.least, default=None)


def least_share(dataset: model.Dataset, column: str | None) -> Decimal | None:
    """The least share that each group of a column has, if a gate asks for it."""
    shares = [
        bound.quantity.value
        for bound in dataset.requires
        if bound.metric == "share" and bound.each == column and _stops(bound) and bound.quantity is not None
    ]
    return max((share for share in shares if 0 < share <= 1), default=None)


def _stops(bound: model.Bound) -> bool:
    return bound.enforce != "advisory" and bound.comparison in _LOWER


def _least(bound: model.Bound) -> int | None:
    if bound.quantity is None or not bound.quantity.value.is_finite():
        return None
    value = bound.quantity.value
    return math.floor(value) + 1 if bound.comparison == ">" else math.ceil(value)


def _share_of(count: int, share: Decimal) -> int:
    """Each part gets its share of the rows, off by less than one (`charter.runtime.stages.partition`)."""
    return math.floor(share * count)
