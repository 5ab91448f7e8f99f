"""Tokens to a tree of lines: brackets are balanced here, words mean nothing yet."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from charter.dsl.lalr import Unexpected, load_tables, parse
from charter.dsl.lexer import Token


class Line:
    """One logical line: its parts, and the braces that end it if there are any.

    A line is `broken` when a mistake of it has been reported already.
    """

    __slots__ = ("braces", "broken", "end", "parts", "start")

    def __init__(self, parts: "list[Token | Group]", braces: "Braces | None") -> None:
        self.parts = parts
        self.braces = braces
        self.broken = False
        self.start = parts[0].start
        self.end = braces.end if braces else parts[-1].end

    def words(self) -> list[str]:
        """The first words: as many as the longest keyword has; a bracket counts as an empty one."""
        return [part.text if isinstance(part, Token) else "" for part in self.parts[:3]]


class Pair:
    """`key: value`; the value as parts, or braces within braces."""

    __slots__ = ("braces", "end", "key", "parts", "start")

    def __init__(self, key: Token, parts: "list[Token | Group]", braces: "Braces | None") -> None:
        self.key = key
        self.parts = parts
        self.braces = braces
        self.start = key.start
        self.end = braces.end if braces else parts[-1].end


class Group:
    """`[...]` with its parts, or `(...)` with its pairs; `kind` is BRACKETS or PARENS."""

    __slots__ = ("end", "kind", "pairs", "parts", "start")

    def __init__(self, kind: str, start: int, end: int) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.parts: list[Token | Group] = []
        self.pairs: list[Pair] = []


class Braces:
    """`{...}` with the lines of a block or the pairs of a mapping, never both."""

    __slots__ = ("end", "lines", "pairs", "start")

    def __init__(self, start: int, end: int, lines: list[Line], pairs: list[Pair]) -> None:
        self.start = start
        self.end = end
        self.lines = lines
        self.pairs = pairs


Part = Token | Group


class Unbalanced(Exception):
    """Brackets, braces or pairs do not fit; `token` is where that shows, None for the end of the text."""

    def __init__(self, token: Token | None) -> None:
        super().__init__(token)
        self.token = token


class _Reductions:
    """What is made when a rule is complete; every method is named after its rule."""

    @staticmethod
    def file(children: list[Line | Token]) -> list[Line]:
        return [child for child in children if isinstance(child, Line)]

    @staticmethod
    def line(children: list[Any]) -> Line:
        last = children[-1]
        if isinstance(last, Braces):
            children.pop()
            return Line(children, last)
        return Line(children, None)

    @staticmethod
    def braces(children: list[Any]) -> Braces:
        lines = [child for child in children if isinstance(child, Line)]
        pairs = [child for child in children if isinstance(child, Pair)]
        return Braces(children[0].start, children[-1].end, lines, pairs)

    @staticmethod
    def brackets(children: list[Any]) -> Group:
        group = Group("BRACKETS", children[0].start, children[-1].end)
        group.parts = children[1:-1]
        return group

    @staticmethod
    def parens(children: list[Any]) -> Group:
        group = Group("PARENS", children[0].start, children[-1].end)
        group.pairs = [child for child in children if isinstance(child, Pair)]
        return group

    @staticmethod
    def pair(children: list[Any]) -> Pair:
        last = children[-1]
        if isinstance(last, Braces):
            return Pair(children[0], [], last)
        return Pair(children[0], children[2:], None)


_MAKE = {name: getattr(_Reductions, name) for name in ("file", "line", "braces", "brackets", "parens", "pair")}
_tables = cache(load_tables)


def parse_lines(tokens: Iterable[Token]) -> list[Line]:
    """The lines of a whole file or of a piece of it.

    Raises:
        Unbalanced: where brackets, braces or pairs do not fit together.
    """
    try:
        lines: list[Line] = parse(_tables(), tokens, _MAKE)
    except Unexpected as unexpected:
        raise Unbalanced(unexpected.token) from None
    return lines
