"""Text to tokens: one regular expression, one pass, nothing skipped silently.

Every character belongs to a token or to blank space, so a mistake has a place: what fits nowhere is an
`ODD` token and an unclosed quote an `OPEN_TEXT`, and both travel through the grammar as ordinary parts of
a line. Continuation is decided here, by look-behind (a comma, arrow, colon, comparison or opening
bracket swallows the line end after it) and by the word that begins the next line. No word is reserved.
"""

import re
from collections.abc import Iterator
from functools import cache

from charter.dsl.vocabulary import BLOCKS, ClauseForm

_BLANK = r"(?:[ \t\r\n]++|\#[^\n]*+)*+"
_CONTINUES = r"(?:->|(?:with|over|under|for|graded|otherwise|stratified|seed)(?![\w.-])(?![ \t]*:))"
_LONG_TEXT = r"""(?P<LONG_TEXT>\"{3}[^\"\\]*+(?:(?:\\[\s\S]|\"(?!\"\"))[^\"\\]*+)*+\"{3}) |"""
_TOKEN = rf"""
      [ \t\r]++
    | (?:\#[^\n]*+)?\n{_BLANK}(?={_CONTINUES})
    | (?P<_NEWLINE>(?:\#[^\n]*+)?\n){_BLANK}
    | \#[^\n]*+
    | (?P<NAME>[^\W\d]\w*+(?:[.-]\w++)*+)
    | (?P<DATE>[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}(?![\w-]))
    | (?P<NUMBER>-?[0-9]++(?:_[0-9]++)*+(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?!\.\w)%?)
    | (?P<OPEN_LONG_TEXT>\"{{3}})
    | (?P<TEXT>\"[^\"\\\n]*+(?:\\[^\n][^\"\\\n]*+)*+\")
    | (?P<OPEN_TEXT>\"[^\n]*)
    | (?P<LBRACE>\{{)
    | (?P<RBRACE>\}})
    | (?P<COMMA>,){_BLANK}
    | (?P<ARROW>->){_BLANK}
    | (?P<RANGE>\.\.){_BLANK}
    | (?P<COLON>:){_BLANK}
    | (?P<COMPARE>[<>=!]=|=[<>]|[<>≤≥]){_BLANK}
    | (?P<EQUALS>=){_BLANK}
    | (?P<LPAR>\(){_BLANK}
    | (?P<LSQB>\[){_BLANK}
    | (?P<RPAR>\))
    | (?P<RSQB>\])
    | (?P<ODD>\d[\w.]*+|[^\s\w"#{{}}()\[\],:=<>]++|[\s\S])
    """
_PATTERN = re.compile(_LONG_TEXT + _TOKEN, re.VERBOSE)


@cache
def _pattern_without_long_text() -> re.Pattern[str]:
    """Behind a long text that is never closed none can be; to look again would cost the square of the length."""
    return re.compile(_TOKEN, re.VERBOSE)


_TERMINALS = {
    **{kind: kind for kind in ("_NEWLINE", "COMMA", "COLON", "LBRACE", "RBRACE", "LPAR", "RPAR", "LSQB", "RSQB")},
    **dict.fromkeys(("NAME", "TEXT"), "WORD"),
    **dict.fromkeys(("DATE", "NUMBER", "LONG_TEXT", "ARROW", "RANGE", "COMPARE", "EQUALS"), "VALUE"),
    **dict.fromkeys(("ODD", "OPEN_TEXT"), "VALUE"),
    # The grammar has no place for it: only recovery knows where such a text must end.
    "OPEN_LONG_TEXT": "OPEN_LONG_TEXT",
}


class Token:
    """A token: its kind, its text as written, and its place as character offsets `[start, end)`.

    `type` is what the grammar calls it: it needs to know far less than the kind.

    Not a dataclass: a file of 50,000 lines makes half a million of them.
    """

    __slots__ = ("end", "kind", "start", "text", "type")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind = kind
        self.type = _TERMINALS[kind]
        self.text = text
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"Token({self.kind}, {self.text!r}, {self.start})"


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of `text[start:end]`, with offsets into the whole text."""
    stop = len(text) if end is None else end
    pattern = _PATTERN
    while start < stop:
        for match in pattern.finditer(text, start, stop):
            kind = match.lastgroup
            if kind is None:
                continue
            group = match.lastindex or 0
            if kind == "OPEN_LONG_TEXT":
                start = _open_text_end(text, match.start(), stop)
                yield Token(kind, text[match.start() : start], match.start(), start)
                pattern = _pattern_without_long_text()
                break
            yield Token(kind, match[group], match.start(group), match.end(group))
        else:
            return


@cache
def _line_starts() -> re.Pattern[str]:
    """A line end before a line that begins like a clause, a declaration or a closing brace."""

    def words(forms: tuple[ClauseForm, ...]) -> set[str]:
        return {word for form in forms for word in (form.keyword.split()[0], *words(form.children))}

    known = {word for block in BLOCKS for word in (block.keyword, *words(block.clauses))}
    return re.compile(rf"\r?\n(?=([ \t]*+)(?:\}}|(?:{'|'.join(sorted(known))})(?![\w.:-])))")


def _open_text_end(text: str, start: int, stop: int) -> int:
    """Where a long text that nobody closed must end: before a line of the language that is no deeper."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    indent = len(line) - len(line.lstrip(" \t"))
    for match in _line_starts().finditer(text, start, stop):
        if len(match[1]) <= indent:
            return match.start()
    return stop
