"""Lines to declarations: each line is matched against the vocabulary, and its mistakes are collected."""

from collections.abc import Container
from decimal import Decimal

from msgspec import Struct, field

from charter.dsl.ast import Clause, Declaration, Name, Number
from charter.dsl.codes import error
from charter.dsl.cursor import Cursor, Mistake
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.findings import Findings
from charter.dsl.lexer import Token
from charter.dsl.match import Matched, match
from charter.dsl.messages import MAX_DEPTH, missing_block, needless_colon, no_block, run_on, too_deep
from charter.dsl.patterns import BlockPattern, ClausePattern, Clauses, block_patterns, find_clause
from charter.dsl.runon import cuts
from charter.dsl.source import Source, Span
from charter.dsl.suggest import closest
from charter.dsl.tree import Braces, Line
from charter.dsl.unknown import odd_start, unknown_clause, unknown_declaration
from charter.dsl.values import expected, integer, name

EDITION = 1


class Builder(Struct):
    """What has been built of one file so far."""

    source: Source
    edition: Number | None = None
    declarations: list[Declaration] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    def span(self, start: int, end: int) -> Span:
        """A place in the file."""
        return Span(self.source.path, start, end)

    def cursor(self, line: Line, example: str, skip: int) -> Cursor:
        """A cursor behind the first `skip` parts of a line."""
        return Cursor(self.source.path, line.parts, line.parts[-1].end, example, skip)


def add_line(builder: Builder, line: Line) -> None:
    """Adds a top-level line: a declaration, or the edition."""
    first = line.parts[0]
    if builder.findings.full:
        return
    if not isinstance(first, Token) or first.kind != "NAME":
        _report(builder, line, odd_start(first, builder.span(first.start, first.end), "a declaration"))
        return
    pattern = block_patterns().get(first.text)
    if pattern is not None:
        _declaration(builder, line, pattern)
    elif first.text == "charter":
        _edition(builder, line)
    else:
        _report(builder, line, unknown_declaration(first.text, builder.span(first.start, first.end)))
        if not builder.declarations and builder.edition is None and closest(first.text, ["charter"]):
            builder.edition = Number(Decimal(EDITION), None, builder.span(line.start, line.end))
            return
        meant = block_patterns().get(closest(first.text, block_patterns()) or "")
        if meant is not None:
            line.broken = True
            _declaration(builder, line, meant)


def _report(builder: Builder, line: Line, diagnostic: Diagnostic) -> None:
    """Reports the mistake of a line, unless an earlier one of that line is known."""
    if not line.broken:
        builder.findings.add(diagnostic)


def _edition(builder: Builder, line: Line) -> None:
    cursor = builder.cursor(line, f"charter {EDITION}", 1)
    try:
        edition = integer(cursor, "the edition of the language")
        if cursor.kind != "END":
            raise expected(cursor, "the end of the line")
    except Mistake as mistake:
        _report(builder, line, mistake.diagnostic)
        # The line is there: that it cannot be read has just been said.
        builder.edition = builder.edition or Number(Decimal(EDITION), None, cursor.since(line.start))
        return
    if edition.value != EDITION:
        detail = f"Known is edition {EDITION}. Write `charter {EDITION}`, or use a newer version of Charter."
        _report(builder, line, error("CH0027", edition.span, detail))
    if builder.edition is not None or builder.declarations:
        what = "Move this line there" if builder.edition is None else "Remove this line"
        detail = f"The edition is said once, on the first line. {what}."
        _report(builder, line, error("CH0024", builder.span(line.start, line.end), detail))
    builder.edition = builder.edition or edition


def _declaration(builder: Builder, line: Line, pattern: BlockPattern) -> None:
    form = pattern.form
    cursor = builder.cursor(line, form.example, 1)
    declared: Name | None = None
    matched = Matched()
    try:
        if form.named:
            declared = name(cursor, f"the name of the {form.keyword}", dotted=False)
        matched = match(cursor, pattern.header, line.braces)
    except Mistake as mistake:
        matched.mistake = mistake
    header_end = line.parts[-1].end
    if matched.mistake is not None:
        pieces = _split(builder, line, matched.mistake, block_patterns())
        for piece in pieces:
            add_line(builder, piece)
        if pieces:
            return
        _report(builder, line, matched.mistake.diagnostic)
    if declared is None:
        of = matched.arguments.get("of")
        declared = of if isinstance(of, Name) else Name("", builder.span(header_end, header_end))
    clauses: tuple[Clause, ...] = ()
    if line.braces is not None and form.clauses:
        clauses = _clauses(builder, line.braces, pattern.clauses, form.keyword, 1)
    elif line.braces is not None:
        _report(builder, line, no_block(builder.span(line.braces.start, line.braces.start + 1), form.keyword))
    elif form.clauses and matched.mistake is None:
        _report(builder, line, missing_block(builder.span(line.start, line.end), form.keyword, form.example))
    builder.declarations.append(
        Declaration(
            form.keyword,
            builder.span(line.start, line.parts[0].end),
            declared,
            matched.arguments,
            builder.span(line.start, header_end),
            clauses,
            builder.span(line.start, line.end),
        )
    )


def _clauses(builder: Builder, braces: Braces, clauses: Clauses, home: str, depth: int) -> tuple[Clause, ...]:
    if depth > MAX_DEPTH:
        builder.findings.add(too_deep(braces.start, builder.source.path))
        return ()
    for pair in braces.pairs:
        colon = builder.source.text.index(":", pair.key.end)
        builder.findings.add(needless_colon(builder.span(colon, colon + 1)))
    found: list[Clause] = []
    for line in braces.lines:
        _clause_line(builder, line, clauses, home, depth, found)
    return tuple(found)


def _clause_line(builder: Builder, line: Line, clauses: Clauses, home: str, depth: int, found: list[Clause]) -> None:
    first = line.parts[0]
    if builder.findings.full:
        return
    if not isinstance(first, Token) or first.kind != "NAME":
        _report(builder, line, odd_start(first, builder.span(first.start, first.end), "a clause"))
        return
    pattern = find_clause(line.words(), clauses)
    if pattern is None:
        finding, pattern = unknown_clause(builder.source.path, line, clauses, home)
        _report(builder, line, finding)
        if pattern is None:
            return
        line.broken = True
    skip = min(len(pattern.words), len(line.parts))
    cursor = builder.cursor(line, pattern.form.example, skip)
    matched = match(cursor, pattern.alternatives, line.braces)
    for finding in cursor.more:
        builder.findings.add(finding)
    if matched.mistake is not None:
        pieces = _split(builder, line, matched.mistake, clauses.by_first_word)
        for piece in pieces:
            _clause_line(builder, piece, clauses, home, depth, found)
        if pieces:
            return
        _report(builder, line, matched.mistake.diagnostic)
    found.append(_clause(builder, line, pattern, matched, depth))


def _clause(builder: Builder, line: Line, pattern: ClausePattern, matched: Matched, depth: int) -> Clause:
    form = pattern.form
    children: tuple[Clause, ...] = ()
    if pattern.children is not None and line.braces is not None:
        children = _clauses(builder, line.braces, pattern.children, form.keyword, depth + 1)
    elif pattern.children is not None and matched.mistake is None:
        _report(builder, line, missing_block(builder.span(line.start, line.end), form.keyword, form.example))
    elif line.braces is not None and not matched.braces_used and matched.mistake is None:
        _report(builder, line, no_block(builder.span(line.braces.start, line.braces.start + 1), form.keyword))
    return Clause(
        form.keyword,
        builder.span(line.start, line.parts[min(len(pattern.words), len(line.parts)) - 1].end),
        matched.arguments,
        builder.span(line.start, line.end),
        children,
    )


def _split(builder: Builder, line: Line, mistake: Mistake, keywords: Container[str]) -> list[Line]:
    """The lines that ran together in this one, each but the last with its mistake reported; empty if none did."""
    text = builder.source.text
    places = cuts(text, line.parts, keywords)
    pieces = []
    for start, end in zip([0, *places], places, strict=False):
        sign = line.parts[end - 1]
        finding = run_on(builder.span(sign.start, sign.end), text[sign.start : sign.end])
        if start == 0 and mistake.at < end:
            finding = mistake.diagnostic
        if start or not line.broken:
            builder.findings.add(finding)
        piece = Line(line.parts[start:end], None)
        piece.broken = True
        pieces.append(piece)
    if places:
        pieces.append(Line(line.parts[places[-1] :], line.braces))
    return pieces
