"""What stands between two tokens: comments, line ends and blank lines."""

from dataclasses import dataclass

from charter.dsl.lexer import Token

_BLANK = " \t\r"


@dataclass(slots=True)
class Gap:
    """The blank space and the comments before a token.

    Attributes:
        blanks: the blank space directly behind the token before, up to a comment or a line end.
        trailing: the comment behind the token before, on its line; empty if there is none.
        comments: the comments on lines of their own, each with whether a blank line stands before it.
        blank_line: whether a blank line stands directly before the token.
        line_end: whether there is a line end at all.
        ends_line: whether a line of the language ends here; if not, it goes on behind the line end.
    """

    blanks: str = ""
    trailing: str = ""
    comments: tuple[tuple[bool, str], ...] = ()
    blank_line: bool = False
    line_end: bool = False
    ends_line: bool = False


def with_gaps(text: str, found: list[Token]) -> tuple[list[Token], list[Gap]]:
    """The tokens without their line ends, and the gap before each of them and behind the last."""
    kept: list[Token] = []
    gaps: list[Gap] = []
    end = 0
    ends_line = False
    for token in found:
        if token.kind == "_NEWLINE":
            ends_line = True
            continue
        gaps.append(_gap(text[end : token.start], ends_line=ends_line, first=not kept))
        kept.append(token)
        end = token.end
        ends_line = False
    gaps.append(_gap(text[end:] + "\n", ends_line=True, first=not kept))
    return kept, gaps


def _gap(text: str, *, ends_line: bool, first: bool) -> Gap:
    if text in {"", " "}:
        return Gap(blanks=text)
    lines = text.split("\n")
    if first:
        lines.insert(0, "")
    head = lines[0].lstrip(_BLANK)
    gap = Gap(lines[0][: len(lines[0]) - len(head)], head.rstrip(_BLANK), line_end=len(lines) > 1, ends_line=ends_line)
    comments = []
    for line in lines[1:-1]:
        comment = line.strip(_BLANK)
        if comment:
            comments.append((gap.blank_line, comment))
        gap.blank_line = not comment
    gap.comments = tuple(comments)
    return gap
