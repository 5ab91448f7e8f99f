"""Where a place in a text is: in which block, on which line, behind which words. The text may be half-written."""

from msgspec import Struct

from charter.dsl.lexer import Token, tokens
from charter.dsl.patterns import ClausePattern, Clauses, block_patterns, find_clause
from charter.dsl.slices import KEYWORDS

_OPENING = {"LBRACE": "RBRACE", "LSQB": "RSQB", "LPAR": "RPAR"}
_SILENT = frozenset({"TEXT", "LONG_TEXT", "OPEN_TEXT", "OPEN_LONG_TEXT"})


class Here(Struct, frozen=True):
    """What surrounds an offset.

    Attributes:
        headers: the lines of the blocks that are open, outermost first, without their `{`.
        line: the tokens of the line at hand that end before the offset; the word that is being written is not one.
        word: the token that the offset is in, or right behind; None between tokens.
        silent: whether the offset is in a comment, in a text or between brackets, where nothing is suggested.
    """

    headers: tuple[tuple[Token, ...], ...]
    line: tuple[Token, ...]
    word: Token | None
    silent: bool

    @property
    def clauses(self) -> Clauses | None:
        """The clauses that may stand in the innermost block; None outside of any, or where it is none."""
        if not self.headers:
            return None
        first, *inner = self.headers
        block = block_patterns().get(first[0].text) if first else None
        clauses = block.clauses if block is not None else None
        for header in inner:
            pattern = find_clause([token.text for token in header[:3]], clauses) if clauses and header else None
            clauses = pattern.children if pattern is not None else None
        return clauses

    def clause(self, line: tuple[Token, ...]) -> ClausePattern | None:
        """The clause that a line here is, by its first words."""
        return find_clause([token.text for token in line[:3]], self.clauses) if self.clauses and line else None


def here(text: str, offset: int) -> Here:
    """What surrounds `offset` in `text`; brackets that nobody closed reach to the next declaration in column one."""
    headers: list[tuple[Token, ...]] = []
    line: list[Token] = []
    brackets: list[str] = []
    word: Token | None = None
    end = 0
    for token in tokens(text):
        if token.start > offset or (token.start == offset and token.kind != "NAME"):
            break
        end = token.end
        if token.kind == "NAME" and token.text in KEYWORDS and (token.start == 0 or text[token.start - 1] == "\n"):
            headers, line, brackets = [], [], []
        if token.end >= offset and token.kind != "_NEWLINE" and (token.kind == "NAME" or token.end > offset):
            word = token
            break
        if token.kind == "_NEWLINE":
            line = []
        elif token.kind == "LBRACE":
            headers.append(tuple(line))
            line = []
        elif token.kind == "RBRACE":
            headers, line = headers[:-1], []
        elif token.kind in _OPENING:
            brackets.append(_OPENING[token.kind])
        elif brackets and token.kind == brackets[-1]:
            brackets.pop()
        else:
            line.append(token)
    comment = word is None and "#" in text[end:offset].rpartition("\n")[2]
    return Here(tuple(headers), tuple(line), word, bool(comment or brackets or (word and word.kind in _SILENT)))


def line_at(text: str, place: Here) -> tuple[Token, ...]:
    """The whole line at a place, with what stands behind it, up to a brace or the line's end."""
    start = place.line[0].start if place.line else place.word.start if place.word else len(text)
    found: list[Token] = []
    for token in tokens(text, start):
        if token.kind in {"_NEWLINE", "LBRACE", "RBRACE"}:
            break
        found.append(token)
    return tuple(found)
