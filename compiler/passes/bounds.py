"""Bounds: the right unit, a sensible confidence, a reaction that exists, a span of checks where it counts."""

from collections.abc import Iterator
from decimal import Decimal

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.controls import criterion_of
from charter.compiler.ir import Unit
from charter.compiler.passes.context import Context
from charter.compiler.threshold import wanted_unit
from charter.compiler.units import NAMES, fits, plain, show
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related


def check_bounds(context: Context) -> Iterator[Diagnostic]:
    """CH0201 wrong unit, CH0208 confidence, CH0213 reaction, CH0211 a number and CH0219 a grade where none belongs."""
    charter = context.charter
    for bound in charter.bounds():
        yield from _unit(bound, charter)
        yield from _confidence(bound)
        yield from _lasting(bound)
        yield from _grade(bound, charter)
    for declared in charter.measuring():
        for bound in declared.requires:
            yield from _reaction(bound, declared)
            if isinstance(declared, model.Monitor):
                yield from _no_grade(
                    bound, "A monitor acts as soon as it has measured, before anybody could vouch for it"
                )
            if bound.node.lasting is not None and not isinstance(declared, model.Monitor):
                detail = f"`for` counts the checks of a monitor; {_a(declared.kind)} is decided once. Leave it out."
                yield error("CH0211", bound.node.lasting.span, detail)
        if isinstance(declared, model.Monitor):
            yield from _between_checks(declared)
    for retirement in charter.retirements.values():
        for bound in retirement.whens:
            yield from _criterion(bound)
            yield from _no_grade(bound, "A criterion that waits for people would retire later, not with more certainty")
    for objective in charter.objectives.values():
        for bound in objective.kpis:
            yield from _no_grade(bound, "No gate asks for a KPI")
    for deployment in charter.deployments.values():
        for bound in deployment.bounds:
            yield from _rollback(bound)
            yield from _no_grade(bound, "What is met here rolls back at once")


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _unit(bound: model.Bound, charter: model.Charter) -> Iterator[Diagnostic]:
    node = bound.node
    if isinstance(node.bound, ast.Text):
        detail = "A bound is a number, a percentage or the name of a parameter; texts cannot be compared yet."
        yield error("CH0201", node.bound.span, detail)
        return
    wanted = wanted_unit(bound)
    if bound.quantity is None or wanted is None or fits(bound.quantity.unit, wanted) or node.bound is None:
        return
    related: tuple[Related, ...] = ()
    shown = "this"
    if isinstance(node.bound, ast.Name):
        parameter = charter.parameters[node.bound.text]
        related = (Related(parameter.node.header_span, f"`{node.bound.text}` is declared here"),)
        shown = f"`{node.bound.text}`"
    detail = f"`{bound.metric}` is {NAMES[wanted]}, but {shown} is {NAMES[bound.quantity.unit]}. {_HOW[wanted]}"
    yield error("CH0201", node.bound.span, detail, *related)


_HOW: dict[Unit, str] = {
    "ratio": "Write `0.95` or `95%`.",
    "count": "Write a whole number, such as `5_000`.",
    "seconds": "Write a duration, such as `24 months`.",
    "bytes": "Write a size, such as `4 GB`.",
    "number": "Write a number without a unit.",
}


def _confidence(bound: model.Bound) -> Iterator[Diagnostic]:
    node = bound.node
    level = bound.confidence
    if node.confidence is None or level is None or Decimal("0.5") <= level < 1:
        return
    detail = (
        f"A confidence of {plain(level * 100)}% makes no bound: it lies from 50% to below 100%. "
        "Write `with confidence 95%`."
    )
    yield error("CH0208", node.confidence.span, detail)


def _lasting(bound: model.Bound) -> Iterator[Diagnostic]:
    lasting = bound.node.lasting
    if lasting is None or lasting.unit is None:
        return
    is_count_of_checks = lasting.unit in ("check", "checks")
    if bound.seconds is None and not is_count_of_checks:
        yield error("CH0201", lasting.span, "A bound holds `for 3 checks` of a monitor, or `for 10 minutes`.")
    elif bound.seconds is not None and bound.seconds < 1:
        yield error("CH0211", lasting.span, "Write at least one second.")
    elif is_count_of_checks and (bound.checks is None or bound.checks < 1):
        yield error("CH0211", lasting.span, "Write a whole number of checks, at least one.")


def _grade(bound: model.Bound, charter: model.Charter) -> Iterator[Diagnostic]:
    graded = bound.node.graded
    if graded is None:
        return
    if graded.text == "declared":
        detail = (
            "What is only declared is what a team's own code says of itself, and would meet any bound. The least grade "
            "is `measured`, which goes without saying; `attested` lets a role vouch for what was declared."
        )
        yield error("CH0219", graded.span, detail)
    elif bound.grade == "attested" and not charter.roles:
        detail = "The charter has no role, so nobody could attest it and the gate could never open. Declare a `role`."
        yield error("CH0219", graded.span, detail)


def _no_grade(bound: model.Bound, why: str) -> Iterator[Diagnostic]:
    graded = bound.node.graded
    if graded is not None and bound.grade != "measured":
        yield error("CH0219", graded.span, f"{why}. Leave `graded {graded.text}` out.")


def _reaction(bound: model.Bound, declared: model.Measuring) -> Iterator[Diagnostic]:
    reaction = bound.node.reaction
    if reaction is None:
        return
    if not isinstance(declared, model.Monitor):
        detail = f"Only a monitor reacts; {_a(declared.kind)} that misses a bound stops the lifecycle. Leave it out."
        yield error("CH0213", reaction.span, detail)
    elif reaction.action.text == "alert" and reaction.to is None:
        yield error("CH0213", reaction.span, "Say who is alerted: `otherwise alert ROLE`.")
    elif reaction.action.text != "alert" and reaction.to is not None:
        detail = f"`{reaction.action.text}` is for nobody in particular. Leave `{reaction.to.text}` out."
        yield error("CH0213", reaction.to.span, detail)


def _between_checks(monitor: model.Monitor) -> Iterator[Diagnostic]:
    """A time in which no second check falls says nothing of how long anything lasts."""
    for bound in monitor.requires:
        every, lasting = monitor.every, bound.node.lasting
        if bound.seconds is not None and every is not None and lasting is not None and bound.seconds < every.value:
            detail = (
                f"`{monitor.name}` looks every {show(every)} and sees nothing of a shorter time. Write a longer one."
            )
            yield error("CH0211", lasting.span, detail)


def _rollback(bound: model.Bound) -> Iterator[Diagnostic]:
    node = bound.node
    if node.lasting is not None and bound.checks is not None:
        detail = "A deployment counts no checks; its log is looked at all the time. Say how long: `for 10 minutes`."
        yield error("CH0211", node.lasting.span, detail)
    if node.reaction is not None:
        yield error("CH0213", node.reaction.span, "What is met here rolls back; leave the reaction out.")
    if node.enforce is not None:
        yield error("CH0211", node.enforce.span, "What is met here rolls back; it has no level.")


def _criterion(bound: model.Bound) -> Iterator[Diagnostic]:
    node = bound.node
    monitor, _ = criterion_of(bound)
    if monitor is None and node.lasting is not None:
        yield error("CH0211", node.lasting.span, "`age` only grows; it needs no number of checks. Leave it out.")
    if node.reaction is not None:
        yield error("CH0213", node.reaction.span, "A met criterion retires the model; leave the reaction out.")
    if node.confidence is not None:
        detail = "A retirement looks at the value that the monitor measured. Leave `with confidence` out."
        yield error("CH0211", node.confidence.span, detail)
    if node.enforce is not None:
        yield error("CH0211", node.enforce.span, "A criterion opens the gate of the retirement; it has no level.")
