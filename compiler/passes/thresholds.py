"""Thresholds: bounds that decide something, in the right direction, and that do not contradict."""

from collections import defaultdict
from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.metrics import METRICS
from charter.compiler.passes.context import Context
from charter.compiler.threshold import Accepted, Place, Threshold, place_of, threshold_of
from charter.dsl.diagnostics import Diagnostic, Related


def check_thresholds(context: Context) -> Iterator[Diagnostic]:
    """CH0601 contradiction, CH0602 always holds, CH0603 never holds, CH0604 redundant, CH0607 wrong direction."""
    charter = context.charter
    for bound in charter.bounds():
        yield from _decides(bound)
    for declared in charter.measuring():
        yield from _direction(declared.requires, retiring=False)
    for retirement in charter.retirements.values():
        yield from _direction(retirement.whens, retiring=True)
    for deployment in charter.deployments.values():
        yield from _direction(deployment.bounds, retiring=True)
    for holders in _together(charter):
        yield from _contradictions(holders)
    for declared in charter.measuring():
        yield from _redundant(declared)


def _decides(bound: model.Bound) -> Iterator[Diagnostic]:
    metric = METRICS.get(bound.metric.rpartition(".")[2])
    threshold = threshold_of(bound, metric.name if metric else None)
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
    compared: dict[Place, set[str | None]] = defaultdict(set)
    for bound in bounds:
        compared[place_of(bound)].add(bound.comparison)
    for bound in bounds:
        metric = METRICS.get(bound.metric.rpartition(".")[2])
        if metric is None or metric.better is None or bound.quantity is None:
            continue
        right = ("<", "<=") if (metric.better == "lower") != retiring else (">", ">=")
        if compared[place_of(bound)].isdisjoint((*right, "==")):
            what = (
                "takes good models out of service and keeps bad ones"
                if retiring
                else "lets bad models pass and stops good ones"
            )
            detail = (
                f"A {metric.better} `{metric.name}` is better, so `{bound.comparison}` {what}. "
                f"Did you mean `{right[-1]}`?"
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
    accepted_by: dict[Place, Accepted] = defaultdict(Accepted)
    for declared in holders:
        for bound in declared.requires:
            threshold = threshold_of(bound)
            if threshold is None or bound.enforce == "advisory":
                continue
            so_far = accepted_by[place_of(bound)]
            if not so_far.values.intersect(threshold.values).is_empty:
                so_far.add(threshold)
                continue
            other = next(o for o in so_far.thresholds if o.values.intersect(threshold.values).is_empty)
            detail = (
                f"No value of `{bound.metric}` is both `{other.text}` and `{threshold.text}`, so the gate could "
                "never open. Change one of the two."
            )
            yield error("CH0601", bound.node.span, detail, Related(other.bound.node.span, "this bound contradicts it"))


def _redundant(declared: model.Measuring) -> Iterator[Diagnostic]:
    strictest: dict[tuple[object, ...], list[Threshold]] = defaultdict(list)
    for bound in declared.requires:
        threshold = threshold_of(bound)
        if threshold is None:
            continue
        kept = strictest[_decided(bound)]
        stricter = next((other for other in kept if other.values.implies(threshold.values)), None)
        weaker = next((other for other in kept if threshold.values.implies(other.values)), None)
        if stricter is not None:
            yield _drop(threshold, stricter)
        elif weaker is not None:
            yield _drop(weaker, threshold)
            kept[kept.index(weaker)] = threshold
        else:
            kept.append(threshold)


def _drop(weaker: Threshold, stricter: Threshold) -> Diagnostic:
    detail = f"Whatever meets `{stricter.text}` meets `{weaker.text}` too. Keep one of the two."
    where = Related(stricter.bound.node.span, "this bound is at least as strict")
    return warning("CH0604", weaker.bound.node.span, detail, where)


def _decided(bound: model.Bound) -> tuple[object, ...]:
    """What else makes two bounds decide differently, so that neither is redundant."""
    to = bound.node.reaction
    reaction = (to.action.text, to.to.text if to.to else None) if to else None
    return (*place_of(bound), bound.confidence, bound.enforce, bound.grade, bound.checks, bound.seconds, reaction)
