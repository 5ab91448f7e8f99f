"""Source text to syntax tree, with every mistake of the file in one run."""

from collections.abc import Iterable
from itertools import islice

from charter.dsl.ast import CharterFile
from charter.dsl.build import EDITION, Builder, add_line
from charter.dsl.check_vocabulary import check_vocabulary
from charter.dsl.codes import error
from charter.dsl.collector import collector_paused
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.hidden import find_hidden
from charter.dsl.lexer import Token, tokens
from charter.dsl.recover import recover
from charter.dsl.slices import KEYWORDS
from charter.dsl.source import Source
from charter.dsl.tree import Line, Unbalanced, parse_lines

MAX_TOKENS = 1_000_000
"""Bounds the memory that a file can take: about 50,000 lines have half of it."""


def parse(source: Source) -> tuple[CharterFile, tuple[Diagnostic, ...]]:
    """Parses one file.

    The tree is as complete as the text allows; whether it may be used is said by the diagnostics
    (`has_errors`), which are in the order of the text. Never raises, whatever the text.
    """
    with collector_paused():
        return _parse(source)


def _parse(source: Source) -> tuple[CharterFile, tuple[Diagnostic, ...]]:
    builder = Builder(source)
    found = list(islice(tokens(source.text), MAX_TOKENS + 1))
    if len(found) > MAX_TOKENS:
        detail = f"The file has more than {MAX_TOKENS:,} words and signs. Split the charter."
        builder.findings.add(error("CH0041", builder.span(found[-1].start, found[-1].end), detail))
    else:
        builder = _build(source, found)
        _check_beginning(builder, found)
    tree = CharterFile(builder.edition, tuple(builder.declarations), builder.span(0, len(source.text)))
    for finding in check_vocabulary(tree, tuple(builder.findings.items)):
        builder.findings.add(finding)
    return tree, _in_order(builder)


def _build(source: Source, found: list[Token]) -> Builder:
    """What the tokens say: read as they are, and line by line if they are broken."""
    try:
        builder = _add_lines(Builder(source), parse_lines(found))
        if not _swallows_declaration(builder):
            return builder
    except Unbalanced:
        pass
    builder = Builder(source)
    return _add_lines(builder, recover(source, builder.findings))


def _add_lines(builder: Builder, lines: Iterable[Line]) -> Builder:
    find_hidden(builder.source, builder.findings)
    for line in lines:
        add_line(builder, line)
    return builder


def _swallows_declaration(builder: Builder) -> bool:
    """Whether a block holds a declaration that begins in column one: a `}` is missing, and another too many."""
    text = builder.source.text
    return any(
        item.code == "CH0051"
        and item.span is not None
        and text[item.span.start : item.span.end] in KEYWORDS
        and text[item.span.start - 1] == "\n"
        for item in builder.findings.items
    )


def _check_beginning(builder: Builder, found: list[Token]) -> None:
    """Reports a file that says nothing, or does not say in which edition of the language."""
    words = [token for token in found[:2] if token.kind != "_NEWLINE"]
    if not words:
        detail = f"There is nothing in this file. Begin with `charter {EDITION}` and a `lifecycle`."
        builder.findings.add(error("CH0006", builder.span(0, 0), detail))
    elif builder.edition is None and builder.declarations:
        first = words[0]
        detail = f"The first line says in which edition of the language the rest is. Add `charter {EDITION}`."
        builder.findings.add(error("CH0026", builder.span(first.start, first.end), detail))


def _in_order(builder: Builder) -> tuple[Diagnostic, ...]:
    items = builder.findings.items
    hidden = {item.span.start for item in items if item.code == "CH0007" and item.span is not None}
    kept = [
        item
        for item in items
        # A hidden character is no word either, but that has been said.
        if not (item.code == "CH0010" and item.span is not None and _any_in(hidden, item.span.start, item.span.end))
    ]
    return tuple(sorted(kept, key=lambda item: item.span.start if item.span is not None else -1))


def _any_in(places: set[int], start: int, end: int) -> bool:
    return any(start <= place < end for place in places)
