"""Writes `ir.schema.json` from the types: `python -m charter.compiler.write_schema`."""

import json
from pathlib import Path

from charter.compiler.codec import json_schema

PATH = Path(__file__).parent / "ir.schema.json"


def schema_text() -> str:
    """The published schema as it stands in the file."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
