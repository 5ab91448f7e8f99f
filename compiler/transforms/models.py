"""Models become `train` stages over the rows they learn from."""

from charter.compiler import model
from charter.compiler.data import rows_of
from charter.compiler.graph import Flow, LifecycleGraph, Node


def add_models(charter: model.Charter, graph: LifecycleGraph) -> None:
    """One `train` stage for each model, fed with all rows that it learns from."""
    for declared in charter.models.values():
        node = graph.add(Node("train", declared.name, declared, outputs=("model",)))
        inputs = (("train", declared.train_on), ("validation", declared.validate_on))
        for name, reference in (*inputs, ("preferences", declared.aligned_with)):
            rows = rows_of(charter, reference)
            if rows is not None and reference is not None:
                node.inputs.append(Flow(name, rows.stage, rows.artifact, reference.span))


def model_flow(charter: model.Charter, name: str, node: Node) -> list[Flow]:
    """The trained model as an input, if there is such a model."""
    if name not in charter.models:
        return []
    return [Flow("model", f"train/{name}", "model", node.declared.node.header_span)]


def reference_flow(charter: model.Charter, name: str, node: Node) -> list[Flow]:
    """The rows that the model learnt from, to compare others with."""
    declared = charter.models.get(name)
    rows = rows_of(charter, declared.train_on) if declared else None
    if rows is None:
        return []
    return [Flow("reference", rows.stage, rows.artifact, node.declared.node.header_span)]
