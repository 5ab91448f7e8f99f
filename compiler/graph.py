"""The lifecycle graph: stages, what flows between them, and why each edge is there.

The graph is plain data, built by the ordered tuple of small transforms in `charter.compiler.transforms`. All
joins are AND: a stage starts when every predecessor's exit has been allowed, so whatever is an ancestor of a
stage dominates it, and "every way to deploy passes an evaluation" is a question about ancestors. A
topological order comes from the standard library. networkx (whose import alone takes 0.3 s, more than a
whole compilation) is loaded only where more is asked: to name every cycle, and by `charter graph`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from charter.compiler import model
from charter.compiler.ir import StageKind
from charter.dsl.source import Span

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Flow:
    """An artifact that flows into a stage: under `name`, made by `stage` as `artifact`."""

    name: str
    stage: str
    artifact: str
    span: Span


@dataclass(frozen=True, slots=True)
class Order:
    """A stage that must be green before, without handing anything over."""

    stage: str
    span: Span


@dataclass(slots=True)
class Node:
    """One stage under construction."""

    kind: StageKind
    name: str
    declared: model.Declared
    inputs: list[Flow] = field(default_factory=list)
    after: list[Order] = field(default_factory=list)
    outputs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`<kind>/<name>`."""
        return f"{self.kind}/{self.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """Ids of the stages that must be green before it, sorted."""
        return tuple(sorted({flow.stage for flow in self.inputs} | {order.stage for order in self.after}))

    def reason(self, predecessor: str) -> Span:
        """Where the charter says that this stage needs that one."""
        flows = (flow.span for flow in self.inputs if flow.stage == predecessor)
        orders = (order.span for order in self.after if order.stage == predecessor)
        return next(flows, None) or next(orders, self.declared.node.header_span)


@dataclass(slots=True)
class LifecycleGraph:
    """All stages by id, in the order they were added."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, node: Node) -> Node:
        """Add a stage; of two with one id the first stays (a pass reports the second name)."""
        return self.nodes.setdefault(node.id, node)

    def link(self, target: Node, order: Order) -> None:
        """Add an order edge unless the stage it names does not exist or the edge is there."""
        if order.stage in self.nodes and all(order.stage != other.stage for other in target.after):
            target.after.append(order)

    def predecessors(self) -> dict[str, tuple[str, ...]]:
        """Stage id → ids it needs, sorted; unresolved references have no edge."""
        return {id_: tuple(need for need in node.needs if need in self.nodes) for id_, node in self.nodes.items()}

    def ancestors(self, id_: str) -> set[str]:
        """Every stage that must be green before this one."""
        seen: set[str] = set()
        stack = [id_]
        while stack:
            node = self.nodes.get(stack.pop())
            for need in node.needs if node else ():
                if need in self.nodes and need not in seen:
                    seen.add(need)
                    stack.append(need)
        return seen

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
        edges += ((stage, id_, None) for stage in sorted({order.stage for order in node.after} - carried))
    return tuple(edges)
