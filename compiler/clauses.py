"""Reading arguments of clauses by type, without trusting that they are there: absent or odd means None."""

from decimal import Decimal

from charter.compiler.units import Quantity, normalise
from charter.dsl import ast

LARGEST = 2**53
"""From here on floats, and with them JSON and Rego, no longer tell neighbouring integers apart."""


def word(clause: ast.Clause | None, argument: str, default: str = "") -> str:
    """A word, or the text of a string."""
    value = clause.arguments.get(argument) if clause else None
    match value:
        case ast.Name():
            return value.text
        case ast.Text():
            return value.value
    return default


def name(clause: ast.Clause | None, argument: str) -> ast.Name | None:
    """A name or dotted reference."""
    value = clause.arguments.get(argument) if clause else None
    return value if isinstance(value, ast.Name) else None


def text(clause: ast.Clause | None, argument: str) -> ast.Text | None:
    """A string."""
    value = clause.arguments.get(argument) if clause else None
    return value if isinstance(value, ast.Text) else None


def names(clause: ast.Clause | None, argument: str) -> tuple[ast.Name, ...]:
    """A comma list of names; one name alone is a list too."""
    value = clause.arguments.get(argument) if clause else None
    match value:
        case ast.Name():
            return (value,)
        case ast.ListValue():
            return tuple(item for item in value.items if isinstance(item, ast.Name))
    return ()


def integer(clause: ast.Clause | None, argument: str, default: int) -> int:
    """A whole number as written; the default only when it is absent, or when the parser has refused it."""
    value = clause.arguments.get(argument) if clause else None
    if isinstance(value, ast.Number) and value.is_integer and value.unit is None:
        return int(value.value)
    return default


def is_whole(value: Decimal) -> bool:
    """Whether a number is an integer that JSON, Rego and floats all hold exactly."""
    return value.is_finite() and abs(value) < LARGEST and value == value.to_integral_value()


def quantity(value: ast.Value | None) -> Quantity | None:
    """The normal form of a number."""
    return normalise(value.value, value.unit) if isinstance(value, ast.Number) else None


def control(clause: ast.Clause | None, argument: str = "control") -> ast.Control | None:
    """A control."""
    value = clause.arguments.get(argument) if clause else None
    return value if isinstance(value, ast.Control) else None


def header_name(declaration: ast.Declaration, argument: str) -> ast.Name | None:
    """A reference of a declaration's first line."""
    value = declaration.header.get(argument)
    return value if isinstance(value, ast.Name) else None
