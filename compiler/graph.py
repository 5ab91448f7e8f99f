"""The lifecycle graph: stages, what flows between them, and why each edge is there.

The graph is plain data, built by the ordered tuple of small transforms in `charter.compiler.transforms`. All
joins are AND: a stage starts when every predecessor's exit has been allowed, so whatever is an ancestor of a
stage dominates it, and "every way to deploy passes an evaluation" is a question about ancestors. A
topological order comes from the standard library. networkx (whose import alone takes 0.3 s, more than a
whole compilation) is loaded only where more is asked: to name every cycle, and by `charter graph`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from charter.compiler import model
from charter.compiler.ir import StageKind
from charter.dsl.source import Span

if TYPE_CHECKING:
    import networkx as nx


class Flow(Struct, frozen=True):
    """An artifact that flows into a stage: under `name`, made by `stage` as `artifact`."""

    name: str
    stage: str
    artifact: str
    span: Span


class Order(Struct, frozen=True):
    """A stage that must be green before, without handing anything over."""

    stage: str
    span: Span


class Node(Struct):
    """One stage under construction."""

    kind: StageKind
    name: str
    declared: model.Declared
    inputs: list[Flow] = field(default_factory=list)
    after: dict[str, Order] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`<kind>/<name>`."""
        return f"{self.kind}/{self.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """Ids of the stages that must be green before it, sorted."""
        return tuple(sorted({flow.stage for flow in self.inputs} | self.after.keys()))

    def reason(self, predecessor: str) -> Span:
        """Where the charter says that this stage needs that one."""
        flows = (flow.span for flow in self.inputs if flow.stage == predecessor)
        order = self.after.get(predecessor)
        return next(flows, None) or (order.span if order else self.declared.node.header_span)


class LifecycleGraph(Struct):
    """All stages by id, in the order they were added."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, node: Node) -> Node:
        """Add a stage; of two with one id the first stays (a pass reports the second name)."""
        return self.nodes.setdefault(node.id, node)

    def link(self, target: Node, order: Order) -> None:
        """Add an order edge unless the stage it names does not exist or the edge is there."""
        if order.stage in self.nodes:
            target.after.setdefault(order.stage, order)

    def predecessors(self) -> dict[str, tuple[str, ...]]:
        """Stage id → ids it needs, sorted; unresolved references have no edge."""
        return {id_: tuple(need for need in node.needs if need in self.nodes) for id_, node in self.nodes.items()}

    def order(self) -> tuple[str, ...] | None:
        """Stage ids in topological order, ties by id; None when the graph has a cycle."""
        sorter = TopologicalSorter(self.predecessors())
        try:
            sorter.prepare()
        except CycleError:
            return None
        ordered: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            ordered += ready
            sorter.done(*ready)
        return tuple(ordered)

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """One shortest cycle of every knot of stages that wait for each other, each from its smallest id."""
        import networkx as nx

        graph = self.to_networkx()
        knots = [knot for knot in nx.strongly_connected_components(graph) if _is_knot(graph, knot)]
        return tuple(sorted(_shortest_cycle(graph.subgraph(knot)) for knot in knots))

    def to_networkx(self) -> nx.DiGraph[str]:
        """The same graph for networkx, nodes and edges sorted."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(sorted(self.nodes))
        graph.add_edges_from((need, id_) for id_, needs in sorted(self.predecessors().items()) for need in needs)
        return graph


class Ancestry:
    """Which stages come before which, of a graph without cycles: one bit for each stage, so that it stays small."""

    def __init__(self, graph: LifecycleGraph, order: Iterable[str]) -> None:
        self._bit: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._order = tuple(order)
        needs = graph.predecessors()
        for number, id_ in enumerate(self._order):
            self._bit[id_] = 1 << number
            mask = 0
            for need in needs[id_]:
                mask |= self._before[need] | self._bit[need]
            self._before[id_] = mask

    def precedes(self, earlier: str, later: Iterable[str]) -> bool:
        """Whether a stage must be green before any of the others; one that does not exist is never."""
        bit = self._bit.get(earlier, 0)
        return any(self._before.get(id_, 0) & bit for id_ in later)

    def mask(self, ids: Iterable[str]) -> int:
        """Stages as one number, to look for many of them at once; one that does not exist is not in it."""
        mask = 0
        for id_ in ids:
            mask |= self._bit.get(id_, 0)
        return mask

    def before(self, later: str) -> int:
        """The stages that must be green before one, as one number."""
        return self._before.get(later, 0)

    def picked(self, mask: int) -> Iterator[str]:
        """The stages in a number, in topological order."""
        while mask:
            lowest = mask & -mask
            yield self._order[lowest.bit_length() - 1]
            mask ^= lowest

    def precedes_some(self, kind: StageKind) -> Container[str]:
        """The ids of all stages that come before some stage of a kind."""
        mask = 0
        for id_, before in self._before.items():
            if id_.startswith(f"{kind}/"):
                mask |= before
        return {id_ for id_, bit in self._bit.items() if mask & bit}


def _is_knot(graph: nx.DiGraph[str], knot: set[str]) -> bool:
    return len(knot) > 1 or any(graph.has_edge(id_, id_) for id_ in knot)


def _shortest_cycle(knot: nx.DiGraph[str]) -> tuple[str, ...]:
    import networkx as nx

    start = min(knot.nodes)
    ways = (nx.shortest_path(knot, successor, start) for successor in sorted(knot.successors(start)))
    best = min(ways, key=len)
    return (start, *best[:-1]) if best[0] != start else (start,)


def edges_of(nodes: Mapping[str, Node], ids: Iterable[str]) -> tuple[tuple[str, str, str | None], ...]:
    """(source, target, artifact) of every edge into these stages; artifact is None for order only."""
    edges: list[tuple[str, str, str | None]] = []
    for id_ in ids:
        node = nodes[id_]
        flowing = {(flow.stage, flow.artifact) for flow in node.inputs}
        edges += ((stage, id_, artifact) for stage, artifact in sorted(flowing))
        carried = {stage for stage, _ in flowing}
        edges += ((stage, id_, None) for stage in sorted(node.after.keys() - carried))
    return tuple(edges)
