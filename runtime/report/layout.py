"""Places a layered graph on a page: longest path gives the rows, neighbours' averages the order within a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

ROW = 84.0
"""Distance of rows."""
WIDTH, HEIGHT = 176.0, 46.0
"""Size of a box."""
GAP = 26.0
"""Least distance of boxes in a row."""
MARGIN = 16.0
_BEND = 6.0
_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A node's place: centre and upper edge."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Curve:
    """An edge as an SVG path."""

    source: str
    target: str
    path: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes, curves and the size of the drawing; `columns` is the widest row."""

    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    width: float
    height: float
    columns: int


def lay_out(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> Layout:
    """Place an acyclic graph.

    Args:
        nodes: names, in a topological order.
        edges: (source, target) pairs; those that follow from others are left out of the drawing.
    """
    if not nodes:
        return Layout((), (), 0, 0, 0)
    drawn = _reduced(nodes, edges)
    row = _rows(nodes, drawn)
    rows, chains = _with_bends(nodes, drawn, row)
    _order(rows, chains)
    x = _columns(rows, chains)
    width = max(x.values()) + WIDTH / 2 + MARGIN
    height = 2 * MARGIN + HEIGHT + ROW * (len(rows) - 1)
    boxes = tuple(Box(name, x[name], MARGIN + ROW * row[name]) for name in nodes)
    curves = tuple(Curve(chain[0], chain[-1], _curve(chain, x, row[chain[0]])) for chain in chains)
    real = set(nodes)
    return Layout(boxes, curves, width, height, max(len(real.intersection(names)) for names in rows))


def _reduced(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Edges without those that a longer way implies (transitive reduction)."""
    followers: dict[str, set[str]] = {name: set() for name in nodes}
    for source, target in edges:
        followers[source].add(target)
    reach: dict[str, set[str]] = {}
    for name in reversed(nodes):
        reach[name] = set(followers[name]).union(*(reach[item] for item in followers[name]))
    return [
        (source, target)
        for source in nodes
        for target in sorted(followers[source])
        if not any(target in reach[other] for other in followers[source] - {target})
    ]


def _rows(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    row = dict.fromkeys(nodes, 0)
    before: dict[str, list[str]] = {name: [] for name in nodes}
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    for name in nodes:
        row[name] = max((row[item] + 1 for item in before[name]), default=0)
    for name in reversed(nodes):
        # What waits for nothing stands right above what needs it, not at the top.
        if not before[name] and after[name]:
            row[name] = min(row[item] for item in after[name]) - 1
    return row


def _with_bends(
    nodes: Sequence[str], edges: Sequence[tuple[str, str]], row: Mapping[str, int]
) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of names, and each edge as a chain of names with a bend in every row that it crosses."""
    rows: list[list[str]] = [[] for _ in range(max(row.values()) + 1)]
    for name in nodes:
        rows[row[name]].append(name)
    chains = []
    for source, target in edges:
        chain = [source]
        for level in range(row[source] + 1, row[target]):
            bend = f"{source}\x00{target}\x00{level}"
            rows[level].append(bend)
            chain.append(bend)
        chains.append([*chain, target])
    return rows, chains


def _neighbours(chains: Sequence[Sequence[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for upper, lower in pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _order(rows: list[list[str]], chains: Sequence[Sequence[str]]) -> None:
    """Order each row by the average place of the neighbours, down and up in turn."""
    above, below = _neighbours(chains)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        indices = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        for index in indices:
            fixed = rows[index - 1 if downwards else index + 1]
            place = {name: position for position, name in enumerate(fixed)}
            own = {name: position for position, name in enumerate(rows[index])}
            rows[index].sort(key=lambda name: (_average(neighbours.get(name, []), place, own[name]), own[name]))


def _average(names: Sequence[str], place: Mapping[str, float], otherwise: float) -> float:
    known = [place[name] for name in names if name in place]
    return sum(known) / len(known) if known else otherwise


def _columns(rows: Sequence[Sequence[str]], chains: Sequence[Sequence[str]]) -> dict[str, float]:
    """Centres from left to right: straight runs stay straight, and each run is drawn to its neighbours.

    The runs are the blocks of Brandes and Köpf, "Fast and Simple Horizontal Coordinate Assignment" (2001).
    """
    above, below = _neighbours(chains)
    block = _blocks(rows, above, below)
    members: dict[str, list[str]] = {}
    for names in rows:
        for name in names:
            members.setdefault(block[name], []).append(name)
    left_of, right_of = _sides(rows, block)
    x = _compact(members, left_of)
    for sweep in range(4 * _SWEEPS):
        order = list(members) if sweep % 2 == 0 else list(reversed(members))
        for run in order:
            pulls = [
                x[block[other]]
                for name in members[run]
                for other in (*above.get(name, ()), *below.get(name, ()))
                if block[other] != run
            ]
            if not pulls:
                continue
            least = max((x[other] + apart for other, apart in left_of[run]), default=float("-inf"))
            most = min((x[other] - apart for other, apart in right_of[run]), default=float("inf"))
            x[run] = min(max(sum(pulls) / len(pulls), least), most)
    centres = {name: x[block[name]] for names in rows for name in names}
    left = min(at - _half(name) for name, at in centres.items())
    return {name: at - left + MARGIN for name, at in centres.items()}


def _blocks(
    rows: Sequence[Sequence[str]], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The first name of the straight run that each name belongs to; runs do not cross.

    Two names are in line when each is in the middle of the other's neighbours: in the middle of one side only,
    dense rows would drift aside row by row.
    """
    block = {name: name for names in rows for name in names}
    for upper, lower in pairwise(rows):
        place = {name: position for names in (upper, lower) for position, name in enumerate(names)}
        taken = -1
        for name in lower:
            for candidate in _middle(above.get(name, ()), place):
                mutual = name in _middle(below.get(candidate, ()), place)
                if mutual and block[name] == name and place[candidate] > taken:
                    block[name] = block[candidate]
                    taken = place[candidate]
    return block


def _middle(names: Sequence[str], place: Mapping[str, int]) -> list[str]:
    ordered = sorted(names, key=place.__getitem__)
    return ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]


Sides = dict[str, list[tuple[str, float]]]
"""By run, the runs on one side of it and the least distance to them."""


def _sides(rows: Sequence[Sequence[str]], block: Mapping[str, str]) -> tuple[Sides, Sides]:
    left_of: Sides = {run: [] for run in block.values()}
    right_of: Sides = {run: [] for run in block.values()}
    for names in rows:
        for left, right in pairwise(names):
            apart = _half(left) + GAP + _half(right)
            left_of[block[right]].append((block[left], apart))
            right_of[block[left]].append((block[right], apart))
    return left_of, right_of


def _compact(members: Mapping[str, Sequence[str]], left_of: Sides) -> dict[str, float]:
    """Every run as far to the left as the runs beside it allow."""
    x = dict.fromkeys(members, 0.0)
    for _ in members:
        before = dict(x)
        for run in members:
            x[run] = max((x[other] + apart for other, apart in left_of[run]), default=0.0)
        if x == before:
            break
    return x


def _half(name: str) -> float:
    return _BEND if "\x00" in name else WIDTH / 2


def _curve(chain: Sequence[str], x: Mapping[str, float], first_row: int) -> str:
    y = MARGIN + ROW * first_row + HEIGHT
    parts = [f"M{x[chain[0]]:.1f} {y:.1f}"]
    for index, name in enumerate(chain[1:], start=1):
        top = MARGIN + ROW * (first_row + index)
        middle = (y + top) / 2
        before = x[chain[index - 1]]
        parts.append(f"C{before:.1f} {middle:.1f} {x[name]:.1f} {middle:.1f} {x[name]:.1f} {top:.1f}")
        if "\x00" in name:
            y = top + HEIGHT
            parts.append(f"L{x[name]:.1f} {y:.1f}")
    return "".join(parts)
