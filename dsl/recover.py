"""Mends a text whose braces or brackets do not fit, and reports each mistake where it was made.

The tokens are read line by line. Words of the vocabulary and the indentation tell what was meant: which
line needs a block, which `}` is missing, which one is too many. The outcome is a tree as if the text
had been right, so that everything else in it is checked as usual.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.findings import Findings
from charter.dsl.lexer import Token, tokens
from charter.dsl.lines import add_pairs, make_lines
from charter.dsl.messages import MAX_DEPTH, missing_block, needless_colon, no_block, too_deep
from charter.dsl.patterns import Clauses, block_patterns, find_clause
from charter.dsl.slices import slices
from charter.dsl.source import Source, Span
from charter.dsl.suggest import closest
from charter.dsl.tree import Braces, Line, Pair, Unbalanced, parse_lines

_MOST_GUESSES = 50


def recover(source: Source, findings: Findings) -> Iterator[Line]:
    """The top-level lines of a file that does not parse as a whole."""
    for start, end in slices(source):
        piece = list(tokens(source.text, start, end))
        try:
            lines = parse_lines(piece)
        except Unbalanced:
            lines = Mender(source, findings, piece).mend()
        yield from lines
        if findings.full:
            return


class _Opening(Struct):
    """What a line that may open a block would open."""

    keyword: str
    example: str = ""
    clauses: Clauses | None = None
    mapping: bool = False
    known: bool = True

    @property
    def wanted(self) -> bool:
        """Whether the line needs braces at its end."""
        return self.clauses is not None or self.mapping


class _Frame(Struct):
    """A block that is open, and what has been found in it."""

    opening: _Opening
    header: Line | None
    """None for the file itself, and for a mapping within a mapping."""
    brace: int
    """Offset of its `{`, or where that is missing."""
    column: int
    """Indentation of its first line; -1 for the file itself."""
    key: Token | None = None
    """What stands before the `{` in a mapping within a mapping."""
    lines: list[Line] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)


class Mender:
    """Walks over the tokens of one piece with a stack of open blocks."""

    def __init__(self, source: Source, findings: Findings, piece: list[Token]) -> None:
        self.source = source
        self.findings = findings
        self.piece = piece
        self.index = 0
        self.frames = [_Frame(_Opening("file"), None, 0, -1)]
        self.segment: list[Token] = []
        self.segment_broken = False
        self.guesses = 0
        self.stray_end = -1
        kinds = [token.kind for token in piece]
        # How many `{` more than `}` there are: above zero one must be missing or be too many.
        self.surplus = kinds.count("LBRACE") - kinds.count("RBRACE")

    def mend(self) -> list[Line]:
        """The top-level lines of the piece."""
        for index, token in enumerate(self.piece):
            self.index = index
            if self.findings.full:
                break
            if token.kind == "_NEWLINE":
                self._end_line()
            elif token.kind == "LBRACE":
                if len(self.frames) > MAX_DEPTH:
                    self.findings.add(too_deep(token.start, self.source.path))
                    break
                self._open(token)
            elif token.kind == "RBRACE":
                self._end_line()
                self._close(token)
            else:
                if not self.segment:
                    self._close_by_indentation(token)
                self.segment.append(token)
        else:
            self._end_line()
            self._close_rest()
        while len(self.frames) > 1:
            self._pop(self.piece[-1].end)
        return self.frames[0].lines

    # Places.

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source.path, start, end)

    def _column(self, token: Token) -> int:
        """Indentation of the line a token stands on if it is the first there, else -1."""
        previous = self.piece[self.index - 1] if self.index else None
        place = self.source.position(token.start)
        follows = previous is not None and previous.kind != "_NEWLINE"
        if follows and previous is not None and self.source.position(previous.end).line == place.line:
            return -1
        return place.column - 1

    def _peek(self, ahead: int = 1) -> Token | None:
        at = self.index + ahead
        return self.piece[at] if at < len(self.piece) else None

    # What a line opens.

    def _opening(self, words: list[Token]) -> _Opening:
        first = words[0]
        frame = self.frames[-1].opening
        if first.kind != "NAME" or frame.mapping:
            return _Opening(first.text, known=False)
        if len(self.frames) == 1:
            blocks = block_patterns()
            block = blocks.get(first.text) or blocks.get(self._guess(first.text, blocks) or "")
            if block is None:
                return _Opening(first.text, known=False)
            return _Opening(block.form.keyword, block.form.example, block.clauses if block.form.clauses else None)
        if frame.clauses is None:
            return _Opening(first.text, known=False)
        texts = [word.text for word in words[:3]]
        clause = find_clause(texts, frame.clauses)
        if clause is None:
            group = frame.clauses.by_first_word.get(self._guess(first.text, frame.clauses.by_first_word) or "")
            if group is None:
                return _Opening(first.text, known=False)
            clause = group[0]
        mapping = any(argument.type == "mapping" for argument in clause.form.arguments)
        return _Opening(clause.form.keyword, clause.form.example, clause.children, mapping)

    def _guess(self, word: str, known: Iterable[str]) -> str | None:
        """The word that was meant; in a text with very many odd words it is not looked for any more."""
        self.guesses += 1
        return closest(word, known) if self.guesses <= _MOST_GUESSES else None

    def _pairs_here(self) -> bool:
        opening = self.frames[-1].opening
        return len(self.frames) > 1 and (opening.mapping or not opening.known)

    # Lines.

    def _end_line(self) -> None:
        """Files the line that was read in the innermost block, or opens the block whose `{` is missing."""
        segment, self.segment = self.segment, []
        broken, self.segment_broken = self.segment_broken, False
        if not segment:
            return
        frame = self.frames[-1]
        if frame.opening.mapping or (not frame.opening.known and _is_pair(segment)):
            frame.opening.mapping = True
            add_pairs(self.source, self.findings, segment, frame.pairs)
            return
        opening = self._opening(segment)
        if opening.wanted and self._block_follows(segment, opening):
            span = self._span(segment[0].start, segment[-1].end)
            if not broken:
                self.findings.add(missing_block(span, opening.keyword, opening.example))
            self.surplus += 1
            self._push(segment, opening, segment[-1].end, broken=True)
            return
        known = frame.opening.clauses.by_first_word if frame.opening.clauses else ()
        frame.lines.extend(make_lines(self.source, self.findings, segment, known, broken=broken))

    def _block_follows(self, segment: list[Token], opening: _Opening) -> bool:
        """Whether the next line is in a block that this line should have opened."""
        token = self._peek()
        if self.piece[self.index].kind != "_NEWLINE" or token is None or token.kind == "LBRACE":
            return False
        if token.kind == "RBRACE":
            return self.surplus < 0
        behind = self._peek(2)
        if opening.mapping and (behind is None or behind.kind != "COLON"):
            return False
        deeper = self.source.position(token.start).column > self.source.position(segment[0].start).column
        inside = opening.clauses is not None and token.text in opening.clauses.by_first_word
        return deeper or (self.surplus < 0 and inside)

    # Blocks.

    def _push(self, segment: list[Token], opening: _Opening, brace: int, *, broken: bool = False) -> None:
        header: Line | None = None
        lines = make_lines(self.source, self.findings, segment, (), broken=broken)
        self.frames[-1].lines.extend(lines[:-1])
        header = lines[-1]
        column = self.source.position(header.start).column - 1
        self.frames.append(_Frame(opening, header, brace, column))

    def _pop(self, end: int) -> None:
        frame = self.frames.pop()
        outer = self.frames[-1]
        braces = Braces(frame.brace, max(end, frame.brace), frame.lines, frame.pairs)
        if frame.key is not None:
            outer.pairs.append(Pair(frame.key, [], braces))
        elif frame.header is not None:
            line = Line(frame.header.parts, braces)
            line.broken = frame.header.broken
            outer.lines.append(line)

    def _open(self, token: Token) -> None:
        segment, self.segment = self.segment, []
        broken, self.segment_broken = self.segment_broken, False
        if not segment:
            self._open_without_header(token)
            return
        frame = self.frames[-1]
        if segment[-1].kind == "COLON" and len(segment) > 1 and not self._pairs_here():
            self.findings.add(needless_colon(self._span(segment[-1].start, segment[-1].end)))
            segment, broken = segment[:-1], True
        if segment[-1].kind == "COLON" and len(segment) > 1 and segment[-2].kind in {"NAME", "TEXT"}:
            if len(segment) > 2:
                add_pairs(self.source, self.findings, segment[:-2], frame.pairs)
            column = self.source.position(segment[-2].start).column - 1
            inner = _Opening(segment[-2].text, mapping=True)
            self.frames.append(_Frame(inner, None, token.start, column, key=segment[-2]))
            return
        opening = self._opening(segment)
        if self.surplus > 0 and not opening.wanted and (opening.known or frame.opening.mapping):
            self._too_many(token, no_block(self._span(token.start, token.end), opening.keyword))
            self.segment = segment
            self.segment_broken = True
            return
        self._push(segment, opening, token.start, broken=broken)

    def _open_without_header(self, token: Token) -> None:
        """A `{` that begins a line, or follows another one."""
        span = self._span(token.start, token.end)
        frame = self.frames[-1]
        previous = frame.lines[-1] if frame.lines else None
        if previous is not None and previous.braces is None:
            words = [part for part in previous.parts if isinstance(part, Token)]
            opening = self._opening(words) if words else _Opening("", known=False)
            if opening.wanted:
                detail = f"The `{{` stands at the end of the line of `{opening.keyword}`. Move it there."
                self.findings.add(error("CH0024", span, detail))
                frame.lines.pop()
                column = self.source.position(previous.start).column - 1
                self.frames.append(_Frame(opening, previous, token.start, column))
                return
        detail = "A block begins with the word that names it, and `{` stands behind that."
        finding = error("CH0024", span, detail)
        if self.surplus > 0:
            self._too_many(token, finding)
            return
        self._stray(token, finding)
        # What stands in it cannot be judged: it is read, and forgotten.
        column = self.source.position(token.start).column - 1
        self.frames.append(_Frame(_Opening("", known=False), None, token.start, column))

    def _too_many(self, token: Token, finding: Diagnostic) -> None:
        """Reports a `{` that is one too many, and goes on as if it were not there."""
        self.surplus -= 1
        self._stray(token, finding)

    def _stray(self, token: Token, finding: Diagnostic) -> None:
        """Reports a brace that belongs nowhere; of a run of them (`}}}}`) the first stands for all."""
        if token.start != self.stray_end:
            self.findings.add(finding)
        self.stray_end = token.end

    def _close(self, token: Token) -> None:
        column = self._column(token)
        frame = self.frames[-1]
        if column >= 0:
            misplaced = column > frame.column
        else:
            misplaced = not self._same_line(frame.brace, token.start) or self._deeper_line_follows(frame)
        stray = len(self.frames) == 1 or (self.surplus < 0 and misplaced)
        if stray:
            self.surplus += 1
            detail = "This `}` closes nothing. Remove it, or add the `{` that it belongs to."
            self._stray(token, error("CH0021", self._span(token.start, token.end), detail))
            return
        while 0 <= column < self.frames[-1].column and len(self.frames) > 2 and self.surplus > 0:
            self._close_missing()
        self._pop(token.end)
        behind = self._peek()
        if behind is not None and behind.kind not in {"_NEWLINE", "RBRACE", "COMMA"}:
            detail = "Behind `}` begins a new line. Put this on the next one."
            self.findings.add(error("CH0024", self._span(behind.start, behind.end), detail))
            self.segment_broken = True

    def _deeper_line_follows(self, frame: _Frame) -> bool:
        token = self._peek(2)
        return token is not None and self.source.position(token.start).column - 1 > frame.column

    def _same_line(self, first: int, second: int) -> bool:
        return self.source.position(first).line == self.source.position(second).line

    def _close_by_indentation(self, token: Token) -> None:
        """Closes the blocks that the line of `token` cannot belong to, if a `}` is missing at all."""
        if self.surplus <= 0:
            return
        column = self._column(token)
        while column >= 0 and len(self.frames) > 1 and self.surplus > 0 and self._outside(token, column):
            self._close_missing()

    def _outside(self, token: Token, column: int) -> bool:
        opening = self.frames[-1].opening
        inside = opening.clauses is not None and token.text in opening.clauses.by_first_word
        if token.text in block_patterns() and not inside and not opening.mapping:
            behind = self._peek()
            return behind is not None and behind.kind == "NAME"
        if column > self.frames[-1].column:
            return False
        outer = self.frames[-2].opening.clauses
        return not inside or (outer is not None and token.text in outer.by_first_word)

    def _close_missing(self) -> None:
        """Closes the innermost block, and reports that its `}` is missing."""
        self.surplus -= 1
        frame = self.frames[-1]
        end = self._gap()
        detail = f"The block of `{frame.opening.keyword}` is not closed. Add `}}` here."
        opened = Related(self._span(frame.brace, frame.brace + 1), "the block begins here")
        self.findings.add(error("CH0020", self._span(end, end), detail, opened))
        self._pop(end)

    def _gap(self) -> int:
        """Where a missing `}` should be: on the empty line behind the last token, or right behind it."""
        # The token at hand is the first that is outside, unless it is the end of a line.
        index = self.index if self._peek(0) is not None else len(self.piece) - 1
        if self.piece[index] is self._peek(0) and self.piece[index].kind != "_NEWLINE":
            index -= 1
        while index > 0 and self.piece[index].kind == "_NEWLINE":
            index -= 1
        end = self.piece[max(index, 0)].end
        line = self.source.position(end).line
        starts = self.source.line_starts
        if line < len(starts) and not self.source.line(line + 1).strip():
            return starts[line]
        return end

    def _close_rest(self) -> None:
        self.index = len(self.piece)
        while len(self.frames) > 1:
            self._close_missing()


def _is_pair(segment: list[Token]) -> bool:
    return len(segment) > 1 and segment[1].kind == "COLON"
