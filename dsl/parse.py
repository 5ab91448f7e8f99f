"""Source text to syntax tree, with every mistake of the file in one run."""

from collections.abc import Iterable

from charter.dsl.ast import CharterFile
from charter.dsl.build import Builder, add_line
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.lexer import tokens
from charter.dsl.recover import recover
from charter.dsl.source import Source
from charter.dsl.tree import Line, Unbalanced, parse_lines


def parse(source: Source) -> tuple[CharterFile, tuple[Diagnostic, ...]]:
    """Parses one file.

    The tree is as complete as the text allows; whether it may be used is said by the diagnostics
    (`has_errors`). Never raises, whatever the text.
    """
    builder = Builder(source)
    lines: Iterable[Line]
    try:
        lines = parse_lines(tokens(source.text))
    except Unbalanced:
        lines = recover(source, builder.findings)
    for line in lines:
        add_line(builder, line)
    tree = CharterFile(builder.edition, tuple(builder.declarations), builder.span(0, len(source.text)))
    return tree, tuple(builder.findings.items)
