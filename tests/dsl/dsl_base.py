"""Tools of the tests of the language."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from charter.dsl.ast import CharterFile, Clause
from charter.dsl.parse import parse
from charter.dsl.source import Source, Span

CREDIT = Path(__file__).parents[1] / "cases" / "credit-full.charter"


def clause_of(text: str, block: str = "evaluation e of m on d.test") -> Clause:
    """The only clause of a block, which has no mistake."""
    tree, found = parse(Source("x", f"charter 1\n{block} {{\n{text}\n}}\n"))
    assert [item for item in found if item.code != "CH0053"] == []
    (declaration,) = tree.declarations
    (clause,) = declaration.clauses
    return clause


def codes_of(text: str) -> list[str]:
    """The codes of all mistakes of a text, in its order."""
    return [item.code for item in parse(Source("x", text))[1]]


def nodes(tree: object, parent: Span | None = None) -> Iterator[tuple[object, Span, Span | None]]:
    """Every node of a tree that has a span, with its parent's."""
    span = getattr(tree, "span", None)
    if isinstance(tree, Span):
        yield tree, tree, parent
        return
    if span is not None:
        yield tree, span, parent
    for child in _children(tree):
        yield from nodes(child, span or parent)


def _children(tree: object) -> Iterator[object]:
    if isinstance(tree, Struct):
        for field in tree.__struct_fields__:
            if field != "span":
                yield getattr(tree, field)
    elif isinstance(tree, tuple):
        yield from tree
    elif isinstance(tree, dict):
        yield from tree.values()


def plain(tree: CharterFile) -> object:
    """The tree without its spans, to compare two of them."""

    def strip(node: object) -> object:
        if isinstance(node, Struct):
            return (
                type(node).__name__,
                *(strip(getattr(node, field)) for field in node.__struct_fields__ if not field.endswith("span")),
            )
        if isinstance(node, tuple):
            return tuple(strip(item) for item in node)
        if isinstance(node, dict):
            return tuple((key, strip(value)) for key, value in node.items())
        return node

    return strip(tree)
