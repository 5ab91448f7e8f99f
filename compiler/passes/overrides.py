"""Overrides: `--set name=value` replaces a parameter that exists, by a value of the same unit that asks for no less."""

from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.compare import compare
from charter.compiler.passes.context import Context
from charter.compiler.resolve import resolve
from charter.compiler.standards import Standard
from charter.compiler.stated import of_charter, span_of
from charter.compiler.units import NAMES, fits, parse_quantity
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.suggest import did_you_mean


def check_overrides(context: Context) -> Iterator[Diagnostic]:
    """CH0107 unknown parameter, CH0209 unreadable value, CH0218 too large, CH0201 other unit, CH1204 weakens."""
    wrong = tuple(_values(context))
    yield from wrong
    if context.overrides and context.complete and not wrong:
        yield from _weakened(context)


def _weakened(context: Context) -> Iterator[Diagnostic]:
    """An override is part of the meaning, but nobody has reviewed it: it may ask for more, never for less."""
    charter = context.charter
    written = resolve(charter.file, {})
    for change in compare(of_charter(written, {}), of_charter(charter, {})):
        if not change.loosens or change.old is None:
            continue
        bound = span_of(change.old, written)
        for parameter in _named_in(change.old, written):
            if parameter.name in context.overrides:
                given = context.overrides[parameter.name]
                now = f"`{change.new.text}`" if change.new else "nothing"
                detail = (
                    f"`--set {parameter.name}={given}` would ask for {now}, and the charter asks for "
                    f"`{change.old.text}`. Only what is stricter may be set for a run; loosen it in the charter, "
                    "where people see it."
                )
                yield error("CH1204", parameter.node.header_span, detail, Related(bound, "the bound that it loosens"))


def _named_in(standard: Standard, charter: model.Charter) -> Iterator[model.Parameter]:
    """The parameters that the clause of a standard names."""
    kind, _, name = standard.subject.partition("/")
    declared = charter.by_kind.get(kind, {}).get(name)
    if declared is None or standard.clause is None:
        return
    keyword, number = standard.clause
    control = read.control(tuple(declared.clauses(keyword))[number])
    for value in (control.bound, control.confidence, control.margin) if control else ():
        if isinstance(value, ast.Name) and value.text in charter.parameters:
            yield charter.parameters[value.text]


def _values(context: Context) -> Iterator[Diagnostic]:
    parameters = context.charter.parameters
    for name, given in sorted(context.overrides.items()):
        parameter = parameters.get(name)
        if parameter is None:
            hint = did_you_mean(name, parameters)
            known = ", ".join(f"`{known}`" for known in sorted(parameters)) or "none"
            detail = f"`--set {name}=…` names no parameter of this charter; it has {known}.{hint}"
            yield error("CH0107", None, detail)
            continue
        value = parse_quantity(given)
        if value is None:
            detail = f"`{given}` is no value for `{name}`. Write a number with its unit, as in `{name}=78%`."
            yield error("CH0209", parameter.node.name.span, detail)
            continue
        if abs(value.value) >= read.LARGEST:
            detail = f"`{given}` is too large: `{name}` has to stay below {read.LARGEST}."
            yield error("CH0218", parameter.node.name.span, detail)
        declared = read.quantity(parameter.node.header.get("value"))
        if declared is not None and not (fits(value.unit, declared.unit) or fits(declared.unit, value.unit)):
            detail = f"`{name}` is {NAMES[declared.unit]}, but `--set` gives {NAMES[value.unit]}."
            yield error("CH0201", parameter.node.name.span, detail)
