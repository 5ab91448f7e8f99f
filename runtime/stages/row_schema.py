"""Every row of a table against one JSON Schema, fast where the schema allows it.

Most schemas of rows are `properties` plus keywords about which properties exist. Then a row is valid if and
only if each of its values is, and each *different* value of a column is checked once. Any other keyword at
the top (`allOf`, `if`, `dependentSchemas`, ...) has every row checked whole.
References are resolved inside the schema only; nothing is fetched.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused

if TYPE_CHECKING:
    import pandas as pd

_ABOUT_NAMES_OR_NOTHING = frozenset(
    {
        *("$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "examples", "default"),
        *("type", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties", "properties"),
    }
)
"""Keywords whose verdict on a row depends on its property names only, or that have none (and `properties`)."""

Violations = dict[int, tuple[str, str]]
"""Row number from 1 → (column, or empty for the row as a whole; the keyword that is broken)."""


def check_rows(frame: "pd.DataFrame", schema: Mapping[str, Any]) -> Violations:
    """One violation of every row that breaks the schema.

    Raises:
        StageRefused: the schema is not a valid JSON Schema, or refers to something outside itself.
    """
    from referencing.exceptions import Unresolvable

    validator = _validator(schema)
    try:
        if _decomposes(schema):
            return _by_column(frame, schema, validator)
        return _by_row(frame, validator)
    except Unresolvable as error:
        raise StageRefused(
            "schema refers outside",
            f"the schema refers to `{error.ref}`, which is not in it. Copy what it needs into `$defs`.",
        ) from error


def _validator(schema: Mapping[str, Any]) -> Any:
    import jsonschema
    from referencing.jsonschema import EMPTY_REGISTRY

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
    except jsonschema.SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise StageRefused("not a JSON Schema", f"at {place}: {error.message[:200]}.") from error
    return kind(schema, registry=EMPTY_REGISTRY, format_checker=kind.FORMAT_CHECKER)


def _decomposes(schema: Mapping[str, Any]) -> bool:
    # A schema for further properties would have to be applied to values: only a plain yes or no is about names.
    plain = isinstance(schema.get("additionalProperties", True), bool)
    return plain and schema.get("type", "object") == "object" and _ABOUT_NAMES_OR_NOTHING.issuperset(schema)


def _by_column(frame: "pd.DataFrame", schema: Mapping[str, Any], validator: Any) -> Violations:
    import numpy as np
    import pandas as pd

    names = validator.evolve(schema={**schema, "properties": dict.fromkeys(schema.get("properties", {}), True)})
    about_names = _first(names.iter_errors(dict.fromkeys(map(str, frame.columns))))
    if about_names:
        return dict.fromkeys(range(1, len(frame) + 1), about_names)
    found: Violations = {}
    for column in reversed(frame.columns):  # the first column's violation is the one that is told
        if column not in schema.get("properties", {}):
            continue
        codes, values = pd.factorize(frame[column], use_na_sentinel=False)
        bad: dict[int, tuple[str, str]] = {}
        for code, value in enumerate(values):
            error = _first(validator.descend(_plain(value), schema["properties"][column], path=column))
            if error:
                bad[code] = error
        for row in np.flatnonzero(np.isin(codes, list(bad))):
            found[int(row) + 1] = bad[int(codes[row])]
    return found


def _by_row(frame: "pd.DataFrame", validator: Any) -> Violations:
    found: Violations = {}
    names = [str(name) for name in frame.columns]
    for number, values in enumerate(frame.itertuples(index=False, name=None), 1):
        error = _first(validator.iter_errors(dict(zip(names, map(_plain, values), strict=True))))
        if error:
            found[number] = error
    return found


def _first(errors: Iterable[Any]) -> tuple[str, str] | None:
    for error in errors:
        return ("/".join(str(part) for part in error.absolute_path), str(error.validator))
    return None


def _plain(value: Any) -> Any:
    """A value as JSON has it: NaN is null, a date its ISO 8601 text."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is the value that differs from itself
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
