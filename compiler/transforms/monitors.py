"""Monitors become `monitor` stages behind the deployment that they watch."""

from charter.compiler import model
from charter.compiler.data import rows_of
from charter.compiler.graph import Flow, LifecycleGraph, Node, Order
from charter.compiler.transforms.models import model_flow, reference_flow


def add_monitors(charter: model.Charter, graph: LifecycleGraph) -> None:
    """One `monitor` stage for each monitor: model, training rows, and the rows of today if `on` names them."""
    for monitor in charter.monitors.values():
        node = graph.add(Node("monitor", monitor.name, monitor, outputs=("report",)))
        watched = charter.deployments.get(monitor.of.text) if monitor.of else None
        if watched is not None and watched.of is not None and monitor.of is not None:
            node.inputs += model_flow(charter, watched.of.text, node)
            node.inputs += reference_flow(charter, watched.of.text, node)
            graph.link(node, Order(f"deploy/{watched.name}", monitor.of.span))
        rows = rows_of(charter, monitor.on)
        if rows is not None and monitor.on is not None:
            node.inputs.append(Flow("current", rows.stage, rows.artifact, monitor.on.span))
        more = {bound.node.on.text: bound.node.on for bound in monitor.requires if bound.node.on is not None}
        for name, reference in more.items():
            rows = rows_of(charter, reference)
            if rows is not None:
                node.inputs.append(Flow(name, rows.stage, rows.artifact, reference.span))
