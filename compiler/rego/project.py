"""Checks the team's own Rego before it may decide: v1 only, its own package, known functions, known input.

Nothing is evaluated here. What is refused would fail open later: a misspelt input never matches, a function that
one engine lacks is met only when it is reached, a `deny` that is no set is never collected.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from charter.compiler.rego.allowed import ALLOWED, DIFFERING
from charter.compiler.rego.arguments import argument_problem
from charter.compiler.rego.inputs import NoSuchInput, Shape
from charter.compiler.rego.module import Call, Module, Problem, Reference, read_module
from charter.compiler.rego.reading import Reading, Variables
from charter.compiler.rego.recursion import recursive_rules
from charter.compiler.rego.render import REPORT
from charter.compiler.rego.safety import unsafe_variable
from charter.compiler.rego.unfit import forbidden_call
from charter.dsl.suggest import did_you_mean
from charter.policies.catalogue import base_modules

RESERVED = frozenset({"charter", "system"})
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_VALUES = frozenset({"allow", REPORT})
_SETS = ("deny", "violation", "warn")


class ProjectPolicy(Struct, frozen=True):
    """A checked file: its package path and the rules that decide, by kind.

    Attributes:
        denials: names of its `deny` and `violation` sets (`deny_...` too, as Conftest has it).
        warnings: names of its `warn` sets.
        allow: whether it has an `allow` that must be true.
        report: whether it has a `compliance_report` that must show that all is well.
    """

    path: str
    text: str
    package: tuple[str, ...]
    denials: tuple[str, ...]
    warnings: tuple[str, ...]
    allow: bool
    report: bool


def check_project(sources: Mapping[str, str]) -> tuple[dict[str, ProjectPolicy], tuple[Problem, ...]]:
    """The team's files, by path. A file with a problem is left out of the first."""
    read = {path: read_module(path, text) for path, text in sorted(sources.items())}
    problems = [found for found in read.values() if isinstance(found, Problem)]
    modules = {path: found for path, found in read.items() if isinstance(found, Module)}
    known = _Known(modules)
    policies: dict[str, ProjectPolicy] = {}
    for path, module in modules.items():
        found = tuple(_problems(module, known))
        problems += found
        if not found:
            policies[path] = _policy(module, sources[path])
    if not problems:
        problems += recursive_rules(modules.values()) or unsafe_variable(sources)
    return ({path: policies[path] for path in policies if path not in {item.path for item in problems}}), tuple(
        problems
    )


class _Known:
    """What the team's files may refer to: their own rules and functions, and the library of every bundle."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        library = [read_module(path, text) for path, text in base_modules().items() if "/lib/" in path]
        self.rules: dict[tuple[str, ...], set[str]] = {}
        for module in (*modules.values(), *(item for item in library if isinstance(item, Module))):
            names = self.rules.setdefault(("data", *module.package), set())
            names |= {rule.name for rule in module.rules}
        self.reading = Reading(modules.values())

    def has(self, path: tuple[str | None, ...]) -> bool:
        """Whether a `data` path leads to a package, or to a rule in one."""
        return any(
            path[: len(package)] == package[: len(path)]
            and (len(path) <= len(package) or path[len(package)] in (*names, None))
            for package, names in self.rules.items()
        )


def _problems(module: Module, known: _Known) -> Iterator[Problem]:
    if module.package[0] in RESERVED:
        name = ".".join(module.package)
        detail = f"Its package is `{name}`, and `{module.package[0]}` belongs to the engine. Choose a name of your own."
        yield Problem("CH1003", module.path, 1, 1, detail)
        return
    for path in module.imports.values():
        yield from _reference_problems(module, Reference(path[0], path[1:], 1, 1), Variables(), known)
    for rule in module.rules:
        variables = known.reading.variables(module, rule)
        for call in rule.calls:
            yield from _call_problems(module, call, known)
            yield from _text_problems(module, call, variables, known)
            if (read := _read_by_call(call)) is not None:
                yield from _reference_problems(module, read, variables, known)
        for reference in rule.references:
            yield from _reference_problems(module, reference, variables, known)
    yield from _head_problems(module)


def _head_problems(module: Module) -> Iterator[Problem]:
    deciding = [rule for rule in module.rules if _decides(rule.name)]
    for rule in deciding:
        if rule.name not in _VALUES and rule.kind != "set":
            detail = (
                f"`{rule.name}` is no set, so nothing would collect it. "
                f"Write `{rule.name} contains message if {{ ... }}`."
            )
            yield Problem("CH1008", module.path, rule.line, rule.column, detail)
    if not deciding:
        detail = (
            "It has no `deny`, `violation`, `warn`, `allow` or `compliance_report` rule, so it would decide nothing. "
            "Add one."
        )
        yield Problem("CH1007", module.path, 1, 1, detail)


def _decides(name: str) -> bool:
    return name in _VALUES or name.partition("_")[0] in _SETS


def _call_problems(module: Module, call: Call, known: _Known) -> Iterator[Problem]:
    first, *rest = call.name.split(".")
    if first in module.imports or first == "data":
        path = (*module.imports.get(first, ("data",)), *rest)
        if path[0] == "data" and not known.has(path):
            yield _unknown_data(module, ".".join(path), call.line, call.column)
        return
    if not rest and call.name in known.rules[("data", *module.package)]:
        return
    if call.name in ALLOWED:
        if (said := argument_problem(call)) is not None:
            yield Problem("CH1004", module.path, call.line, call.column, said)
        return
    if call.name in DIFFERING:
        yield Problem("CH1004", module.path, call.line, call.column, f"`{call.name}` {DIFFERING[call.name]}.")
        return
    forbidden = tuple(forbidden_call(module, call))
    if forbidden:
        yield from forbidden
        return
    hint = did_you_mean(call.name, ALLOWED | known.rules[("data", *module.package)])
    detail = f"There is no function `{call.name}`.{hint}"
    yield Problem("CH1005", module.path, call.line, call.column, detail)


def _pattern(schema: Mapping[str, Any]) -> str:
    return str(schema.get("pattern", ""))


def _text_problems(module: Module, call: Call, variables: Variables, known: _Known) -> Iterator[Problem]:
    """Functions that are alike for some values only: they are told by what the schema says about the argument."""
    if call.name not in {"count", "time.parse_rfc3339_ns"} or len(call.arguments) != 1:
        return
    (argument,) = call.arguments
    found = known.reading.shape(module, argument.reference, variables) if argument.reference else None
    schemas = found.options if isinstance(found, Shape) else ()
    text = argument.text is not None or (schemas and all(item.get("type") == "string" for item in schemas))
    if call.name == "count" and text:
        detail = "`count` of a text counts emoji differently in each engine. Compare the text itself."
        yield Problem("CH1004", module.path, call.line, call.column, detail)
    is_time = _TIME.fullmatch(argument.text or "") or (schemas and all("T[0-9]" in _pattern(it) for it in schemas))
    if call.name != "count" and not is_time:
        detail = (
            "`time.parse_rfc3339_ns` takes other texts for a time in each engine. "
            "Only times that Charter writes, such as `input.time`, are read alike."
        )
        yield Problem("CH1004", module.path, call.line, call.column, detail)


def _read_by_call(call: Call) -> Reference | None:
    """What `object.get` reads, with its path written out."""
    if call.name != "object.get" or len(call.arguments) < 2:
        return None
    of, key = call.arguments[0].reference, call.arguments[1]
    steps = key.steps if key.steps is not None else (key.text,) if key.text is not None else None
    if of is None or steps is None:
        return None
    return Reference(of.base, (*of.steps, *steps), call.line, call.column, (*of.picks, *(None for _ in steps)))


def _reference_problems(module: Module, reference: Reference, variables: Variables, known: _Known) -> Iterator[Problem]:
    path = (*module.imports.get(reference.base, (reference.base,)), *reference.steps)
    if path[0] == "data" and len(path) > 1 and not known.has(path):
        yield _unknown_data(module, _written(path), reference.line, reference.column)
    found = known.reading.shape(module, reference, variables)
    if isinstance(found, NoSuchInput):
        detail = f"`{_written(path)}`: the input has no `{found.key}` there, so this would never match.{found.hint}"
        if not found.key:
            detail = (
                f"`{_written(path)}`: which field of the input is read is not written out, so a misspelt one would "
                "not be noticed. Write its name."
            )
        yield Problem("CH1006", module.path, reference.line, reference.column, detail)


def _unknown_data(module: Module, path: str, line: int, column: int) -> Problem:
    detail = f"Nothing is called `{path}`: it is no rule of the project's policies, and no other data is loaded."
    return Problem("CH1009", module.path, line, column, detail)


def _written(path: tuple[str | None, ...]) -> str:
    return "".join(f".{step}" if step else "[_]" for step in path).removeprefix(".")


def _policy(module: Module, text: str) -> ProjectPolicy:
    names = sorted({rule.name for rule in module.rules})
    return ProjectPolicy(
        path=module.path,
        text=text,
        package=module.package,
        denials=tuple(name for name in names if name.partition("_")[0] in {"deny", "violation"}),
        warnings=tuple(name for name in names if name.partition("_")[0] == "warn"),
        allow="allow" in names,
        report=REPORT in names,
    )
