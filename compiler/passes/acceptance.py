"""Acceptance: what an evaluation accepts is neither breached by a monitor nor retired on the first day."""

from collections import defaultdict
from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.controls import criterion_of
from charter.compiler.metrics import METRICS
from charter.compiler.passes.context import Context
from charter.compiler.threshold import Accepted, Scope, Threshold, scope_of, threshold_of
from charter.dsl.diagnostics import Diagnostic, Related

_MOST_RELATED = 5
ByScope = dict[tuple[str, str], dict[Scope, Accepted]]
"""(Model or monitor, metric) → scope → what is accepted: of a retirement the worst group or feature counts."""


def check_acceptance(context: Context) -> Iterator[Diagnostic]:
    """CH0605 a monitor or retirement inside what is accepted, CH0606 a retirement inside what a monitor accepts."""
    charter = context.charter
    evaluated: ByScope = defaultdict(dict)
    for evaluation in charter.evaluations.values():
        if evaluation.of is not None:
            _collect(evaluated, evaluation.of.text, evaluation.requires)
    watched: ByScope = defaultdict(dict)
    for monitor in charter.monitors.values():
        _collect(watched, monitor.name, monitor.requires)
        for bound in monitor.requires:
            yield from _breached(bound, evaluated[_model_of(monitor, charter), bound.metric].get(scope_of(bound)))
    for retirement in charter.retirements.values():
        for bound in retirement.whens:
            name, metric = criterion_of(bound)
            threshold = threshold_of(bound, metric)
            if threshold is not None and name is not None and retirement.of is not None:
                by_evaluations = evaluated[retirement.of.text, metric].values()
                by_monitor = watched[name, metric].values()
                yield from _retired(threshold, list(by_evaluations), list(by_monitor))


def _collect(into: ByScope, name: str, bounds: tuple[model.Bound, ...]) -> None:
    for bound in bounds:
        threshold = threshold_of(bound)
        if threshold is not None and bound.enforce != "advisory" and bound.attack is None:
            into[name, bound.metric].setdefault(scope_of(bound), Accepted()).add(threshold)


def _model_of(monitor: model.Monitor, charter: model.Charter) -> str:
    deployment = charter.deployments.get(monitor.of.text) if monitor.of else None
    return deployment.of.text if deployment and deployment.of else ""


def _breached(bound: model.Bound, accepting: Accepted | None) -> Iterator[Diagnostic]:
    threshold = threshold_of(bound)
    if threshold is None or accepting is None or bound.enforce == "advisory":
        return
    metric = METRICS.get(bound.metric)
    values = accepting.values.intersect(metric.range) if metric else accepting.values
    if values.is_empty or values.implies(threshold.values):
        return
    detail = (
        f"An evaluation accepts `{bound.metric}` {_texts(accepting)}, and this monitor calls part of that a breach: a "
        "model could be in breach on the day it goes live. Loosen this bound, or tighten the evaluation's."
    )
    yield error("CH0605", bound.node.span, detail, *_related(accepting, "accepted here"))


def _retired(retiring: Threshold, evaluated: list[Accepted], watched: list[Accepted]) -> Iterator[Diagnostic]:
    accepting = next((item for item in evaluated if _overlap(item, retiring)), None)
    watching = next((item for item in watched if _overlap(item, retiring)), None)
    if accepting is not None:
        detail = (
            f"An evaluation accepts `{retiring.metric}` {_texts(accepting)}, and `{retiring.text}` retires part of "
            "that: a model could be retired on the day it goes live. Let the retirement begin beyond what is accepted."
        )
        yield error("CH0605", retiring.bound.node.span, detail, *_related(accepting, "accepted here"))
    elif watching is not None:
        detail = (
            f"The monitor finds `{retiring.metric}` {_texts(watching)} in order, and `{retiring.text}` retires part of "
            "that, without a breach before. Let the retirement begin beyond the monitor's bound."
        )
        yield warning("CH0606", retiring.bound.node.span, detail, *_related(watching, "in order here"))


def _overlap(accepting: Accepted, retiring: Threshold) -> bool:
    return not accepting.values.intersect(retiring.values).is_empty


def _texts(accepting: Accepted) -> str:
    return " and ".join(f"`{threshold.text}`" for threshold in accepting.thresholds[:_MOST_RELATED])


def _related(accepting: Accepted, message: str) -> Iterator[Related]:
    return (Related(item.bound.node.span, message) for item in accepting.thresholds[:_MOST_RELATED])
