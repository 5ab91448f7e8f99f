"""The graph's drawing: rows follow the edges, boxes do not touch, chains are straight."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from charter.runtime.report import layout
from charter.runtime.report.layout import lay_out


def test_a_chain_is_a_straight_line():
    drawn = lay_out(list("abcd"), [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    assert len({box.x for box in drawn.boxes}) == 1
    assert [box.y for box in drawn.boxes] == sorted({box.y for box in drawn.boxes})
    assert len(drawn.curves) == 3, "the edge from a to d follows from the others"


def test_nothing_to_draw():
    assert lay_out([], []).boxes == ()
    assert lay_out(["a"], []).columns == 1


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 14), st.data())
def test_boxes_never_overlap_and_edges_go_down(count, data):
    names = [f"n{index}" for index in range(count)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    drawn = lay_out(names, edges)
    place = {box.name: box for box in drawn.boxes}
    assert all(place[a].y < place[b].y for a, b in edges)
    for y in {box.y for box in drawn.boxes}:
        row = sorted(box.x for box in drawn.boxes if box.y == y)
        assert all(right - left >= layout.WIDTH + layout.GAP - 0.01 for left, right in pairwise(row))
    for box in drawn.boxes:
        assert layout.WIDTH / 2 <= box.x <= drawn.width - layout.WIDTH / 2
        assert 0 <= box.y <= drawn.height - layout.HEIGHT


def test_dense_rows_do_not_drift_aside():
    names = [f"l{row}w{column}" for row in range(10) for column in range(20)]
    edges = [(f"l{row}w{a}", f"l{row + 1}w{b}") for row in range(9) for a in range(20) for b in range(20)]
    drawn = lay_out(names, edges)
    assert drawn.columns == 20
    assert drawn.width < 1.2 * 20 * (layout.WIDTH + layout.GAP)


def test_the_same_graph_is_drawn_the_same():
    names = [f"n{index}" for index in range(9)]
    edges = [("n0", name) for name in names[1:8]] + [(name, "n8") for name in names[1:8]]
    assert lay_out(names, edges) == lay_out(names, list(reversed(edges)))
