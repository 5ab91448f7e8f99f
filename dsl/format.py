"""One layout for every charter: white space changes and nothing else.

Every word, sign and comment stays, in its order; what a text in quotes says is not touched. A file that
cannot be read with certainty is left alone.
"""

from itertools import islice

from charter.dsl.diagnostics import Diagnostic, Severity
from charter.dsl.findings import Findings
from charter.dsl.gaps import with_gaps
from charter.dsl.hidden import find_hidden
from charter.dsl.layout import Page
from charter.dsl.lexer import Token, tokens
from charter.dsl.messages import MAX_DEPTH
from charter.dsl.parse import MAX_TOKENS, parse
from charter.dsl.slices import KEYWORDS
from charter.dsl.source import Source
from charter.dsl.tree import Unbalanced, parse_lines

_OPENING = frozenset({"LBRACE", "LSQB", "LPAR"})
_CLOSING = frozenset({"RBRACE", "RSQB", "RPAR"})
_ODD = frozenset({"ODD", "OPEN_TEXT", "OPEN_LONG_TEXT"})


def format_source(source: Source) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The text of a file in the one layout, or None and the mistakes that keep it from being laid out.

    Line ends become line feeds, also those in a text of several lines, of which nothing else changes.
    Formatting twice is formatting once, and the tree that `parse` makes stays the same but for its places.
    Never raises, whatever the text.
    """
    found = list(islice(tokens(source.text), MAX_TOKENS + 1))
    if len(found) <= MAX_TOKENS:
        found = _percent_joined(source.text, found)
        if _sound(source, found) and not (_may_swallow(source.text, found) and _mistakes(source)):
            return Page(*with_gaps(source.text, found)).set().replace("\r\n", "\n"), ()
    del found  # what follows makes them anew, and both at once may be large
    return None, _mistakes(source)


def _percent_joined(text: str, found: list[Token]) -> list[Token]:
    """`95 %` as one number: `%` touches it."""
    if not any(token.text == "%" for token in found):
        return found
    joined: list[Token] = []
    for token in found:
        before = joined[-1] if joined else None
        if (
            token.text == "%"
            and before is not None
            and before.kind == "NUMBER"
            and not before.text.endswith("%")
            and not text[before.end : token.start].strip(" \t")
        ):
            joined[-1] = Token("NUMBER", f"{before.text}%", before.start, token.end)
        else:
            joined.append(token)
    return joined


def _sound(source: Source, found: list[Token]) -> bool:
    """Whether all is a word of the language, brackets are balanced, and what is seen is what is there."""
    hidden = Findings()
    find_hidden(source, hidden)
    if hidden.items or any(token.kind in _ODD for token in found):
        return False
    depth = 0
    for token in found:
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        if depth > 2 * MAX_DEPTH:
            return False
    try:
        parse_lines(found)
    except Unbalanced:
        return False
    return True


def _may_swallow(text: str, found: list[Token]) -> bool:
    """Whether the word of a declaration stands in column one within a block.

    If such a file has mistakes, a `}` may be missing and another one too many; the column tells where.
    """
    depth = 0
    for token in found:
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        if depth and token.kind == "NAME" and token.text in KEYWORDS and text[token.start - 1] == "\n":
            return True
    return False


def _mistakes(source: Source) -> tuple[Diagnostic, ...]:
    return tuple(item for item in parse(source)[1] if item.severity is Severity.ERROR)
