"""Objectives become `define` stages, and nothing starts before they are accepted."""

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph, Node, Order


def add_objectives(charter: model.Charter, graph: LifecycleGraph) -> None:
    """One `define` stage for each objective."""
    for objective in charter.objectives.values():
        graph.add(Node("define", objective.name, objective))


def start_after_objectives(charter: model.Charter, graph: LifecycleGraph) -> None:
    """Whatever else would start first waits for every `define` stage."""
    defines = [node for node in graph.nodes.values() if node.kind == "define"]
    starting = [
        node for id_, needs in graph.predecessors().items() if not needs and (node := graph.nodes[id_]).kind != "define"
    ]
    for node in starting:
        for define in defines:
            graph.link(node, Order(define.id, define.declared.node.header_span))
