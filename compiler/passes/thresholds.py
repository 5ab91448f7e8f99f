"""Thresholds: bounds that decide something, that do not contradict, and that keep what was accepted alive."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.controls import criterion_of
from charter.compiler.intervals import Interval, accepted
from charter.compiler.metrics import METRICS
from charter.compiler.passes.context import Context
from charter.compiler.sentences import shown
from charter.dsl.diagnostics import Diagnostic, Related


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound as the set of values that it accepts (or, of a retirement, that retire)."""

    bound: model.Bound
    metric: str
    values: Interval

    @property
    def text(self) -> str:
        """`<= 0.2`."""
        assert self.bound.quantity is not None
        return f"{self.bound.comparison} {shown(self.metric, self.bound.quantity)}"


Scope = tuple[str, str, str | None, str | None]
"""Subject (what the values are of), metric, `over` and `each`."""


def check_thresholds(context: Context) -> Iterator[Diagnostic]:
    """CH0601 contradiction, CH0602 always holds, CH0603 never holds, CH0604 redundant, CH0605 to CH0607."""
    charter = context.charter
    for bound in charter.bounds():
        yield from _decides(bound)
    for declared in charter.measuring():
        yield from _direction(declared.requires, retiring=False)
    for retirement in charter.retirements.values():
        yield from _direction(retirement.whens, retiring=True)
    for holders in _together(charter):
        yield from _contradictions(holders)
    for declared in charter.measuring():
        yield from _redundant(declared)
    yield from _kept_alive(charter)


def _threshold(bound: model.Bound, metric: str | None = None) -> Threshold | None:
    if bound.quantity is None or bound.comparison is None:
        return None
    return Threshold(bound, metric or bound.metric, accepted(bound.comparison, bound.quantity.value))


def _decides(bound: model.Bound) -> Iterator[Diagnostic]:
    metric = METRICS.get(bound.metric.rpartition(".")[2])
    threshold = _threshold(bound, metric.name if metric else None)
    if threshold is None or metric is None or bound.node.bound is None:
        return
    possible = f"`{metric.name}` lies from {metric.range.low} to {metric.range.high}".replace("Infinity", "infinity")
    if metric.range.implies(threshold.values):
        detail = f"{possible}, so `{threshold.text}` always holds and decides nothing. Choose a bound inside."
        yield error("CH0602", bound.node.bound.span, detail)
    elif metric.range.intersect(threshold.values).is_empty:
        hint = " Did you mean a percentage?" if metric.unit == "ratio" else ""
        detail = f"{possible}, so `{threshold.text}` can never hold. Choose a bound inside.{hint}"
        yield error("CH0603", bound.node.bound.span, detail)


def _direction(bounds: tuple[model.Bound, ...], *, retiring: bool) -> Iterator[Diagnostic]:
    """An upper bound on what should be high, with no lower one beside it, is a slip of the comparison."""
    for bound in bounds:
        metric = METRICS.get(bound.metric.rpartition(".")[2])
        if metric is None or metric.better is None or bound.quantity is None:
            continue
        kept = ("<", "<=") if (metric.better == "lower") != retiring else (">", ">=")
        alike = [b for b in bounds if (b.metric, b.over, b.each) == (bound.metric, bound.over, bound.each)]
        if all(other.comparison not in (*kept, "==") for other in alike):
            what = "retires good models and keeps bad ones" if retiring else "lets bad models pass and stops good ones"
            detail = (
                f"A {metric.better} `{metric.name}` is better, so `{bound.comparison}` {what}. "
                f"Did you mean `{kept[-1]}`?"
            )
            yield warning("CH0607", bound.node.span, detail)


def _together(charter: model.Charter) -> Iterator[list[model.Measuring]]:
    """Declarations whose bounds are on the same values: one dataset, one monitor, one model on the same rows."""
    on_same_rows: dict[tuple[str, str], list[model.Measuring]] = defaultdict(list)
    for evaluation in charter.evaluations.values():
        if evaluation.of is not None and evaluation.on is not None:
            on_same_rows[evaluation.of.text, evaluation.on.text].append(evaluation)
    yield from on_same_rows.values()
    for dataset in charter.datasets.values():
        yield [dataset]
    for monitor in charter.monitors.values():
        yield [monitor]


def _contradictions(holders: list[model.Measuring]) -> Iterator[Diagnostic]:
    so_far: dict[Scope, list[Threshold]] = defaultdict(list)
    for declared in holders:
        for bound in declared.requires:
            threshold = _threshold(bound)
            if threshold is None or bound.enforce == "advisory":
                continue
            scope = ("", bound.metric, bound.over, bound.each)
            other = next((o for o in so_far[scope] if o.values.intersect(threshold.values).is_empty), None)
            if other is not None:
                detail = (
                    f"No value of `{bound.metric}` is both `{other.text}` and `{threshold.text}`, so the gate could "
                    "never open. Change one of the two."
                )
                where = Related(other.bound.node.span, "this bound contradicts it")
                yield error("CH0601", bound.node.span, detail, where)
            so_far[scope].append(threshold)


def _redundant(declared: model.Measuring) -> Iterator[Diagnostic]:
    so_far: list[Threshold] = []
    for bound in declared.requires:
        threshold = _threshold(bound)
        if threshold is None:
            continue
        for other in so_far:
            if _decided_alike(bound, other.bound):
                weaker, stricter = (threshold, other) if other.values.implies(threshold.values) else (other, threshold)
                if stricter.values.implies(weaker.values):
                    detail = f"Whatever meets `{stricter.text}` meets `{weaker.text}` too. Keep one of the two."
                    where = Related(stricter.bound.node.span, "this bound is at least as strict")
                    yield warning("CH0604", weaker.bound.node.span, detail, where)
        so_far.append(threshold)


def _decided_alike(one: model.Bound, other: model.Bound) -> bool:
    def kind(bound: model.Bound) -> tuple[object, ...]:
        to = bound.node.reaction
        reaction = (to.action.text, to.to.text if to.to else None) if to else None
        return (bound.metric, bound.over, bound.each, bound.confidence, bound.enforce, bound.checks, reaction)

    return kind(one) == kind(other)


def _kept_alive(charter: model.Charter) -> Iterator[Diagnostic]:
    """What an evaluation accepts is neither breached by a monitor nor retired; nor what a monitor accepts."""
    evaluated = _evaluated(charter)
    watched: dict[Scope, list[Threshold]] = defaultdict(list)
    for monitor in charter.monitors.values():
        deployment = charter.deployments.get(monitor.of.text) if monitor.of else None
        name = deployment.of.text if deployment and deployment.of else ""
        for bound in monitor.requires:
            threshold = _threshold(bound)
            if threshold is None:
                continue
            watched[monitor.name, bound.metric, None, None].append(threshold)
            if bound.enforce != "advisory":
                yield from _breached(threshold, evaluated.get((name, bound.metric, bound.over, bound.each), []))
    for retirement in charter.retirements.values():
        name = retirement.of.text if retirement.of else ""
        for bound in retirement.whens:
            monitored, metric = criterion_of(bound)
            threshold = _threshold(bound, metric)
            if threshold is None or monitored is None:
                continue
            accepting = [t for scope, found in evaluated.items() if scope[:2] == (name, metric) for t in found]
            yield from _retired(threshold, accepting, watched[monitored, metric, None, None])


def _evaluated(charter: model.Charter) -> dict[Scope, list[Threshold]]:
    found: dict[Scope, list[Threshold]] = defaultdict(list)
    for evaluation in charter.evaluations.values():
        for bound in evaluation.requires:
            threshold = _threshold(bound)
            if threshold is not None and bound.enforce != "advisory" and evaluation.of is not None:
                found[evaluation.of.text, bound.metric, bound.over, bound.each].append(threshold)
    return found


def _together_accept(thresholds: list[Threshold]) -> Interval:
    values = Interval()
    for threshold in thresholds:
        values = values.intersect(threshold.values)
    return values


def _breached(monitored: Threshold, accepting: list[Threshold]) -> Iterator[Diagnostic]:
    values = _together_accept(accepting).intersect(METRICS[monitored.metric].range) if accepting else None
    if values is None or values.is_empty or values.implies(monitored.values):
        return
    texts = " and ".join(f"`{threshold.text}`" for threshold in accepting)
    detail = (
        f"An evaluation accepts `{monitored.metric}` {texts}, and this monitor calls part of that a breach: a model "
        f"could be in breach on the day it goes live. Loosen this bound, or tighten the evaluation's."
    )
    related = (Related(threshold.bound.node.span, "accepted here") for threshold in accepting)
    yield error("CH0605", monitored.bound.node.span, detail, *related)


def _retired(retiring: Threshold, accepting: list[Threshold], watching: list[Threshold]) -> Iterator[Diagnostic]:
    if accepting and not _together_accept(accepting).intersect(retiring.values).is_empty:
        texts = " and ".join(f"`{threshold.text}`" for threshold in accepting)
        detail = (
            f"An evaluation accepts `{retiring.metric}` {texts}, and `{retiring.text}` retires part of that: a model "
            "could be retired on the day it goes live. Let the retirement begin beyond what is accepted."
        )
        related = (Related(threshold.bound.node.span, "accepted here") for threshold in accepting)
        yield error("CH0605", retiring.bound.node.span, detail, *related)
    elif watching and not _together_accept(watching).intersect(retiring.values).is_empty:
        texts = " and ".join(f"`{threshold.text}`" for threshold in watching)
        detail = (
            f"The monitor finds `{retiring.metric}` {texts} in order, and `{retiring.text}` retires part of that, "
            "without a breach before. Let the retirement begin beyond the monitor's bound."
        )
        related = (Related(threshold.bound.node.span, "in order here") for threshold in watching)
        yield warning("CH0606", retiring.bound.node.span, detail, *related)
