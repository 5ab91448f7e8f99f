"""What the names of a policy stand for in the input: through variables, other names of it, and function parameters."""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from charter.compiler.rego.inputs import ANYTHING, InputSchema, NoSuchInput, Shape, either
from charter.compiler.rego.module import Module, Reference, Rule
from charter.policies.catalogue import schema

_ROUNDS = 4  # a name of a name of a name: deeper is left unchecked

Name = tuple[str, ...]
"""A rule by its full path, `("data", "team", "proxies", "banned")`."""


class Variables(Struct, frozen=True):
    """What the variables of one rule stand for: a part of the input, or a text that is written out."""

    shapes: Mapping[str, Shape] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


class Reading:
    """Follows references of the team's files into the input."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._input = InputSchema(schema("input"))
        self._modules = tuple(modules)
        self._rules: dict[Name, list[tuple[Module, Rule]]] = {}
        for module in self._modules:
            for rule in module.rules:
                self._rules.setdefault(("data", *module.package, rule.name), []).append((module, rule))
        self._names: dict[Name, Shape] = {}
        self._parameters: dict[Name, tuple[Shape, ...]] = {}
        for _ in range(_ROUNDS):
            self._names = dict(self._other_names())
            self._parameters = self._given()

    def variables(self, module: Module, rule: Rule) -> Variables:
        """Of one rule; two meanings of a variable make it unknown."""
        package = ("data", *module.package)
        given = self._parameters.get((*package, rule.name), ())
        known = dict(zip(rule.parameters, given, strict=False)) if len(given) == len(rule.parameters) else {}
        shapes = {name: shape for name, shape in known.items() if name is not None}
        texts = {name: text for name, text in rule.literals.items() if len(rule.bindings.get(name, ())) == 1}
        local = {*rule.bindings, *(name for name in rule.parameters if name is not None)}
        for (*home, name), shape in self._names.items():
            if tuple(home) == package and name not in local:
                shapes[name] = shape
        for _ in range(_ROUNDS):
            for name, bindings in rule.bindings.items():
                if len(bindings) != 1 or bindings[0] is None:
                    continue
                reference, of_element = bindings[0]
                found = self.shape(module, reference, Variables(shapes, texts))
                if isinstance(found, Shape):
                    shapes[name] = self._input.element(found) if of_element else found
        return Variables(shapes, texts)

    def shape(self, module: Module, reference: Reference, variables: Variables) -> Shape | NoSuchInput:
        """What a reference leads to in the input; ANYTHING if it does not start there."""
        base, *more = module.imports.get(reference.base, (reference.base,))
        steps: list[tuple[str | None, str | None]] = [(step, None) for step in more]
        picks = reference.picks or (None,) * len(reference.steps)
        steps += zip(reference.steps, picks, strict=True)
        shape = self._input.root if base == "input" else variables.shapes.get(base, ANYTHING)
        if base == "data":
            shape, steps = self._through_data(steps)
        for step, pick in steps:
            key = variables.texts.get(pick) if step is None and pick is not None else step
            if key is None and shape.fixed and not (pick or "").startswith("_"):
                return NoSuchInput("", "")
            found = self._input.element(shape) if key is None else self._input.step(shape, key)
            if isinstance(found, NoSuchInput):
                return found
            shape = found
        return shape

    def _through_data(
        self, steps: list[tuple[str | None, str | None]]
    ) -> tuple[Shape, list[tuple[str | None, str | None]]]:
        path = ("data", *(step for step, _ in steps))
        for name, shape in self._names.items():
            if path[: len(name)] == name:
                return shape, steps[len(name) - 1 :]
        return ANYTHING, []

    def _other_names(self) -> Iterable[tuple[Name, Shape]]:
        """Rules that are only another name of a part of the input, such as `system := input.lifecycle`."""
        for name, ((module, rule), *others) in self._rules.items():
            if rule.stands_for is not None and not others:
                found = self.shape(module, rule.stands_for, self.variables(module, rule))
                if isinstance(found, Shape) and found.known:
                    yield name, found

    def _given(self) -> dict[Name, tuple[Shape, ...]]:
        """What each function is called with, parameter by parameter."""
        calls: dict[Name, list[tuple[Shape, ...]]] = {}
        for module in self._modules:
            for rule in module.rules:
                variables = self.variables(module, rule)
                for call in rule.calls:
                    name = _full_name(module, call.name)
                    if name in self._rules:
                        found = [
                            ANYTHING if item.reference is None else self.shape(module, item.reference, variables)
                            for item in call.arguments
                        ]
                        calls.setdefault(name, []).append(
                            tuple(item if isinstance(item, Shape) else ANYTHING for item in found)
                        )
        return {
            name: tuple(either(shapes) for shapes in zip(*given, strict=True))
            for name, given in calls.items()
            if len({len(item) for item in given}) == 1
        }


def _full_name(module: Module, called: str) -> Name:
    first, *rest = called.split(".")
    if first in module.imports or first == "data":
        return (*module.imports.get(first, ("data",)), *rest)
    return ("data", *module.package, *called.split("."))
