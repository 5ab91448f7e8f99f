"""Thresholds as sets of accepted values: intervals of the real line, ordered by inclusion.

Contradiction, implication and *weaker than* are operations on this lattice, used by every pass that compares
bounds. Intervals are exact (decimals), and open or closed at each end.
"""

from decimal import Decimal

from msgspec import Struct

INFINITY = Decimal("Infinity")


class Interval(Struct, frozen=True):
    """The values between `low` and `high`; an open end does not belong to it."""

    low: Decimal = -INFINITY
    high: Decimal = INFINITY
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no value is in it."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def __contains__(self, value: Decimal) -> bool:
        above = value > self.low or (value == self.low and not self.low_open)
        below = value < self.high or (value == self.high and not self.high_open)
        return above and below

    def intersect(self, other: "Interval") -> "Interval":
        """The values in both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Interval(low, high, low_open, not high_closed)

    def implies(self, other: "Interval") -> bool:
        """Whether every value in this one is in the other too (a bound at least as strict)."""
        if self.is_empty:
            return True
        low_inside = (self.low, self.low_open) >= (other.low, other.low_open)
        high_inside = (self.high, not self.high_open) <= (other.high, not other.high_open)
        return low_inside and high_inside

    def weaker_than(self, other: "Interval") -> bool:
        """Whether it accepts all that the other accepts, and more."""
        return other.implies(self) and not self.implies(other)


def accepted(comparison: str, bound: Decimal) -> Interval:
    """The values that satisfy `value COMPARISON bound`."""
    match comparison:
        case ">=":
            return Interval(low=bound)
        case ">":
            return Interval(low=bound, low_open=True)
        case "<=":
            return Interval(high=bound)
        case "<":
            return Interval(high=bound, high_open=True)
        case "==":
            return Interval(bound, bound)
    raise ValueError(comparison)
