"""The texts that a charter names and that become part of the IR: JSON Schemas and Rego files."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.files import ProjectFiles, Refusal
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic

_PACKAGE = re.compile(
    r"(?:\s|#[^\n]*(?:\n|$))*"  # blank lines and comments
    r"package\s+([A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\"[^\"\n]+\"\])*)"
    r"[ \t]*(?:#[^\n]*)?(?:\r?\n|$)"
)
_MOST_DEPTH = 64


class NamedFiles(Struct):
    """What was read.

    Attributes:
        schemas: JSON Schema of one row, by dataset.
        rego: Rego text by path as written.
        packages: Rego package path by policy.
        findings: what could not be used, and why.
    """

    schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    rego: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)


def read_named_files(charter: model.Charter, files: ProjectFiles) -> NamedFiles:
    """Read every schema and Rego file; what is wrong with them is a finding at the place that names them."""
    named = NamedFiles()
    read: dict[str, Any] = {}  # datasets often share a schema
    for dataset in charter.datasets.values():
        if dataset.schema is None:
            continue
        path = dataset.schema.value
        if path not in read:
            read[path] = _read_schema(path, files)
        if isinstance(read[path], Refusal):
            named.findings.append(error(read[path].code, dataset.schema.span, read[path].detail))
        else:
            named.schemas[dataset.name] = read[path]
    for policy in charter.policies.values():
        if policy.rego is not None:
            _read_rego(named, policy.name, policy.rego, files)
    return named


def _read_schema(path: str, files: ProjectFiles) -> Any:
    """The JSON Schema in a file, or a refusal."""
    text = files.read(path)
    if isinstance(text, Refusal):
        return text
    try:
        schema = msgspec.json.decode(text.encode())  # strict: no NaN, no infinity, no half characters
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        return Refusal("CH0903", f"`{path}` is not JSON: {problem}. Mend the file, or name another.")
    unfit = schema_problem(schema)
    if unfit:
        detail = f"`{path}` is no JSON Schema of one row: {unfit} Mend the file, or name another."
        return Refusal("CH0903", detail)
    return schema


def schema_problem(schema: Any) -> str:
    """What makes a document unfit as JSON Schema of one row, as a sentence; empty if nothing does."""
    if not isinstance(schema, dict):
        return "it is not a JSON object."
    if not schema:
        return "it is empty, so every row would pass."
    references, depth = _walk(schema)
    if depth > _MOST_DEPTH:
        return f"it is nested more than {_MOST_DEPTH} deep."
    remote = next((ref for ref in references if not ref.startswith("#")), None)
    if remote is not None:
        return f"it refers to `{remote}`, and nothing outside the file is read."
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as problem:
        where = "/".join(str(step) for step in problem.absolute_path) or "its top"
        return f"at `{where}`, {problem.message}."
    return ""


def _walk(schema: dict[str, Any]) -> tuple[list[str], int]:
    """Every reference in a schema, and how deep it is nested."""
    references: list[str] = []
    deepest = 0
    stack: list[tuple[Any, int]] = [(schema, 1)]
    while stack:
        item, depth = stack.pop()
        deepest = max(deepest, depth)
        if isinstance(item, dict):
            references += (item[key] for key in ("$ref", "$dynamicRef") if isinstance(item.get(key), str))
            stack += ((value, depth + 1) for value in item.values())
        elif isinstance(item, list):
            stack += ((value, depth + 1) for value in item)
    return references, deepest


def _read_rego(named: NamedFiles, policy: str, written: ast.Text, files: ProjectFiles) -> None:
    text = files.read(written.value)
    if isinstance(text, Refusal):
        named.findings.append(error(text.code, written.span, text.detail))
        return
    match = _PACKAGE.match(text)
    if match is None:
        detail = (
            f"`{written.value}` does not begin with a `package` line, so nothing in it could be asked. "
            "Write `package` and a name, such as `package project.no_proxy`, above the rules."
        )
        named.findings.append(error("CH0904", written.span, detail))
        return
    named.rego[written.value] = text
    named.packages[policy] = match[1]
