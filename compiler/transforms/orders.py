"""`after` clauses become order edges."""

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph, Order

STAGE_OF = {"evaluation": "evaluate", "approval": "approve", "deployment": "deploy", "monitor": "monitor"}
"""What an `after` may name, and the stage whose exit it waits for."""


def follow_after_clauses(charter: model.Charter, graph: LifecycleGraph) -> None:
    """Approvals and deployments wait for whatever their `after` clause names."""
    waiting: tuple[model.Approval | model.Deployment, ...] = (
        *charter.approvals.values(),
        *charter.deployments.values(),
    )
    for declared in waiting:
        node = graph.nodes[f"{STAGE_OF[declared.kind]}/{declared.name}"]
        for reference in declared.after:
            stage = next((STAGE_OF[kind] for kind in STAGE_OF if reference.text in charter.by_kind[kind]), None)
            if stage is not None:
                graph.link(node, Order(f"{stage}/{reference.text}", reference.span))
