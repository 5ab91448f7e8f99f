"""The lines of a broken piece one by one: brackets and colons within a line, and lines that ran together."""

from collections.abc import Container

from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.findings import Findings
from charter.dsl.lexer import Token
from charter.dsl.messages import lexical_mistake, needless_colon, run_on, shorten
from charter.dsl.runon import cuts
from charter.dsl.source import Source, Span
from charter.dsl.tree import Line, Pair, Unbalanced, parse_lines

_LEXICAL = frozenset({"ODD", "OPEN_TEXT", "OPEN_LONG_TEXT"})
_OPENER = {"RSQB": "LSQB", "RPAR": "LPAR"}


def make_lines(
    source: Source, findings: Findings, segment: list[Token], keywords: Container[str], *, broken: bool
) -> list[Line]:
    """The line that these tokens make, or the lines that ran together in them; never empty.

    What does not fit is reported, unless the line is `broken` already, and left out. `keywords` are the
    words that may begin a line here.
    """
    try:
        lines = parse_lines(segment)
    except Unbalanced as unbalanced:
        places = cuts(source.text, segment, keywords)
        if not places:
            return [_mended(source, findings, segment, unbalanced.token, broken=broken)]
    else:
        for line in lines:
            line.broken = broken
        return lines
    result: list[Line] = []
    for start, end in zip([0, *places], [*places, len(segment)], strict=True):
        sign = segment[end - 1]
        if end < len(segment) and not broken:
            findings.add(run_on(_span(source, sign), sign.text))
            broken = True
        result.extend(make_lines(source, findings, segment[start:end], (), broken=broken))
        broken = False
    return result


def _mended(source: Source, findings: Findings, segment: list[Token], token: Token | None, *, broken: bool) -> Line:
    """What is left of a line without what does not fit in it."""
    at = _index(segment, token)
    if not broken:
        findings.add(_mistake(source, segment, at))
    if at == 1 and len(segment) > 2 and segment[1].kind == "COLON":
        segment = [segment[0], *segment[2:]]
        try:
            (line,) = parse_lines(segment)
        except Unbalanced:
            line = Line(list(segment[:1]), None)
    else:
        line = Line(list(segment[:at] or segment[:1]), None)
    line.broken = True
    return line


def add_pairs(source: Source, findings: Findings, segment: list[Token], pairs: list[Pair]) -> None:
    """Adds the `key: value` pairs that these tokens make; each that is none is reported."""
    try:
        pairs.extend(_pairs(segment))
        return
    except Unbalanced:
        pass
    for piece in _pieces(source, segment):
        try:
            pairs.extend(_pairs(piece))
        except Unbalanced as unbalanced:
            findings.add(_pair_mistake(source, piece, _index(piece, unbalanced.token)))


def _pairs(segment: list[Token]) -> list[Pair]:
    """The pairs between braces made up for the purpose, because the grammar knows pairs only there."""
    start, end = segment[0].start, segment[-1].end
    name = Token("NAME", "", start, start)
    opening, closing = Token("LBRACE", "{", start, start), Token("RBRACE", "}", end, end)
    (line,) = parse_lines([name, opening, *segment, closing])
    if line.braces is None or line.braces.lines:
        raise Unbalanced(segment[0])
    return line.braces.pairs


def _pieces(source: Source, segment: list[Token]) -> list[list[Token]]:
    """Cut at commas outside brackets, and before a key that begins a line."""
    pieces: list[list[Token]] = [[]]
    depth = 0
    for index, token in enumerate(segment):
        is_key = index + 1 < len(segment) and segment[index + 1].kind == "COLON" and token.kind in {"NAME", "TEXT"}
        if index and is_key and "\n" in source.text[segment[index - 1].end : token.start]:
            depth = 0
            pieces.append([token])
            continue
        if token.kind in {"LSQB", "LPAR"}:
            depth += 1
        elif token.kind in _OPENER:
            depth -= 1
        if token.kind == "COMMA" and depth <= 0:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]


def _index(segment: list[Token], token: Token | None) -> int:
    """Where in the segment the token is; behind the last if it is not one of it."""
    return next((index for index, item in enumerate(segment) if item is token), len(segment))


def _span(source: Source, token: Token) -> Span:
    return Span(source.path, token.start, token.end)


def _bracket_mistake(source: Source, segment: list[Token]) -> Diagnostic | None:
    """The first bracket that has no partner."""
    opened: list[Token] = []
    for token in segment:
        if token.kind in {"LSQB", "LPAR"}:
            opened.append(token)
        elif token.kind in _OPENER:
            if not opened or opened[-1].kind != _OPENER[token.kind]:
                detail = f"This `{token.text}` closes nothing. Remove it, or add the bracket that it belongs to."
                return error("CH0023", _span(source, token), detail)
            opened.pop()
    if not opened:
        return None
    closer = "]" if opened[-1].kind == "LSQB" else ")"
    detail = f"The bracket that opens here is not closed. Add `{closer}`."
    return error("CH0023", _span(source, opened[-1]), detail)


def _mistake(source: Source, segment: list[Token], at: int) -> Diagnostic:
    """What is wrong with a line that fails at the token number `at`."""
    bracket = _bracket_mistake(source, segment)
    if bracket is not None:
        return bracket
    token = segment[min(at, len(segment) - 1)]
    span = _span(source, token)
    if token.kind in _LEXICAL:
        return lexical_mistake(token, span)
    if token.kind == "COLON":
        return needless_colon(span)
    return error(
        "CH0024", span, f"`{shorten(token.text)}` cannot stand here. Remove it, or add what is missing before it."
    )


def _pair_mistake(source: Source, piece: list[Token], at: int) -> Diagnostic:
    """What is wrong with one `key: value` that fails at the token number `at`."""
    bracket = _bracket_mistake(source, piece)
    if bracket is not None:
        return bracket
    token = piece[min(at, len(piece) - 1)]
    span = _span(source, token)
    if token.kind in _LEXICAL:
        return lexical_mistake(token, span)
    if at >= len(piece) and token.kind == "COLON":
        return run_on(span, ":")
    if len(piece) < 2 or piece[1].kind != "COLON":
        detail = "Between these braces stand pairs such as `seed: 7`. Put `:` between the key and its value."
        return error("CH0032", _span(source, piece[0]), detail)
    return error("CH0024", span, f"`{shorten(token.text)}` cannot stand here. A comma parts one pair from the next.")
