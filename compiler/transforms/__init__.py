"""How declarations become the lifecycle graph: small named transforms, run in this order."""

from collections.abc import Callable

from charter.compiler import model
from charter.compiler.graph import LifecycleGraph
from charter.compiler.transforms.approvals import add_approvals
from charter.compiler.transforms.datasets import add_datasets
from charter.compiler.transforms.deployments import add_deployments
from charter.compiler.transforms.evaluations import add_evaluations
from charter.compiler.transforms.feedback import wait_for_deployments
from charter.compiler.transforms.models import add_models
from charter.compiler.transforms.monitors import add_monitors
from charter.compiler.transforms.objectives import add_objectives, start_after_objectives
from charter.compiler.transforms.orders import follow_after_clauses
from charter.compiler.transforms.retirements import add_retirements
from charter.compiler.transforms.validations import wait_for_validation

Transform = Callable[[model.Charter, LifecycleGraph], None]

TRANSFORMS: tuple[Transform, ...] = (
    add_objectives,
    add_datasets,
    add_models,
    add_evaluations,
    add_approvals,
    add_deployments,
    add_monitors,
    add_retirements,
    wait_for_deployments,
    follow_after_clauses,
    wait_for_validation,
    start_after_objectives,
)


def build_graph(charter: model.Charter) -> LifecycleGraph:
    """The lifecycle graph of a charter; references that resolve to nothing leave no edge."""
    graph = LifecycleGraph()
    for transform in TRANSFORMS:
        transform(charter, graph)
    return graph
