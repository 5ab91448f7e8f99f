"""Writes the published JSON Schemas from the types of the contract: `python -m charter.runtime.gates.publish`."""

from pathlib import Path
from typing import Any

import msgspec

from charter.compiler.described import described
from charter.runtime.gates.contract import SCHEMA_VERSION, GateInput, GateResult

_BASE = "https://charter.example/schema"


def published_schemas() -> dict[str, dict[str, Any]]:
    """`input` and `result` as JSON Schema, draft 2020-12."""
    return {
        "input": _document(GateInput, "input", "The policy input at a gate"),
        "result": _document(GateResult, "result", "The decision at a gate"),
    }


def as_text(document: dict[str, Any]) -> str:
    """The file's text."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _document(type_: type, name: str, title: str) -> dict[str, Any]:
    (root,), found = msgspec.json.schema_components([type_], ref_template="#/$defs/{name}")
    definitions = described(found)
    top = definitions.pop(root["$ref"].removeprefix("#/$defs/"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{_BASE}/{name}/{SCHEMA_VERSION}",
        **top,
        "title": title,
        "$defs": definitions,
    }


def main() -> None:
    """Write both files."""
    folder = Path(__file__).parents[2] / "policies" / "schema"
    for name, document in published_schemas().items():
        (folder / f"{name}.schema.json").write_text(as_text(document), encoding="utf-8")


if __name__ == "__main__":
    main()
