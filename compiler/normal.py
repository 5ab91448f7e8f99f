"""The normal form of a declaration: what it says, without places, comments, spelling or version string.

This is what policies see as `input.declaration`, and what an approval binds.
"""

from typing import Any

from charter.compiler import model
from charter.compiler.canonical import digest_of
from charter.compiler.resolve import bound_of
from charter.compiler.units import as_json, normalise
from charter.dsl import ast
from charter.dsl.vocabulary import BLOCKS, ClauseForm

FORMS: dict[tuple[str, ...], ClauseForm] = {
    (block.keyword, *path): form
    for block in BLOCKS
    for clause in block.clauses
    for path, form in (
        ((clause.keyword,), clause),
        *(((clause.keyword, c.keyword), c) for c in clause.children),
    )
}
"""Every clause by the words that lead to it: `("objective", "hazard", "impact")`."""


def normal_body(declared: model.Declared, charter: model.Charter) -> dict[str, Any]:
    """Header and clauses by keyword; a repeatable clause is a list, a lone argument stands for its clause."""
    node = declared.node
    body: dict[str, Any] = {key: normal_value(value, charter) for key, value in node.header.items()}
    if isinstance(declared, model.Parameter) and declared.quantity is not None:
        body["value"] = as_json(declared.quantity.value)
    for clause in node.clauses:
        if (node.kind, clause.keyword) == ("lifecycle", "version"):
            continue
        _put(body, clause, charter, (node.kind, clause.keyword))
    return body


def body_digest(kind: str, name: str, body: dict[str, Any]) -> str:
    """The digest that names a declaration's normal form."""
    return digest_of({"kind": kind, "name": name, "body": body})


def _put(into: dict[str, Any], clause: ast.Clause, charter: model.Charter, path: tuple[str, ...]) -> None:
    form = FORMS.get(path)
    value = _clause(clause, charter, path)
    if form is not None and form.repeatable:
        into.setdefault(clause.keyword, []).append(value)
    else:
        into.setdefault(clause.keyword, value)


def _clause(clause: ast.Clause, charter: model.Charter, path: tuple[str, ...]) -> Any:
    arguments = {key: normal_value(value, charter) for key, value in clause.arguments.items()}
    form = FORMS.get(path)
    if clause.keyword == "prepare":
        return steps(clause, charter)
    if form is not None and form.children:
        for child in clause.children:
            _put(arguments, child, charter, (*path, child.keyword))
        return arguments
    if form is not None and len(form.arguments) == 1 and len(arguments) == 1:
        return next(iter(arguments.values()))
    return arguments or True


def steps(prepare: ast.Clause, charter: model.Charter) -> list[dict[str, Any]]:
    """The steps of a `prepare` block, in the order in which they are done."""
    return [
        {"do": child.keyword, **{key: normal_value(value, charter) for key, value in child.arguments.items()}}
        for child in prepare.children
    ]


def normal_value(value: ast.Value, charter: model.Charter) -> Any:
    """A value as JSON, numbers in normal form."""
    match value:
        case ast.Name():
            return value.text
        case ast.Text() | ast.Date():
            return value.value
        case ast.Number():
            quantity = normalise(value.value, value.unit)
            return as_json(quantity.value) if quantity else None
        case ast.Range():
            scale = {"scale": value.scale.text} if value.scale else {}
            return {
                "low": normal_value(value.low, charter),
                "high": normal_value(value.high, charter),
                **scale,
            }
        case ast.ListValue():
            return [normal_value(item, charter) for item in value.items]
        case ast.MappingValue():
            return {entry.key.text: normal_value(entry.value, charter) for entry in value.entries}
        case ast.Call():
            arguments = {entry.key.text: normal_value(entry.value, charter) for entry in value.arguments}
            return {"name": value.name.text, "arguments": arguments}
        case ast.Control():
            return _control(bound_of(value, charter.parameters), charter)


def _control(bound: model.Bound, charter: model.Charter) -> dict[str, Any]:
    node = bound.node
    reaction = node.reaction
    given = {
        "metric": bound.metric,
        "comparison": bound.comparison,
        "bound": as_json(bound.quantity.value) if bound.quantity else None,
        "each": bound.each,
        "over": bound.over,
        "on": bound.on,
        "attack": normal_value(node.attack, charter) if node.attack else None,
        "not worse than": node.not_worse_than.text if node.not_worse_than else None,
        "margin": normal_value(node.margin, charter) if node.margin else None,
        "confidence": as_json(bound.confidence) if bound.confidence is not None else None,
        "checks": bound.checks,
        "seconds": as_json(bound.seconds) if bound.seconds is not None else None,
        "graded": bound.grade if bound.grade != "measured" else None,
        "otherwise": reaction.action.text if reaction else None,
        "to": reaction.to.text if reaction and reaction.to else None,
    }
    return {key: value for key, value in given.items() if value is not None} | {"enforce": bound.enforce}
