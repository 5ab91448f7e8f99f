"""A charter and its baseline as one: controls add up, lists unite, everything else is the charter's own word.

Works on syntax trees, so that every finding still points at the file in which something was written. Whether the
own word is the stricter one is not decided here: `passes/baseline.py` compares what went in with what came out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.compare import at_least_as_strict, sides
from charter.compiler.normal import FORMS, normal_value
from charter.compiler.order import Order, together
from charter.compiler.resolve import resolve
from charter.compiler.standards import bound_standard
from charter.dsl import ast

ANY = "any"
_OWN = {("lifecycle", "extends")}
"""Clauses that are not handed on."""


class Merged(Struct, frozen=True):
    """What came out.

    Attributes:
        tree: the charter with all that it inherits.
        inherited: what the baseline demands of this charter, its `any` put in words: what the pass compares with.
        unmet: declarations of the baseline that need one of the charter's own, which is not there.
    """

    tree: ast.CharterFile
    inherited: ast.CharterFile
    unmet: tuple[ast.Declaration, ...]


def merge(own: ast.CharterFile, base: ast.CharterFile, *, template: bool) -> Merged:
    """The charter `own` with all that its baseline demands.

    Args:
        template: whether `own` is a baseline itself: what speaks of any model is handed on as it is.
    """
    mine = {_key(node): node for node in reversed(own.declarations)}
    result: dict[int, ast.Declaration] = {id(node): node for node in own.declarations}
    # Numbers of the two files are read with the parameters of each: a parameter of one name may have two values.
    reading = (resolve(_united_parameters(own, base), {}), resolve(base, {}))
    added: list[ast.Declaration] = []
    inherited: list[ast.Declaration] = []
    unmet: list[ast.Declaration] = []
    named = [node for node in base.declarations if not is_for_any(node)]
    for node in named:
        twin = mine.get(_key(node))
        if twin is not None:
            inherited.append(_as_if_of(node, twin))
            result[id(twin)] = _declaration(result[id(twin)], node, reading)
            continue
        whole = _handed_on(node) if template else _placed(node, own, base)
        if whole is None:
            unmet.append(node)
        else:
            added.append(whole)
            inherited.append(whole)
    for node in base.declarations:
        if not is_for_any(node):
            continue
        if template:
            if _key(node) not in mine:
                added.append(_handed_on(node))
        else:
            added += (_of_model(node, name) for name in _without(node, own, base, added))
        for item in own.declarations:
            if item.kind == node.kind:
                inherited.append(_as_if_of(node, item))
                result[id(item)] = _declaration(result[id(item)], node, reading)
        for position, item in enumerate(added):
            # The one that is handed on is this very one.
            if item.kind == node.kind and item.clauses is not node.clauses:
                inherited.append(_as_if_of(node, item))
                added[position] = _declaration(item, node, reading)
    declarations = (*(result[id(node)] for node in own.declarations), *added)
    return Merged(_file(own, declarations), _file(base, inherited), tuple(unmet))


def is_for_any(node: ast.Declaration) -> bool:
    """Whether a declaration of a baseline speaks of all of its kind: `deployment any …`, `retirement of any model`."""
    return node.name.text in (ANY, "any model") and node.kind != "lifecycle"


def _key(node: ast.Declaration) -> tuple[str, str]:
    return (node.kind, "" if node.kind == "lifecycle" else node.name.text)


def _file(like: ast.CharterFile, declarations: Iterable[ast.Declaration]) -> ast.CharterFile:
    return ast.CharterFile(like.edition, tuple(declarations), like.span)


def _united_parameters(own: ast.CharterFile, base: ast.CharterFile) -> ast.CharterFile:
    known = {node.name.text for node in own.declarations if node.kind == "parameter"}
    more = (node for node in base.declarations if node.kind == "parameter" and node.name.text not in known)
    return _file(own, (*own.declarations, *more))


def _as_if_of(node: ast.Declaration, other: ast.Declaration) -> ast.Declaration:
    """The baseline's declaration under the name of the charter's, `any model` replaced by the model it is of."""
    header = {key: other.header.get(key, value) if _is_any(value) else value for key, value in node.header.items()}
    return msgspec.structs.replace(_handed_on(node), name=other.name, header=header)


def _is_any(value: ast.Value) -> bool:
    return isinstance(value, ast.Name) and not value.quoted and value.text.startswith("any ")


def _handed_on(node: ast.Declaration) -> ast.Declaration:
    """The declaration without what holds for its own file only."""
    kept = tuple(clause for clause in node.clauses if (node.kind, clause.keyword) not in _OWN)
    return msgspec.structs.replace(node, clauses=kept) if len(kept) < len(node.clauses) else node


def _placed(node: ast.Declaration, own: ast.CharterFile, base: ast.CharterFile) -> ast.Declaration | None:
    """A declaration that the charter does not have itself; None if it is not clear of what it should be."""
    header: dict[str, ast.Value] = {}
    for key, value in node.header.items():
        if not _is_any(value):
            header[key] = value
            continue
        assert isinstance(value, ast.Name)
        kind = value.text.removeprefix("any ")
        there = {d.name.text for d in (*own.declarations, *base.declarations) if d.kind == kind} - {ANY}
        # Of datasets nobody can say which rows are meant.
        if len(there) != 1 or kind == "dataset":
            return None
        header[key] = ast.Name(there.pop(), value.span)
    return msgspec.structs.replace(_handed_on(node), header=header)


def _without(
    node: ast.Declaration, own: ast.CharterFile, base: ast.CharterFile, added: Iterable[ast.Declaration]
) -> Iterator[str]:
    """For `retirement of any model`: the models that have no retirement."""
    if node.kind != "retirement":
        return
    everything = (*own.declarations, *base.declarations)
    have = {item.name.text for item in (*own.declarations, *added) if item.kind == "retirement"}
    models = {item.name.text for item in everything if item.kind == "model"}
    yield from sorted(models - have - {ANY})


def _of_model(node: ast.Declaration, name: str) -> ast.Declaration:
    named = ast.Name(name, node.name.span)
    return msgspec.structs.replace(node, name=named, header={**node.header, "of": named}, clauses=())


Reading = tuple[model.Charter, model.Charter]
"""The charter and its baseline, to read numbers with."""


def _declaration(own: ast.Declaration, base: ast.Declaration, reading: Reading) -> ast.Declaration:
    header = {**{key: value for key, value in base.header.items() if not _is_any(value)}, **own.header}
    clauses = _clauses(own.clauses, base.clauses, (own.kind,), reading)
    return msgspec.structs.replace(own, header=header, clauses=clauses)


def _clauses(
    own: tuple[ast.Clause, ...], base: tuple[ast.Clause, ...], path: tuple[str, ...], reading: Reading
) -> tuple[ast.Clause, ...]:
    result = list(own)
    for clause in base:
        here = (*path, clause.keyword)
        if here in _OWN:
            continue
        form = FORMS.get(here)
        alike = [item for item in own if item.keyword == clause.keyword]
        if form is not None and form.repeatable:
            twin = next((item for item in alike if _same_thing(item, clause, here, reading)), None)
            if twin is None:
                result.append(clause)
            elif form.children:
                _replace(result, twin, _both(twin, clause, here, reading))
        elif not alike:
            result.append(clause)
        else:
            _replace(result, alike[0], _both(alike[0], clause, here, reading))
    return tuple(result)


def _replace(clauses: list[ast.Clause], old: ast.Clause, new: ast.Clause) -> None:
    clauses[clauses.index(old)] = new


def _same_thing(own: ast.Clause, base: ast.Clause, path: tuple[str, ...], reading: Reading) -> bool:
    """Whether the charter's clause stands in place of the baseline's; otherwise both count."""
    mine, theirs = read.control(own), read.control(base)
    if mine is not None and theirs is not None:
        return _stands_in_for(mine, theirs, path[-1], reading)
    key = _KEYS.get(path)
    if key is not None:
        return bool(_normal(own, key, reading[0]) == _normal(base, key, reading[1]))
    if path == ("lifecycle", "use policies"):
        here = {name.text for name in read.names(own, "packs")}
        return (
            bool(here) and {name.text for name in read.names(base, "packs")} <= here and not own.arguments.get("from")
        )
    return _says_the_same(own, base, reading)


_KEYS: Mapping[tuple[str, ...], str] = {
    ("objective", "hazard"): "title",
    ("retirement", "erase"): "dataset",
    ("evaluation", "report"): "metric",
}
"""Of clauses that may be repeated: by what they are told apart."""


def _normal(clause: ast.Clause, argument: str, charter: model.Charter) -> Any:
    value = clause.arguments.get(argument)
    return normal_value(value, charter) if value is not None else None


def _stands_in_for(mine: ast.Control, theirs: ast.Control, keyword: str, reading: Reading) -> bool:
    """A bound stands in for one on the same value that it can be compared with: stricter, or else a mistake."""
    own = bound_standard(normal_value(mine, reading[0]), keyword)
    base = bound_standard(normal_value(theirs, reading[1]), keyword)
    if own.scope != base.scope:
        return False
    if at_least_as_strict(own, base):
        return True
    return together([side.order for side in sides(base, own) if side.control]) is Order.WEAKER


def _both(own: ast.Clause, base: ast.Clause, path: tuple[str, ...], reading: Reading) -> ast.Clause:
    """One clause of the two: lists unite, keys unite, and what only the baseline says is kept."""
    if path == ("dataset", "prepare"):
        # The order of steps counts: what the baseline asks for comes first.
        more = tuple(
            step for step in own.children if not any(_says_the_same(step, other, reading) for other in base.children)
        )
        return msgspec.structs.replace(own, children=(*base.children, *more))
    arguments = dict(own.arguments)
    for name, value in base.arguments.items():
        arguments[name] = _united(arguments[name], value) if name in arguments else value
    children = _clauses(own.children, base.children, path, reading)
    return msgspec.structs.replace(own, arguments=arguments, children=children)


def _says_the_same(own: ast.Clause, base: ast.Clause, reading: Reading) -> bool:
    return own.keyword == base.keyword and all(
        _normal(own, argument, reading[0]) == _normal(base, argument, reading[1])
        for argument in own.arguments.keys() | base.arguments.keys()
    )


def _united(own: ast.Value, base: ast.Value) -> ast.Value:
    match own, base:
        case ast.ListValue(), ast.ListValue() if all(isinstance(item, ast.Name) for item in (*own.items, *base.items)):
            known = {item.text for item in own.items if isinstance(item, ast.Name)}
            more = (item for item in base.items if isinstance(item, ast.Name) and item.text not in known)
            return ast.ListValue((*own.items, *more), own.span)
        case ast.MappingValue(), ast.MappingValue():
            keys = {entry.key.text for entry in own.entries}
            return ast.MappingValue((*own.entries, *(e for e in base.entries if e.key.text not in keys)), own.span)
    return own


Rewrite = Callable[[ast.Text], ast.Text]


def with_paths(tree: ast.CharterFile, rewrite: Rewrite) -> ast.CharterFile:
    """The same declarations, with every path of a file as `rewrite` gives it."""
    return _file(tree, (_moved(node, rewrite) for node in tree.declarations))


_PATHS = {
    ("dataset", "source", "location"),
    ("dataset", "labels", "location"),
    ("dataset", "schema", "path"),
    ("lifecycle", "use policies", "from"),
    ("model", "fine-tuned from", "checkpoint"),
    ("policy", "rego", "path"),
    ("retirement", "lessons", "path"),
}
"""Arguments that name a file; a `source python` names a function, which is found from the project's directory."""


def _moved(node: ast.Declaration, rewrite: Rewrite) -> ast.Declaration:
    clauses = tuple(_moved_clause(node.kind, clause, rewrite) for clause in node.clauses)
    return msgspec.structs.replace(node, clauses=clauses)


def _moved_clause(kind: str, clause: ast.Clause, rewrite: Rewrite) -> ast.Clause:
    if read.word(clause, "format") == "python":
        return clause
    arguments = {
        name: rewrite(value) if isinstance(value, ast.Text) and (kind, clause.keyword, name) in _PATHS else value
        for name, value in clause.arguments.items()
    }
    return msgspec.structs.replace(clause, arguments=arguments)
