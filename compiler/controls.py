"""What is decided where: every control of the charter, put at the gate that decides it."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import ir, model
from charter.compiler.graph import Ancestry, LifecycleGraph, Node
from charter.compiler.metrics import METRICS
from charter.compiler.normal import normal_value
from charter.compiler.places import Places
from charter.compiler.sentences import approval_sentence, bound_sentence, policy_sentence, satisfied
from charter.dsl.source import Span

PACKAGE_TOLERANCE = 0.001
"""Largest difference of a probability between the packaged model and the trained one."""

_EXIT_OF = {"dataset": "validate", "evaluation": "evaluate", "monitor": "monitor"}
_DIRECTION = {">=": "min", ">": "min", "<=": "max", "<": "max", "==": "equal"}


class Lowering(Struct, frozen=True):
    """What the lowering functions share.

    Attributes:
        packages: Rego package path of every policy's file, by policy name.
    """

    charter: model.Charter
    graph: LifecycleGraph
    places: Places
    packages: dict[str, str]


def lower_controls(lowering: Lowering) -> tuple[ir.Control, ...]:
    """All controls, sorted by gate and id."""
    found: list[ir.Control] = [
        *_requirements(lowering),
        *_added_to_validation(lowering),
        *_added_to_deployment(lowering),
        *_approvals(lowering),
        *_criteria(lowering),
        *_policies(lowering),
    ]
    return tuple(sorted(found, key=lambda control: (control.gate, control.id)))


class Identified(Struct, frozen=True):
    """What makes the id of a bound."""

    metric: str
    each: str | None = None
    over: str | None = None
    attack: str | None = None
    on: str | None = None
    champion: str | None = None
    comparison: str | None = None


def requirement_ids(declared: model.Declared, bounds: tuple[model.Bound, ...]) -> tuple[str, ...]:
    """The ids of a declaration's controls, in their order: `holdout.roc_auc`, what a waiver refers to."""
    return control_ids(declared.name, [_identified(b) for b in bounds])


def _identified(bound: model.Bound) -> Identified:
    return Identified(bound.metric, bound.each, bound.over, bound.attack, bound.on, bound.champion, bound.comparison)


def control_ids(name: str, bounds: Sequence[Identified]) -> tuple[str, ...]:
    """The ids of the bounds of one declaration.

    Bounds that differ in nothing but their threshold are told apart by direction (`.min`, `.max`), and by a
    number if that is the same too.
    """
    base = [_base_id(name, bound) for bound in bounds]
    often = Counter(base)
    directed = [
        id_ if often[id_] == 1 else f"{id_}.{_DIRECTION.get(bound.comparison or '', 'bound')}"
        for id_, bound in zip(base, bounds, strict=True)
    ]
    seen: Counter[str] = Counter()
    unique = []
    for id_ in directed:
        seen[id_] += 1
        unique.append(id_ if seen[id_] == 1 else f"{id_}.{seen[id_]}")
    return tuple(unique)


def _base_id(name: str, bound: Identified) -> str:
    parts = [name, bound.metric]
    scope = (("of", bound.each), ("over", bound.over), ("under", bound.attack), ("on", bound.on))
    for word, value in (*scope, ("against", bound.champion)):
        parts += [word, value] if value else []
    return ".".join(parts)


def _requirements(lowering: Lowering) -> Iterator[ir.Requirement]:
    for declared in lowering.charter.measuring():
        gate = f"{_EXIT_OF[declared.kind]}/{declared.name}:exit"
        for id_, bound in zip(requirement_ids(declared, declared.requires), declared.requires, strict=True):
            yield _requirement(lowering, declared, bound, id_, gate)


def _requirement(
    lowering: Lowering, declared: model.Declared, bound: model.Bound, id_: str, gate: str
) -> ir.Requirement:
    comparison, threshold = _decided(bound)
    reaction = bound.node.reaction
    return ir.Requirement(
        id=id_,
        gate=gate,
        subject=declared.subject,
        metric=bound.metric if bound.champion is None else f"{bound.metric} minus {bound.champion}",
        comparison=_comparison(comparison),
        bound=threshold,
        unit=_unit(bound),
        text=bound_sentence(bound),
        place=lowering.places.of(bound.node.span),
        each=bound.each,
        over=bound.over,
        on=bound.on,
        attack=normal_value(bound.node.attack, lowering.charter) if bound.node.attack else None,
        confidence=float(bound.confidence) if bound.confidence is not None else None,
        checks=bound.checks,
        lasting_seconds=float(bound.seconds) if bound.seconds is not None else None,
        reaction=reaction.action.text if reaction else None,
        reaction_to=reaction.to.text if reaction and reaction.to else None,
        enforce=bound.enforce,
        least_grade=bound.grade,
    )


def _decided(bound: model.Bound) -> tuple[str, float]:
    """Comparison and threshold; of a `not worse than`, of the difference to what it is compared with."""
    if bound.champion is not None:
        margin = float(bound.margin.value) if bound.margin is not None else 0.0
        return ("<=", margin) if METRICS[bound.metric].better == "lower" else (">=", -margin)
    assert bound.quantity is not None and bound.comparison is not None  # the units pass has said so
    return bound.comparison, float(bound.quantity.value)


def _unit(bound: model.Bound) -> ir.Unit:
    known = METRICS.get(bound.metric)
    if known is not None:
        return known.unit
    return bound.quantity.unit if bound.quantity else "number"


def _comparison(written: str) -> ir.Comparison:
    comparison: ir.Comparison = msgspec.convert(written, ir.Comparison)
    return comparison


def _added_to_validation(lowering: Lowering) -> Iterator[ir.Requirement]:
    for dataset in lowering.charter.datasets.values():
        if dataset.schema is not None:
            place = lowering.places.of(dataset.schema.span)
            yield _added(dataset, f"validate/{dataset.name}", "schema_violations", "==", 0.0, place)


def _added_to_deployment(lowering: Lowering) -> Iterator[ir.Requirement]:
    for deployment in lowering.charter.deployments.values():
        place = lowering.places.of(deployment.node.header_span)
        stage = f"deploy/{deployment.name}"
        yield _added(deployment, stage, "smoke_test", "==", 1.0, place)
        deployed = lowering.charter.models.get(deployment.of.text) if deployment.of else None
        if deployed is None or not deployed.generative:
            yield _added(deployment, stage, "package_difference", "<=", PACKAGE_TOLERANCE, place)


def _added(
    declared: model.Declared,
    stage: str,
    metric: str,
    comparison: ir.Comparison,
    bound: float,
    place: ir.Place,
) -> ir.Requirement:
    return ir.Requirement(
        id=f"{declared.name}.{metric}",
        gate=f"{stage}:exit",
        subject=declared.subject,
        metric=metric,
        comparison=comparison,
        bound=bound,
        unit=METRICS[metric].unit,
        text=f"{metric} {comparison} {bound:g}",
        place=place,
    )


def _approvals(lowering: Lowering) -> Iterator[ir.Approval]:
    for approval in lowering.charter.approvals.values():
        yield ir.Approval(
            id=approval.name,
            gate=f"approve/{approval.name}:exit",
            subject=approval.subject,
            role=approval.role.text if approval.role else "",
            quorum=approval.quorum,
            excluding=tuple(name.text for name in approval.excluding),
            valid_seconds=int(approval.valid) if approval.valid is not None else None,
            text=approval_sentence(approval, _attested_by(approval, lowering)),
            place=lowering.places.of(approval.node.header_span),
        )


def _attested_by(approval: model.Approval, lowering: Lowering) -> tuple[model.Dataset, ...]:
    """The datasets behind an approval whose class its role attests (`attested as`)."""
    found = [
        dataset
        for dataset in lowering.charter.datasets.values()
        if (role := read.name(dataset.clause("attested as"), "by")) is not None
        and approval.role is not None
        and role.text == approval.role.text
    ]
    order = lowering.graph.order() if found else None
    if order is None:
        return ()
    ancestry = Ancestry(lowering.graph, order)
    stage = (f"approve/{approval.name}",)
    return tuple(dataset for dataset in found if ancestry.precedes(f"acquire/{dataset.name}", stage))


def _criteria(lowering: Lowering) -> Iterator[ir.RetirementCriterion]:
    for retirement in lowering.charter.retirements.values():
        if retirement.of is None:
            continue
        ids = retirement_ids(retirement)
        for id_, bound in zip(ids, retirement.whens, strict=True):
            assert bound.quantity is not None and bound.comparison is not None  # the units pass has said so
            monitor, metric = criterion_of(bound)
            yield ir.RetirementCriterion(
                id=id_,
                gate=f"retire/{retirement.of.text}:entry",
                subject=retirement.subject,
                monitor=monitor,
                metric=metric,
                comparison=_comparison(bound.comparison),
                bound=float(bound.quantity.value),
                unit=METRICS[metric].unit if metric in METRICS else bound.quantity.unit,
                checks=bound.checks or 1,
                text=bound_sentence(bound),
                place=lowering.places.of(bound.node.span),
                each=bound.each,
                over=bound.over,
                lasting_seconds=float(bound.seconds) if bound.seconds is not None else None,
            )


def retirement_ids(retirement: model.Retirement) -> tuple[str, ...]:
    """Ids of a retirement's criteria: `scorecard.drift.psi`."""
    return requirement_ids(retirement, retirement.whens)


def criterion_of(bound: model.Bound) -> tuple[str | None, str]:
    """(monitor, metric) of a retirement's `when`: `drift.psi`; `age` belongs to no monitor."""
    monitor, *metric = bound.node.metric.parts
    return (monitor, ".".join(metric)) if metric else (None, monitor)


def policy_gates(policy: model.Policy, graph: LifecycleGraph) -> tuple[str, ...]:
    """The entry gates of the stages that `before` means: by kind of stage, or by a declaration's name."""
    return tuple(sorted({f"{node.id}:entry" for name in policy.before for node in stages_named(name.text, graph)}))


def stages_named(word: str, graph: LifecycleGraph) -> tuple[Node, ...]:
    """The stages that a word means: all of a kind, one id, or all that a declaration of that name makes."""
    return tuple(node for node in graph.nodes.values() if word in (node.kind, node.id, node.name))


def _policies(lowering: Lowering) -> Iterator[ir.PolicyControl]:
    for policy in lowering.charter.policies.values():
        gates = policy_gates(policy, lowering.graph)
        for gate in gates:
            yield ir.PolicyControl(
                id=policy.name if len(gates) == 1 else f"{policy.name}@{gate.removesuffix(':entry')}",
                gate=gate,
                subject=policy.subject,
                package=lowering.packages.get(policy.name, ""),
                path=policy.rego.value if policy.rego else "",
                enforce=policy.enforce,
                satisfies=satisfied(policy),
                text=policy_sentence(policy),
                place=lowering.places.of(policy.node.header_span),
            )


def control_spans(charter: model.Charter) -> dict[str, Span]:
    """Where controls (by id) and packs (`use policies NAME`) were written, for findings about them."""
    spans: dict[str, Span] = {}
    holders: tuple[tuple[model.Declared, tuple[model.Bound, ...]], ...] = (
        *((item, item.requires) for item in charter.measuring()),
        *((item, item.whens) for item in charter.retirements.values()),
    )
    for declared, bounds in holders:
        spans |= {id_: b.node.span for id_, b in zip(requirement_ids(declared, bounds), bounds, strict=True)}
    spans |= {name: item.node.header_span for name, item in charter.approvals.items()}
    spans |= {name: item.rego.span if item.rego else item.node.header_span for name, item in charter.policies.items()}
    if charter.lifecycle is not None:
        spans |= {f"use policies {pack.text}": pack.span for pack in charter.lifecycle.packs}
    return spans
