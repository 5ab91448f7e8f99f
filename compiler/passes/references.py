"""Every reference of a charter by name: what was written, and what kinds of declaration it may mean."""

from collections.abc import Iterator

from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import model
from charter.dsl import ast
from charter.dsl.vocabulary import FIRST, GATING


class Reference(Struct, frozen=True):
    """One mention of another declaration.

    Attributes:
        kinds: keywords of the declarations it may mean.
        rows: whether it means rows, so that a part of a split may follow (`applications.test`).
    """

    name: ast.Name
    kinds: tuple[str, ...]
    rows: bool = False

    @property
    def target(self) -> str:
        """The name of the declaration itself, without the part of a split."""
        return self.name.parts[0] if self.rows else self.name.text


def references(charter: model.Charter) -> Iterator[Reference]:
    """All references, declaration by declaration; those of `before` and of waivers are no plain names."""
    for dataset in charter.datasets.values():
        yield from (_rows(name) for name in (dataset.source.origins if dataset.source else ()))
        yield from _some(read.name(dataset.clause("attested as"), "by"), "role")
        yield from _some(dataset.of, "deployment")
    for declared in charter.models.values():
        yield from (_rows(name) for name, _ in declared.rows())
        yield from (Reference(name, ("prompt",)) for name in declared.prompts)
    for evaluation in charter.evaluations.values():
        yield from _some(evaluation.of, "model")
        yield from _some(evaluation.on, "dataset", rows=True)
    for objective in charter.objectives.values():
        yield from (Reference(name, GATING) for hazard in objective.hazards for name in hazard.mitigated_by)
    yield from _of_people(charter)
    yield from _of_operation(charter)
    yield from _of_bounds(charter)


def _of_people(charter: model.Charter) -> Iterator[Reference]:
    for approval in charter.approvals.values():
        yield from _some(approval.of, "model")
        yield from _some(approval.role, "role")
        yield from (Reference(name, FIRST) for name in approval.after)
    for waiver in charter.waivers.values():
        yield from _some(waiver.role, "role")


def _of_operation(charter: model.Charter) -> Iterator[Reference]:
    for deployment in charter.deployments.values():
        yield from _some(deployment.of, "model")
        yield from (Reference(name, FIRST) for name in deployment.after)
        yield from _some(read.name(deployment.clause("fallback"), "to"), "model")
    for monitor in charter.monitors.values():
        yield from _some(monitor.of, "deployment")
        yield from _some(monitor.on, "dataset", rows=True)
        yield from _some(read.name(monitor.clause("learn"), "from"), "dataset", rows=True)
        yield from _some(read.name(monitor.clause("learn"), "role"), "role")
    for retirement in charter.retirements.values():
        yield from _some(retirement.of, "model")
        for clause in retirement.clauses("erase"):
            yield from _some(read.name(clause, "dataset"), "dataset")


def _of_bounds(charter: model.Charter) -> Iterator[Reference]:
    for bound in charter.bounds():
        node = bound.node
        for value in (node.bound, node.confidence, node.margin):
            if isinstance(value, ast.Name):
                yield Reference(value, ("parameter",))
        yield from _some(node.on, "dataset", rows=True)
        if node.reaction is not None and node.reaction.to is not None:
            yield Reference(node.reaction.to, ("role",))


def _rows(name: ast.Name) -> Reference:
    return Reference(name, ("dataset",), rows=True)


def _some(name: ast.Name | None, kind: str, *, rows: bool = False) -> Iterator[Reference]:
    if name is not None:
        yield Reference(name, (kind,), rows)
