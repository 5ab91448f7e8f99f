"""What is proved and compiled, and done by no stage yet: which stage refuses, and for which clauses.

The one place that decides it. A stage with a reason keeps its gates, its inputs and its spec, and gets the built-in
that refuses instead of its work (decision 0022): no gate behind it opens.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.controls import criterion_of
from charter.compiler.generative import not_made
from charter.compiler.metrics import GENERATION, METRICS
from charter.compiler.normal import FORMS
from charter.dsl import ast
from charter.dsl.vocabulary import ClauseForm

REFUSAL = "charter.runtime.stages.not_run:refuse"
"""The built-in that does nothing and says why."""

_STAGE_OF = {
    "dataset": "acquire",
    "model": "train",
    "evaluation": "evaluate",
    "deployment": "deploy",
    "monitor": "monitor",
}
_BY_THE_MODEL = frozenset({("model", "task"), ("model", "prompted by")})
"""What holds a stage up only together with how the model is made and used (`charter.compiler.generative`)."""


def is_refused(callable_: str | None) -> bool:
    """Whether a stage's callable is the one that refuses."""
    return callable_ == REFUSAL


def why_not_run(charter: model.Charter, stages: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """By id, those of the stages that cannot be run yet, sorted, each with the clauses that it could not keep."""
    found: dict[str, list[str]] = defaultdict(list)
    known = sorted(stages)
    for declared in charter.all():
        for stage, reason in _of_declaration(declared, charter):
            for id_ in known if stage == "every" else [stage]:
                found[id_].append(reason)
    for stage, reason in not_made(charter):
        found[stage].append(reason)
    return {id_: tuple(dict.fromkeys(found[id_])) for id_ in known if id_ in found}


def _of_declaration(declared: model.Declared, charter: model.Charter) -> Iterator[tuple[str, str]]:
    for clause in declared.node.clauses:
        path = (declared.kind, clause.keyword)
        if path in _BY_THE_MODEL:
            continue
        yield from ((_stage(declared), reason) for reason in _of_clause(clause, FORMS[path]))
        for child in clause.children:
            reasons = _of_clause(child, FORMS[(*path, child.keyword)])
            yield from ((f"{clause.keyword}/{declared.name}", reason) for reason in reasons)
    match declared:
        case model.Dataset(split=split) if split and split.grouped_by and split.stratified_by:
            yield f"split/{declared.name}", "`grouped by` together with `stratified by`"
        case model.Evaluation():
            for bound in declared.requires:
                yield from ((_stage(declared), reason) for reason in _of_bound(bound))
            for clause in declared.reports:
                yield from ((_stage(declared), reason) for reason in _of_metric(read.word(clause, "metric")))
        case model.Monitor():
            for bound in declared.requires:
                yield from ((_stage(declared), reason) for reason in _of_bound(bound))
                if is_of_decisions(bound.metric, declared) and bound.on is None:
                    yield _stage(declared), f"`{bound.metric}` of what is served"
        case model.Retirement():
            for bound in declared.whens:
                yield from ((_stage(declared), reason) for reason in _of_criterion(bound))
                name, metric = criterion_of(bound)
                monitor = charter.monitors.get(name) if name is not None else None
                if monitor is not None and is_of_decisions(metric, monitor):
                    yield _stage(monitor), f"`{metric}` of what is served"


def is_of_decisions(name: str, monitor: model.Monitor) -> bool:
    """Whether a monitor measures it of decisions in the log of what is served, which takes no outcomes."""
    metric = METRICS.get(name)
    return metric is not None and metric.monitored == "decisions" and monitor.on is None


def _stage(declared: model.Declared) -> str:
    if isinstance(declared, model.Retirement):
        return f"retire/{declared.of.text if declared.of else ''}"
    kind = _STAGE_OF.get(declared.kind)
    return f"{kind}/{declared.name}" if kind else "every"


def _of_clause(clause: ast.Clause, form: ClauseForm) -> Iterator[str]:
    if not form.runs:
        yield f"`{clause.keyword}`"
        return
    for number, argument in enumerate(form.arguments):
        for value in read.names(clause, argument.name):
            if value.text in argument.idle:
                said = value.text if number == 0 else f"{argument.name} {value.text}"
                yield f"`{clause.keyword} {said}`"
        if argument.name in argument.idle and argument.name in clause.arguments:
            yield f"`{clause.keyword} {argument.name}`"


def _of_bound(bound: model.Bound) -> Iterator[str]:
    if bound.attack is not None:
        yield "`under attack`"
    if bound.champion is not None:
        yield f"`not worse than {bound.champion}`"
    if bound.on is not None:
        yield f"`on {bound.on}` in a bound"
    if bound.seconds is not None:
        yield "`for` a duration"
    yield from _of_metric(bound.metric)


def _of_metric(name: str | None) -> Iterator[str]:
    """A metric of classifiers that no stage measures; for those of texts, how the model is made says more."""
    metric = METRICS.get(name or "")
    if metric is not None and not metric.runs and metric.task != GENERATION:
        yield f"`{metric.name}`"


def _of_criterion(bound: model.Bound) -> Iterator[str]:
    if bound.seconds is not None:
        yield "`for` a duration"
    if bound.over is not None or bound.each is not None:
        yield "a column in a criterion"
