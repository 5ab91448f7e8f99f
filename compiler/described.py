"""The descriptions of published schemas: docstrings, spelt the same whatever release of msgspec reads them."""

import inspect
from typing import Any


def described(schema: Any) -> Any:
    """A JSON Schema whose descriptions have no indentation of their source: releases of msgspec leave it or take it."""
    if isinstance(schema, list):
        return [described(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: inspect.cleandoc(part) if name == "description" and isinstance(part, str) else described(part)
        for name, part in schema.items()
    }
