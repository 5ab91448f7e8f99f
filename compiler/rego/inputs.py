"""Follows the paths that a policy reads through the input schema: a misspelt path must not silently never match."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from charter.dsl.suggest import did_you_mean

_UNKNOWN: Mapping[str, Any] = {}


class Shape(Struct, frozen=True):
    """What may stand at a path: one or more schemas; none of them says that nothing is known."""

    options: tuple[Mapping[str, Any], ...]

    @property
    def fixed(self) -> bool:
        """Whether it has fields of fixed names, and no others."""
        return any(option.get("properties") and not option.get("additionalProperties") for option in self.options)

    @property
    def known(self) -> bool:
        """Whether the schema says anything about it."""
        return bool(self.options)


ANYTHING = Shape(())


def either(shapes: Iterable[Shape]) -> Shape:
    """What may be any of them; ANYTHING if one of them may be, or there is none."""
    several = tuple(shapes)
    if not all(shape.known for shape in several):
        return ANYTHING
    return Shape(tuple(option for shape in several for option in shape.options))


class NoSuchInput(Struct, frozen=True):
    """A step that the schema has no room for; `hint` is a sentence led by a blank, or empty."""

    key: str
    hint: str


class InputSchema:
    """The published input schema, as something to walk."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._definitions: Mapping[str, Any] = document.get("$defs", {})
        self.root = self._shape(document)

    def step(self, shape: Shape, key: str) -> Shape | NoSuchInput:
        """The shape at `shape.key`."""
        if not shape.known:
            return ANYTHING
        found: list[Mapping[str, Any]] = []
        names: set[str] = set()
        for option in shape.options:
            properties = option.get("properties", {})
            rest = option.get("additionalProperties", True) if option.get("type") == "object" else False
            if key in properties:
                found.append(properties[key])
            elif isinstance(rest, Mapping):
                found.append(rest)
            elif rest:
                return ANYTHING
            names |= set(properties)
        if not found:
            return NoSuchInput(key, did_you_mean(key, names))
        return self._united(found)

    def element(self, shape: Shape) -> Shape:
        """What one gets by going over it: items of an array, values of an object."""
        found: list[Mapping[str, Any]] = []
        for option in shape.options:
            inside = option.get("items", option.get("additionalProperties"))
            found += [inside] if isinstance(inside, Mapping) else []
            if "properties" in option:
                return ANYTHING
        return self._united(found) if found else ANYTHING

    def _united(self, schemas: list[Mapping[str, Any]]) -> Shape:
        return either(self._shape(schema) for schema in schemas)

    def _shape(self, schema: Mapping[str, Any]) -> Shape:
        """Its alternatives, references resolved, null left out."""
        if "$ref" in schema:
            return self._shape(self._definitions[schema["$ref"].removeprefix("#/$defs/")])
        if "anyOf" in schema:
            return self._united([option for option in schema["anyOf"] if option.get("type") != "null"])
        return Shape((schema,)) if schema else ANYTHING
