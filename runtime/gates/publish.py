"""Writes the published JSON Schemas from the types of the contract: `python -m charter.runtime.gates.publish`."""

from pathlib import Path
from typing import Any

import msgspec

from charter.compiler.described import described
from charter.runtime.gates.contract import INPUT_VERSION, RESULT_VERSION, GateInput, GateResult

_BASE = "https://charter.example/schema"


def published_schemas() -> dict[str, dict[str, Any]]:
    """`input` and `result` as JSON Schema, draft 2020-12; `input.1` is what inputs in older ledgers fit."""
    return {
        "input": _input(INPUT_VERSION),
        "input.1": _input(1),
        "result": _document(GateResult, "result", RESULT_VERSION, "The decision at a gate"),
    }


def _input(version: int) -> dict[str, Any]:
    """The input of one version: the type knows both, and holds each to its own members."""
    document = _document(GateInput, "input", version, "The policy input at a gate")
    properties: dict[str, Any] = document["properties"]
    properties["schema"] = {"enum": [version]}
    if version == 1:
        del properties["models"], document["$defs"]["ModelFact"], document["$defs"]["RowsFact"]
    return document | {"required": list(properties)}


def as_text(document: dict[str, Any]) -> str:
    """The file's text."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _document(type_: type, name: str, version: int, title: str) -> dict[str, Any]:
    (root,), found = msgspec.json.schema_components([type_], ref_template="#/$defs/{name}")
    definitions = described(found)
    top = definitions.pop(root["$ref"].removeprefix("#/$defs/"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{_BASE}/{name}/{version}",
        **top,
        "title": title,
        "$defs": definitions,
    }


def main() -> None:
    """Write the files."""
    folder = Path(__file__).parents[2] / "policies" / "schema"
    for name, document in published_schemas().items():
        (folder / f"{name}.schema.json").write_text(as_text(document), encoding="utf-8")


if __name__ == "__main__":
    main()
