"""A place in the parts of one line, and the mistakes that can be made there."""

from msgspec import Struct, field

from charter.dsl.diagnostics import Diagnostic
from charter.dsl.lexer import Token
from charter.dsl.source import Span
from charter.dsl.tree import Group, Part


class Mistake(Exception):
    """The first mistake of a line; the rest of that line is not looked at."""

    def __init__(self, diagnostic: Diagnostic, at: int) -> None:
        super().__init__(diagnostic.summary)
        self.diagnostic = diagnostic
        self.at = at
        """How far the cursor had come, to find out which of two readings was the better one."""


class Cursor(Struct):
    """Reads the parts of a line from left to right.

    `end` is the offset behind the last part; `example` a right line of this kind, for messages.
    """

    path: str
    parts: list[Part]
    end: int
    example: str
    index: int = 0
    more: list[Diagnostic] = field(default_factory=list)
    """Mistakes that did not end the reading of the line, in the pairs of a mapping."""

    @property
    def kind(self) -> str:
        """The type of the part at the cursor, `END` behind the last."""
        return self.parts[self.index].kind if self.index < len(self.parts) else "END"

    @property
    def text(self) -> str:
        """The text of the token at the cursor; empty for brackets and behind the last part."""
        if self.index < len(self.parts):
            part = self.parts[self.index]
            if isinstance(part, Token):
                return part.text
        return ""

    def is_word(self, *words: str) -> bool:
        """Whether the part at the cursor is one of these words (or the sign `=`)."""
        return self.kind in {"NAME", "EQUALS"} and self.text in words

    def take(self) -> Token:
        """The token at the cursor, which moves on; the caller knows that it is one."""
        part = self.parts[self.index]
        assert isinstance(part, Token)
        self.index += 1
        return part

    def take_group(self) -> Group:
        """The brackets at the cursor, which moves on; the caller knows that they are there."""
        part = self.parts[self.index]
        assert isinstance(part, Group)
        self.index += 1
        return part

    def span(self, part: Part) -> Span:
        """The place of a part."""
        return Span(self.path, part.start, part.end)

    def since(self, start: int) -> Span:
        """From the offset `start` to the last part that was taken."""
        return Span(self.path, start, self.parts[self.index - 1].end)

    def here(self) -> Span:
        """The part at the cursor, or the gap behind the line."""
        if self.index < len(self.parts):
            return self.span(self.parts[self.index])
        return Span(self.path, self.end, self.end)
