"""What the language can say and this version cannot do: refused by name, never ignored."""

from collections.abc import Iterator, Mapping

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.source import Span
from charter.dsl.vocabulary import BLOCKS

_UNSUPPORTED = frozenset(
    path
    for block in BLOCKS
    for clause in block.clauses
    for path, supported in (
        ((block.keyword, clause.keyword), clause.supported),
        *(((block.keyword, clause.keyword, child.keyword), child.supported) for child in clause.children),
    )
    if not supported
)

_UNSUPPORTED_BLOCKS = frozenset(block.keyword for block in BLOCKS if not block.supported)

WORKING_CHOICES: Mapping[tuple[str, str, str], tuple[str, ...]] = {
    ("dataset", "source", "format"): ("csv", "parquet", "jsonl", "python"),
    ("deployment", "package", "format"): ("onnx",),
    ("deployment", "serve", "how"): ("http", "directory"),
}
"""Of arguments with choices, those that work."""

NOT_RUN_CHOICES: Mapping[tuple[str, str, str], tuple[str, ...]] = {("model", "task", "kind"): ("text-generation",)}
"""Of arguments with choices, those that are proved and compiled, and that no stage can do yet."""

IDLE_ARGUMENTS = frozenset(
    {("deployment", "package", "quantise"), ("lifecycle", "use policies", "from"), ("evaluation", "report", "top")}
)
"""Arguments that do nothing yet."""


def check_supported(context: Context) -> Iterator[Diagnostic]:
    """CH0301 for every block, clause, argument or part of a control that has no effect yet."""
    for node in context.charter.file.declarations:
        if node.kind in _UNSUPPORTED_BLOCKS:
            yield not_yet(f"`{node.kind}`", node.kind_span)
            continue
        for clause in node.clauses:
            yield from _clause(node.kind, clause)
    decided_once = {
        id(bound)
        for declared in context.charter.measuring()
        if not isinstance(declared, model.Monitor)
        for bound in declared.requires
    }
    for bound in context.charter.bounds():
        yield from _control(bound.node, once=id(bound) in decided_once)
    for dataset in context.charter.datasets.values():
        if dataset.split and dataset.split.grouped_by and dataset.split.stratified_by:
            both = "`grouped by` together with `stratified by`"
            yield not_yet(both, dataset.split.grouped_by.span, " Leave one of the two out.")
    for retirement in context.charter.retirements.values():
        for bound in retirement.whens:
            yield from _criterion(bound)


def _clause(kind: str, clause: ast.Clause) -> Iterator[Diagnostic]:
    if (kind, clause.keyword) in _UNSUPPORTED:
        yield not_yet(f"`{clause.keyword}`", clause.keyword_span)
        return
    for child in clause.children:
        if (kind, clause.keyword, child.keyword) in _UNSUPPORTED:
            yield not_yet(f"`{child.keyword}`", child.keyword_span)
    for argument, value in clause.arguments.items():
        path = (kind, clause.keyword, argument)
        if path in IDLE_ARGUMENTS:
            yield not_yet(f"`{argument}` of `{clause.keyword}`", value.span)
        working = WORKING_CHOICES.get(path, ())
        for name in read.names(clause, argument) if working else ():
            if name.text not in working:
                instead = ", ".join(f"`{choice}`" for choice in working)
                yield not_yet(f"`{clause.keyword} {name.text}`", name.span, f" What works is {instead}.")


def _control(node: ast.Control, *, once: bool) -> Iterator[Diagnostic]:
    """Of a bound; of one that is decided `once`, `for` is another pass's finding."""
    if node.attack is not None:
        yield not_yet("`under attack`", node.attack.span)
    if node.not_worse_than is not None:
        yield not_yet("`not worse than`", node.not_worse_than.span)
    if node.on is not None:
        yield not_yet("`on` in a bound", node.on.span)
    if not once and node.lasting is not None and node.lasting.unit is not None and _is_duration(node.lasting):
        yield not_yet("`for` with a duration", node.lasting.span, " Count checks instead: `for 3 checks`.")


def _is_duration(lasting: ast.Number) -> bool:
    quantity = read.quantity(lasting)
    return quantity is not None and quantity.unit == "seconds"


def _criterion(bound: model.Bound) -> Iterator[Diagnostic]:
    for scope in (bound.node.over, bound.node.each):
        if scope is not None:
            detail = " Leave it out: the worst group or feature that the monitor measures counts."
            yield not_yet("a column in a retirement criterion", scope.span, detail)


def not_yet(what: str, span: Span, instead: str = "") -> Diagnostic:
    """The finding that something can be said and not done; `instead` says in a sentence, led by a blank, what can."""
    detail = f"{what} is part of the language, but this version cannot do it, and does not pretend to.{instead}"
    return error("CH0301", span, detail if instead else f"{detail} Take it out for now.")
