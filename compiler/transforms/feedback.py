"""Feedback waits for the deployment whose predictions it tells the outcomes of."""

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph, Order


def wait_for_deployments(charter: model.Charter, graph: LifecycleGraph) -> None:
    """Nothing is served, and so nothing fed back, before the `deploy` stage."""
    for dataset in charter.datasets.values():
        if dataset.of is not None:
            graph.link(graph.nodes[f"acquire/{dataset.name}"], Order(f"deploy/{dataset.of.text}", dataset.of.span))
