"""Literals: every number is one that all later formats hold, and no text is empty."""

from collections.abc import Iterator
from decimal import Decimal

from charter.compiler import clauses as read
from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.compiler.units import YEAR
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic

LONGEST = 1000 * YEAR
_NAMES_A_FILE = frozenset({"location", "path", "from"})
"""Arguments whose texts are looked at by the pass about files."""


def check_literals(context: Context) -> Iterator[Diagnostic]:
    """CH0217 an empty text, CH0218 a number that cannot be held."""
    for node in context.charter.file.declarations:
        for value in node.header.values():
            yield from _value(value)
        for clause in node.clauses:
            yield from _clause(clause)


def _clause(clause: ast.Clause) -> Iterator[Diagnostic]:
    for argument, value in clause.arguments.items():
        if argument not in _NAMES_A_FILE:
            yield from _value(value)
    for child in clause.children:
        yield from _clause(child)


def _value(value: ast.Value | None) -> Iterator[Diagnostic]:
    match value:
        case ast.Text() if not value.value.strip():
            yield error("CH0217", value.span, "There is nothing in these quotes. Say it, or take the clause out.")
        case ast.Number():
            yield from _number(value)
        case ast.ListValue():
            for item in value.items:
                yield from _value(item)
        case ast.MappingValue():
            for entry in value.entries:
                yield from _value(entry.value)
        case ast.Range():
            yield from _value(value.low)
            yield from _value(value.high)
        case ast.Call():
            for entry in value.arguments:
                yield from _value(entry.value)
        case ast.Control():
            for part in (value.bound, value.margin, value.confidence, value.lasting):
                yield from _value(part)


def _number(number: ast.Number) -> Iterator[Diagnostic]:
    quantity = read.quantity(number)
    if quantity is None:
        return
    size = abs(quantity.value)
    if quantity.unit == "seconds" and size > LONGEST:
        yield error("CH0218", number.span, "Nothing here lasts longer than 1000 years. Is the unit right?")
    elif quantity.unit in ("seconds", "bytes") and not _is_fine(quantity.value):
        what = "seconds" if quantity.unit == "seconds" else "bytes"
        yield error("CH0218", number.span, f"This is no whole number of {what}. Choose one that is.")
    elif (number.is_integer or quantity.unit in ("count", "bytes")) and size >= read.LARGEST:
        detail = f"Whole numbers lie below {read.LARGEST}: beyond, neighbouring ones can no longer be told apart."
        yield error("CH0218", number.span, detail)


def _is_fine(value: Decimal) -> bool:
    return value == value.to_integral_value()
