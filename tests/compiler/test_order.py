"""The order on controls: what is stricter, what is weaker, and that nothing is both."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charter.compiler import order
from charter.compiler.intervals import accepted
from charter.compiler.order import Order, together

_OPPOSITE = {Order.TIGHTER: Order.WEAKER, Order.WEAKER: Order.TIGHTER}

numbers = st.none() | st.integers(0, 5).map(Decimal)
sets = st.none() | st.frozensets(st.sampled_from("abc"))
intervals = st.none() | st.builds(
    accepted, st.sampled_from([">=", ">", "<=", "<", "=="]), st.integers(0, 3).map(Decimal)
)
words = st.none() | st.sampled_from(["advisory", "mandatory", "absolute", "odd"])
RANKED = order.ranked("advisory", "mandatory", "absolute")

KINDS = [
    (order.at_least, numbers),
    (order.at_most, numbers),
    (order.superset, sets),
    (order.same, words),
    (order.exemption, words),
    (order.accepts, intervals),
    (order.retires, intervals),
    (RANKED, words),
    (order.at_most_ranked("public", "internal"), st.sampled_from(["public", "internal", "odd"])),
]


@pytest.mark.parametrize(("compare", "values"), KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_nothing_is_both_stricter_and_weaker(
    compare: order.Comparer, values: st.SearchStrategy[object], data: st.DataObject
):
    a, b, c = data.draw(values), data.draw(values), data.draw(values)
    there, back = compare(a, b), compare(b, a)
    assert compare(a, a) is Order.SAME
    assert back is _OPPOSITE.get(there, there)
    if {there, compare(b, c)} <= {Order.TIGHTER, Order.SAME}:
        assert compare(a, c) in (Order.TIGHTER, Order.SAME), "stricter than stricter is stricter"


@pytest.mark.parametrize(
    ("compare", "old", "new", "expected"),
    [
        (order.at_least, 2, 1, Order.WEAKER),
        (order.at_least, None, 1, Order.TIGHTER),
        (order.at_most, 30, 60, Order.WEAKER),
        (order.at_most, 30, None, Order.WEAKER),
        (order.superset, frozenset("ab"), frozenset("a"), Order.WEAKER),
        (order.superset, frozenset("ab"), frozenset("ac"), Order.INCOMPARABLE),
        (order.superset, None, frozenset(), Order.SAME),
        (order.accepts, accepted(">=", Decimal(1)), accepted(">=", Decimal(0)), Order.WEAKER),
        (order.accepts, accepted(">", Decimal(1)), accepted(">=", Decimal(1)), Order.WEAKER),
        (order.accepts, accepted(">=", Decimal(1)), accepted("<=", Decimal(1)), Order.INCOMPARABLE),
        (order.retires, accepted("<", Decimal(7)), accepted("<", Decimal(6)), Order.WEAKER),
        (order.exemption, None, "internal", Order.WEAKER),
        (RANKED, "mandatory", "advisory", Order.WEAKER),
        (RANKED, "mandatory", "odd", Order.INCOMPARABLE),
    ],
)
def test_order(compare: order.Comparer, old: object, new: object, expected: Order):
    assert compare(old, new) is expected


def test_several_sides_together():
    assert together([]) is Order.SAME
    assert together([Order.SAME, Order.TIGHTER]) is Order.TIGHTER
    assert together([Order.WEAKER, Order.TIGHTER]) is Order.INCOMPARABLE
    assert together([Order.WEAKER, Order.INCOMPARABLE]) is Order.INCOMPARABLE
