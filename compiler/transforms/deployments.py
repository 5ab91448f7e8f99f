"""Deployments become `deploy` stages: the model, and training rows to smoke-test the package with."""

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph, Node
from charter.compiler.transforms.models import model_flow, reference_flow


def add_deployments(charter: model.Charter, graph: LifecycleGraph) -> None:
    """One `deploy` stage for each deployment."""
    for deployment in charter.deployments.values():
        node = graph.add(Node("deploy", deployment.name, deployment, outputs=("package",)))
        if deployment.of is not None:
            node.inputs += model_flow(charter, deployment.of.text, node)
            node.inputs += reference_flow(charter, deployment.of.text, node)
