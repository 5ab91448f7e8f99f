"""Overrides: `--set name=value` replaces a parameter that exists, by a value of the same unit."""

from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.compiler.units import NAMES, fits, parse_quantity
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.suggest import did_you_mean


def check_overrides(context: Context) -> Iterator[Diagnostic]:
    """CH0107 unknown parameter, CH0209 unreadable value, CH0218 too large, CH0201 other unit."""
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
