"""Evaluations become `evaluate` stages: a model and the rows it is measured on."""

from charter.compiler import model
from charter.compiler.data import rows_of
from charter.compiler.graph import Flow, LifecycleGraph, Node
from charter.compiler.transforms.models import model_flow


def add_evaluations(charter: model.Charter, graph: LifecycleGraph) -> None:
    """One `evaluate` stage for each evaluation."""
    for evaluation in charter.evaluations.values():
        node = graph.add(Node("evaluate", evaluation.name, evaluation, outputs=("predictions",)))
        if evaluation.of is not None:
            node.inputs += model_flow(charter, evaluation.of.text, node)
        rows = rows_of(charter, evaluation.on)
        if rows is not None and evaluation.on is not None:
            node.inputs.append(Flow("data", rows.stage, rows.artifact, evaluation.on.span))
