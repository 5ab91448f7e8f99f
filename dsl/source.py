"""A source text and places in it."""

from array import array
from bisect import bisect_right
from functools import cached_property

from msgspec import Struct


class Span(Struct, frozen=True):
    """Half-open range `[start, end)` of character offsets in the text of the file `path`."""

    path: str
    start: int
    end: int

    def to(self, other: "Span") -> "Span":
        """The smallest span that covers both."""
        return Span(self.path, min(self.start, other.start), max(self.end, other.end))


class Position(Struct, frozen=True):
    """A place for people: line and column, both counted from 1, the column in characters."""

    line: int
    column: int


class Source(Struct, frozen=True, dict=True):
    """The decoded text of one file; `path` is shown to people as they gave it."""

    path: str
    text: str

    @cached_property
    def line_starts(self) -> "array[int]":
        """Offset of the first character of every line; eight bytes each, for a file may be nothing but line ends."""
        starts = array("Q", (0,))
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> Position:
        """Line and column of a character offset."""
        line = bisect_right(self.line_starts, offset)
        return Position(line, offset - self.line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """Text of line `number` (from 1) without its line end."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")
