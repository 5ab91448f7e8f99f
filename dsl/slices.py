"""Cuts a broken file into pieces of one declaration each, so that a mistake stays where it is."""

import re

from charter.dsl.lexer import tokens
from charter.dsl.source import Source
from charter.dsl.vocabulary import BLOCKS

KEYWORDS = frozenset({"charter", *(block.keyword for block in BLOCKS)})

# A line within a long text that is so clearly a declaration that the text must have been left open.
_HEADER = re.compile(
    rf"^(?:{'|'.join(sorted(KEYWORDS - {'charter'}))})[ \t]+[^\n{{}}\"]*\{{[ \t]*(?:#[^\n]*)?\r?$",
    re.MULTILINE,
)

_KEY = re.compile(r"[ \t]*+:")


def slices(source: Source) -> list[tuple[int, int]]:
    """The pieces of a file: each begins with a declaration's keyword in column one (or with the file)."""
    text = source.text
    starts = [0]
    position: int | None = 0
    while position is not None:
        position = _scan(text, position, starts)
    ends = [*starts[1:], len(text)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def _scan(text: str, position: int, starts: list[int]) -> int | None:
    """Adds the starts behind `position`; returns where to go on when a long text was left open."""
    for token in tokens(text, position):
        start = token.start
        if token.kind == "NAME":
            first = start == 0 or text[start - 1] == "\n"
            if first and token.text in KEYWORDS and start > starts[-1] and not _KEY.match(text, token.end):
                starts.append(start)
        elif token.kind == "LONG_TEXT":
            header = _HEADER.search(text, start, token.end)
            if header is not None:
                starts.append(header.start())
                return header.start()
    return None
