"""From model and graph to the IR's parts: declarations, stages with their gates, edges, waivers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from charter.compiler import clauses as read
from charter.compiler import ir, model
from charter.compiler.controls import Lowering, criterion_of
from charter.compiler.graph import Node, edges_of
from charter.compiler.metrics import METRICS
from charter.compiler.normal import body_digest, normal_body
from charter.compiler.not_run import why_not_run
from charter.compiler.specs import Specs
from charter.dsl import ast


def lower_lifecycle(lowering: Lowering) -> ir.Lifecycle:
    """The system."""
    lifecycle = lowering.charter.lifecycle
    assert lifecycle is not None  # the names pass has said so
    return ir.Lifecycle(
        name=lifecycle.name,
        version=lifecycle.version,
        owner=lifecycle.owner,
        purpose=lifecycle.purpose,
        risk=msgspec.convert(lifecycle.risk, ir.Risk),
        packs=tuple(dict.fromkeys(pack.text for pack in lifecycle.packs)),
        place=lowering.places.of(lifecycle.node.header_span),
    )


def lower_roles(lowering: Lowering) -> tuple[ir.Role, ...]:
    """The roles, by name."""
    return tuple(
        ir.Role(name=name, members_at_least=role.members_at_least, place=lowering.places.of(role.node.header_span))
        for name, role in sorted(lowering.charter.roles.items())
    )


def lower_declarations(lowering: Lowering) -> dict[str, ir.Declaration]:
    """Every declaration's normal form by `<kind>/<name>`."""
    lowered = {}
    for declared in lowering.charter.all():
        body = normal_body(declared, lowering.charter)
        lowered[declared.subject] = ir.Declaration(
            kind=declared.kind,
            name=declared.name,
            body=body,
            digest=body_digest(declared.kind, declared.name, body),
            place=lowering.places.of(declared.node.header_span),
        )
    return dict(sorted(lowered.items()))


def lower_waivers(lowering: Lowering) -> tuple[ir.Waiver, ...]:
    """The requests for waivers, by name."""
    return tuple(
        ir.Waiver(
            name=name,
            control=waiver.of.text if waiver.of else "",
            reason=waiver.reason,
            role=waiver.role.text if waiver.role else "",
            quorum=waiver.quorum,
            compensating=waiver.compensating,
            until=waiver.until.value if waiver.until else "",
            place=lowering.places.of(waiver.node.header_span),
        )
        for name, waiver in sorted(lowering.charter.waivers.items())
    )


def lower_stages(
    lowering: Lowering, order: Iterable[str], controls: Iterable[ir.Control], schemas: Mapping[str, object]
) -> tuple[ir.Stage, ...]:
    """The stages in topological order, each with its two gates and the evidence it owes."""
    at_gate: dict[str, list[ir.Control]] = defaultdict(list)
    for control in controls:
        at_gate[control.gate].append(control)
    order = tuple(order)
    specs = Specs(lowering.charter, schemas, why_not_run(lowering.charter, order))
    reported = _reported(lowering.charter)
    return tuple(_stage(lowering, lowering.graph.nodes[id_], at_gate, reported, specs) for id_ in order)


def _stage(
    lowering: Lowering,
    node: Node,
    at_gate: Mapping[str, list[ir.Control]],
    reported: Mapping[str, list[ir.Measure]],
    specs: Specs,
) -> ir.Stage:
    work = specs.work(node)
    entry, exit_ = f"{node.id}:entry", f"{node.id}:exit"
    leaving = at_gate.get(exit_, [])
    return ir.Stage(
        id=node.id,
        kind=node.kind,
        name=node.name,
        subject=node.declared.subject,
        callable=work.callable,
        spec=work.spec,
        inputs=tuple(ir.Input(name=f.name, stage=f.stage, artifact=f.artifact) for f in node.inputs),
        after=tuple(sorted(node.after)),
        outputs=node.outputs,
        measures=_measures(leaving, reported.get(node.declared.subject, ())),
        limits=work.limits,
        entry=ir.Gate(
            id=entry,
            stage=node.id,
            point="entry",
            controls=_ids(at_gate.get(entry, [])),
            waits_for=node.needs,
        ),
        exit=ir.Gate(id=exit_, stage=node.id, point="exit", controls=_ids(leaving), waits_for=()),
        place=lowering.places.of(node.declared.node.header_span),
        project_code=work.project_code,
        seed=work.seed,
        every_seconds=work.every_seconds,
    )


def _ids(controls: Iterable[ir.Control]) -> tuple[str, ...]:
    return tuple(control.id for control in controls)


def _measures(leaving: Iterable[ir.Control], reported: Iterable[ir.Measure]) -> tuple[ir.Measure, ...]:
    """The evidence that the exit gate decides on, and what is only reported, each asked for once."""
    asked = [
        ir.Measure(
            metric=control.metric,
            each=control.each,
            over=control.over,
            on=control.on,
            attack=control.attack,
            confidence=control.confidence,
        )
        for control in leaving
        if isinstance(control, ir.Requirement)
    ]
    bounded = {measure.metric for measure in asked}
    asked += (measure for measure in reported if measure.metric not in bounded)
    unique = {(m.metric, m.each, m.over, m.on, m.confidence, _named(m.attack)): m for m in asked}
    return tuple(unique[key] for key in sorted(unique, key=repr))


def _named(attack: Mapping[str, object] | None) -> str:
    return repr(sorted(attack.items())) if attack else ""


def _reported(charter: model.Charter) -> dict[str, list[ir.Measure]]:
    """What is measured without a bound, by subject: reports of evaluations, and what retirements look at."""
    reported: dict[str, list[ir.Measure]] = defaultdict(list)
    for evaluation in charter.evaluations.values():
        reported[evaluation.subject] += (
            ir.Measure(metric=read.word(clause, "metric")) for clause in evaluation.reports
        )
    for retirement in charter.retirements.values():
        for bound in retirement.whens:
            monitor, metric = criterion_of(bound)
            if monitor is not None:
                each = "feature" if METRICS[metric].each == "feature" else bound.each
                reported[f"monitor/{monitor}"].append(ir.Measure(metric=metric, each=each, over=bound.over))
    return reported


def lower_edges(lowering: Lowering, order: Iterable[str]) -> tuple[ir.Edge, ...]:
    """Every stage transition, by target in topological order."""
    return tuple(
        ir.Edge(source=source, target=target, artifact=artifact)
        for source, target, artifact in edges_of(lowering.graph.nodes, order)
    )


def lower_parameters(lowering: Lowering) -> dict[str, float]:
    """The parameters in normal form, overrides put in."""
    return {
        name: float(parameter.quantity.value)
        for name, parameter in sorted(lowering.charter.parameters.items())
        if parameter.quantity is not None
    }


def edition_of(file: ast.CharterFile) -> int:
    """The language edition."""
    return int(file.edition.value) if file.edition else 1
