"""Thresholds form a lattice; its laws hold, and agree with what single values say."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from charter.compiler.intervals import Interval, accepted

COMPARISONS = st.sampled_from([">=", ">", "<=", "<", "=="])
NUMBERS = st.decimals(min_value=-3, max_value=3, places=1)
BOUNDS = st.builds(accepted, COMPARISONS, NUMBERS)
INTERVALS = st.one_of(BOUNDS, st.builds(Interval.intersect, BOUNDS, BOUNDS))
GRID = [Decimal(tenth) / 20 for tenth in range(-80, 81)]
"""Finer than the bounds, so that a difference between two intervals shows on it."""


def members(interval: Interval) -> set[Decimal]:
    return {value for value in GRID if value in interval}


@given(COMPARISONS, NUMBERS, NUMBERS)
def test_accepted_means_the_comparison(comparison: str, bound: Decimal, value: Decimal):
    holds = {">=": value >= bound, ">": value > bound, "<=": value <= bound, "<": value < bound, "==": value == bound}
    assert (value in accepted(comparison, bound)) == holds[comparison]


@given(INTERVALS, INTERVALS)
def test_intersection_holds_what_both_hold(one: Interval, other: Interval):
    assert members(one.intersect(other)) == members(one) & members(other)
    assert one.intersect(other) == other.intersect(one)
    assert one.intersect(one) == one


@given(INTERVALS)
def test_empty_means_no_member(interval: Interval):
    assert interval.is_empty == (not members(interval))


@given(INTERVALS, INTERVALS)
def test_implication_is_inclusion(one: Interval, other: Interval):
    assert one.implies(other) == (members(one) <= members(other))


@given(INTERVALS, INTERVALS)
def test_weaker_accepts_strictly_more(one: Interval, other: Interval):
    assert one.weaker_than(other) == (members(one) > members(other))


@given(INTERVALS, INTERVALS, INTERVALS)
def test_implication_is_an_order(one: Interval, other: Interval, third: Interval):
    assert one.implies(one)
    if one.implies(other) and other.implies(third):
        assert one.implies(third)
    assert one.intersect(other).implies(one)
