"""Nobody uses a dataset's rows before the dataset's own checks have passed."""

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph, Order

_MAKERS = ("acquire", "prepare", "split")


def wait_for_validation(charter: model.Charter, graph: LifecycleGraph) -> None:
    """Every consumer of a dataset's final rows or parts waits for its `validate` stage."""
    for node in tuple(graph.nodes.values()):
        if node.kind == "validate":
            continue
        for flow in node.inputs:
            kind, _, name = flow.stage.partition("/")
            own_making = node.kind == "prepare" and node.name == name
            if kind in _MAKERS and not own_making:
                graph.link(node, Order(f"validate/{name}", flow.span))
