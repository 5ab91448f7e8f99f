"""Retirements become `retire` stages behind the model's deployments and the monitors that may call for it."""

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph, Node, Order
from charter.compiler.transforms.models import model_flow


def add_retirements(charter: model.Charter, graph: LifecycleGraph) -> None:
    """One `retire` stage for each model that has a retirement."""
    for retirement in charter.retirements.values():
        if retirement.of is None:
            continue
        node = graph.add(Node("retire", retirement.of.text, retirement, outputs=("archive",)))
        node.inputs += model_flow(charter, retirement.of.text, node)
        for deployment in charter.deployments.values():
            if deployment.of is not None and deployment.of.text == retirement.of.text:
                graph.link(node, Order(f"deploy/{deployment.name}", retirement.of.span))
        for bound in retirement.whens:
            monitor, *rest = bound.node.metric.parts
            if rest:
                graph.link(node, Order(f"monitor/{monitor}", bound.node.metric.span))
