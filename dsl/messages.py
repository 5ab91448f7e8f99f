"""Findings that are reported from more than one place: each is worded once."""

import re

from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.lexer import Token
from charter.dsl.source import Span

_TYPOGRAPHIC = "“”„«»\u2018\u2019"

MAX_DEPTH = 32
"""How deep brackets may stand within each other."""


def shorten(text: str, most: int = 40) -> str:
    """The text for a message, never longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def lexical_mistake(part: Token, span: Span) -> Diagnostic:
    """What is wrong with an `ODD`, `OPEN_TEXT` or `OPEN_LONG_TEXT` token."""
    text = part.text
    if part.kind == "OPEN_TEXT":
        detail = 'The quote that opens here is not closed on its line. Add `"`, or use `"""` for several lines.'
        return error("CH0011", span, detail)
    if part.kind == "OPEN_LONG_TEXT":
        return error("CH0012", span, 'The long text that opens here is never closed. Add `"""` where it ends.')
    if text == "%":
        return error("CH0015", span, "`%` touches its number, as in `95%`. Remove the space before it.")
    if re.match(r"\d+\.\d+\.", text):
        detail = (
            f"`{shorten(text)}` is neither a number nor a date. A date is written `2027-03-31`; "
            "a version or an address stands in quotes."
        )
        return error("CH0010", span, detail)
    if text[0] in _TYPOGRAPHIC:
        return error("CH0010", span, f'`{text[0]}` is a typographic quote. Write `"`.')
    if text == ";":
        return error("CH0010", span, "A line ends without `;`. Remove it.")
    detail = f"`{shorten(text)}` has no meaning here. Remove it, or put the text it belongs to in quotes."
    return error("CH0010", span, detail)


def too_deep(start: int, path: str) -> Diagnostic:
    """The finding for brackets within brackets within brackets …"""
    detail = f"Brackets may stand at most {MAX_DEPTH} deep within each other. Say it with fewer."
    return error("CH0025", Span(path, start, start + 1), detail)


def missing_block(span: Span, keyword: str, example: str) -> Diagnostic:
    """The finding that a block was not opened."""
    detail = (
        f"What belongs to `{keyword}` stands in a block. "
        f"Add `{{` at the end of this line, as in `{example}`, and `}}` below."
    )
    return error("CH0022", span, detail)


def no_block(span: Span, keyword: str) -> Diagnostic:
    """The finding that a block was opened where there is none."""
    detail = f"`{keyword}` has no block. Remove `{{` and the `}}` that belongs to it."
    return error("CH0028", span, detail)


def needless_colon(span: Span) -> Diagnostic:
    """The finding for `key: value` where clauses stand."""
    return error("CH0024", span, "A clause and what it says have no `:` between them. Remove it.")


def run_on(span: Span, sign: str) -> Diagnostic:
    """The finding for a line that ends in a sign behind which something must follow."""
    return error("CH0033", span, f"Nothing follows `{sign}`. Complete the line, or remove the sign.")
