"""Lines that ran together: a sign that wants more stands at the end of one, and the next is a line of its own.

Without this, a word forgotten at the end of a line would be reported on the line after it.
"""

from collections.abc import Container, Sequence

from charter.dsl.lexer import Token
from charter.dsl.tree import Part

_CONTINUING = frozenset({"COMMA", "ARROW", "RANGE", "COMPARE", "EQUALS", "COLON", "LPAR", "LSQB"})


def cuts(text: str, parts: Sequence[Part], keywords: Container[str]) -> list[int]:
    """Where among the parts a new line begins with one of the words that can begin one."""
    found = []
    for index in range(1, len(parts)):
        before, part = parts[index - 1], parts[index]
        if (
            before.kind in _CONTINUING
            and isinstance(part, Token)
            and part.text in keywords
            and "\n" in text[before.end : part.start]
        ):
            found.append(index)
    return found
