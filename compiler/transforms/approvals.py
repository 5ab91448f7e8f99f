"""Approvals become `approve` stages; nobody approves a model that is not there yet."""

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph, Node, Order


def add_approvals(charter: model.Charter, graph: LifecycleGraph) -> None:
    """One `approve` stage for each approval, after its model's training."""
    for approval in charter.approvals.values():
        node = graph.add(Node("approve", approval.name, approval))
        if approval.of is not None:
            graph.link(node, Order(f"train/{approval.of.text}", approval.of.span))
