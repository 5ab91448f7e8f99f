"""Where tokens and comments stand on the page: indentation, spaces, columns and blank lines.

A block that is written over several lines has each of its lines indented by one level, and what a line goes
on with by two. Where lines end is the author's choice, except that `{` stands on its header's line. If an
author has set a block in columns (two blanks behind some clause's keyword), the whole block is; comments
behind lines that follow each other stand in one column.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from charter.dsl.gaps import Gap
from charter.dsl.lexer import Token
from charter.dsl.patterns import Clauses, block_patterns, find_clause

_LEVEL = "  "
_CONTINUED = 2
_OPENERS = {"LBRACE", "LSQB", "LPAR"}
_CLOSERS = {"RBRACE", "RSQB", "RPAR"}
_NONE_BEFORE = {"COMMA", "COLON", "RSQB", "RPAR"}
_NONE_BEHIND = {"LSQB", "LPAR"}


@dataclass(slots=True)
class _Row:
    """One line of the page: what stands on it in pieces, and the comment behind it.

    `keyword` is the length of the keyword of a clause that can stand in columns, `padding` the blanks behind it.
    """

    indent: int
    pieces: list[str] = field(default_factory=list)
    comment: str = ""
    keyword: int = 0
    padding: int = 0

    def code(self) -> str:
        """The row without its comment."""
        if not self.pieces:
            return ""
        text = "".join(self.pieces)
        return f"{_LEVEL * self.indent}{text[: self.keyword]}{' ' * self.padding}{text[self.keyword :]}"


@dataclass(slots=True)
class _Frame:
    """A bracket that is open.

    `indent` is where its closing one stands, `spread` whether it is written over several lines, `pairs`
    whether commas part the things in it; `clauses` are known of the blocks that the vocabulary knows.
    """

    kind: str
    indent: int
    spread: bool = False
    pairs: bool = False
    clauses: Clauses | None = None
    rows: list[_Row] = field(default_factory=list)
    columns: bool = False


class Page:
    """Sets the tokens of one file, which are balanced; `gaps` are those before each token and behind the last."""

    def __init__(self, tokens: list[Token], gaps: list[Gap]) -> None:
        self.tokens = tokens
        self.gaps = gaps
        self.spread = _spread(tokens, gaps)
        self.rows: list[_Row] = []
        self.row = _Row(0)
        self.frames = [_Frame("FILE", 0)]
        self.indent = 0
        """Of the line of the language that is being set, wherever it goes on."""
        self.block: Clauses | None = None
        """The clauses of the block that this line would open."""
        self.in_block = False
        """Whether the last thing at the top was a block over several lines."""

    def set(self) -> str:
        """The text of the page."""
        for index, token in enumerate(self.tokens):
            self._set(index, token)
        if self.tokens:
            self._end_row(self.gaps[-1])
        self._comments(self.gaps[-1], 0, lines=True)
        return "".join(f"{line}\n" for line in _lines(self.rows))

    def _set(self, index: int, token: Token) -> None:
        gap = self.gaps[index]
        previous = self.tokens[index - 1] if index else None
        frame = self.frames[-1]
        begins = self._begins_line(previous, gap)
        if token.kind in _CLOSERS:
            self._new_row_before_closer(previous, token, gap)
        elif begins:
            self._new_line(index, gap, previous)
        elif gap.line_end and (token.kind != "LBRACE" or gap.trailing or gap.comments):
            self._go_on(gap)
        elif previous is not None:
            self.row.pieces.append(_space(previous, token))
        self.row.pieces.append(token.text)
        if begins and token.kind not in _CLOSERS:
            self._keyword(index, frame)
        if token.kind in _OPENERS:
            self._open(index, token)
        elif token.kind in _CLOSERS:
            self._close()

    def _begins_line(self, previous: Token | None, gap: Gap) -> bool:
        """Whether a line of the language, or a pair, begins behind the gap."""
        frame = self.frames[-1]
        if previous is None or previous.kind == "LBRACE":
            return True
        return frame.kind not in {"LSQB", "LPAR"} and (gap.ends_line or (frame.pairs and previous.kind == "COMMA"))

    # Rows.

    def _new_line(self, index: int, gap: Gap, previous: Token | None) -> None:
        frame = self.frames[-1]
        opened = previous is not None and previous.kind == "LBRACE"
        if frame.kind == "FILE":
            self.indent = 0
        elif frame.spread:
            self.indent = frame.indent + 1
        if previous is None:
            self.in_block = self._opens_block(index)
            self._comments(gap, 0, lines=False)
            if gap.blank_line and gap.comments:
                self.rows.append(_Row(0))
        elif frame.spread if opened else gap.line_end:
            self._end_row(gap)
            if frame.kind == "FILE":
                self._part_blocks(index, gap)
            self._comments(gap, self.indent, lines=not opened)
            if gap.blank_line and (not opened or gap.comments):
                self.rows.append(_Row(0))
            self.row = _Row(self.indent)
        else:
            self.row.pieces.append(" ")

    def _end_row(self, gap: Gap) -> None:
        self.row.comment = gap.trailing
        self.rows.append(self.row)

    def _part_blocks(self, index: int, gap: Gap) -> None:
        """At least one blank line before and behind a block at the top."""
        was_block, self.in_block = self.in_block, self._opens_block(index)
        blank = gap.blank_line or any(blank for blank, _ in gap.comments)
        if (was_block or self.in_block) and not blank:
            self.rows.append(_Row(0))

    def _opens_block(self, index: int) -> bool:
        for at in range(index, len(self.tokens)):
            if at > index and self.gaps[at].ends_line:
                return False
            if self.tokens[at].kind == "LBRACE":
                return at in self.spread
        return False

    def _new_row_before_closer(self, previous: Token | None, token: Token, gap: Gap) -> None:
        frame = self.frames[-1]
        inside = frame.indent + (1 if token.kind == "RBRACE" else _CONTINUED)
        if frame.spread if token.kind == "RBRACE" else gap.line_end:
            self._end_row(gap)
            opened = previous is not None and previous.kind == "LBRACE"
            self._comments(gap, inside, lines=token.kind == "RBRACE" and not opened)
            self.row = _Row(frame.indent)
        elif previous is not None:
            self.row.pieces.append(_space(previous, token))

    def _go_on(self, gap: Gap) -> None:
        """The line of the language goes on in the next row."""
        frame = self.frames[-1]
        base = frame.indent if frame.kind in {"LSQB", "LPAR"} else self.indent
        self._end_row(gap)
        self._comments(gap, base + _CONTINUED, lines=False)
        self.row = _Row(base + _CONTINUED)

    def _comments(self, gap: Gap, indent: int, *, lines: bool) -> None:
        """Comments on rows of their own; `lines`: a blank line may stand before the first."""
        for number, (blank, comment) in enumerate(gap.comments):
            if blank and (lines or number) and self.rows:
                self.rows.append(_Row(0))
            self.rows.append(_Row(indent, [comment]))

    # Blocks and brackets.

    def _keyword(self, index: int, frame: _Frame) -> None:
        """Finds out which clause begins here, which block it opens, and whether it can stand in a column."""
        first = self.tokens[index]
        self.block = None
        if first.kind != "NAME" or frame.pairs:
            return
        if frame.kind == "FILE":
            block = block_patterns().get(first.text)
            self.block = block.clauses if block is not None else None
            return
        if frame.clauses is None or not frame.spread:
            return
        ahead = self.tokens[index : index + 3]
        pattern = find_clause([token.text for token in ahead], frame.clauses)
        self.block = pattern.children if pattern is not None else None
        behind = index + (len(pattern.words) if pattern is not None else 1)
        if behind < len(self.tokens) and not any(gap.line_end for gap in self.gaps[index + 1 : behind + 1]):
            self._column(index, behind, frame)

    def _column(self, index: int, behind: int, frame: _Frame) -> None:
        token = self.tokens[behind]
        if token.kind in {"RBRACE", "COMMA"} or behind in self.spread:
            return
        self.row.keyword = len(" ".join(item.text for item in self.tokens[index:behind]))
        frame.rows.append(self.row)
        blanks = self.gaps[behind].blanks
        frame.columns = frame.columns or len(blanks) > 1 or "\t" in blanks

    def _open(self, index: int, token: Token) -> None:
        braces = token.kind == "LBRACE"
        indent = self.indent if braces else self.row.indent
        frame = _Frame(token.kind, indent, spread=index in self.spread)
        if braces:
            frame.pairs = index + 2 < len(self.tokens) and self.tokens[index + 2].kind == "COLON"
            frame.clauses = self.block
        self.frames.append(frame)

    def _close(self) -> None:
        frame = self.frames.pop()
        if frame.kind != "LBRACE":
            return
        self.indent = frame.indent
        if frame.columns:
            width = max(row.keyword for row in frame.rows)
            for row in frame.rows:
                row.padding = width - row.keyword


def _spread(tokens: list[Token], gaps: list[Gap]) -> set[int]:
    """The opening braces of what is written over several lines."""
    found: set[int] = set()
    opened: list[tuple[int, int]] = []
    line_ends = 0
    for index, token in enumerate(tokens):
        line_ends += gaps[index].line_end
        if token.kind == "LBRACE":
            opened.append((index, line_ends))
        elif token.kind == "RBRACE":
            at, before = opened.pop()
            if line_ends > before:
                found.add(at)
    return found


def _space(before: Token, token: Token) -> str:
    """What stands between two tokens of one row."""
    if token.kind in _NONE_BEFORE or before.kind in _NONE_BEHIND:
        return ""
    if token.kind == "LPAR" and before.kind == "NAME":
        return ""
    return "" if before.kind == "LBRACE" and token.kind == "RBRACE" else " "


def _lines(rows: list[_Row]) -> Iterator[str]:
    """The text of each row; comments behind rows that follow each other stand in one column."""
    run: list[tuple[str, str]] = []
    for row in rows:
        code = row.code()
        if row.comment and "\n" not in code:
            run.append((code, row.comment))
            continue
        yield from _column(run)
        run = []
        yield f"{code}  {row.comment}" if row.comment else code
    yield from _column(run)


def _column(run: list[tuple[str, str]]) -> Iterator[str]:
    width = max((len(code) for code, _ in run), default=0)
    return (f"{code.ljust(width)}  {comment}" for code, comment in run)
