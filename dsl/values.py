"""Single values: names, texts, numbers with their units, lists, ranges, calls and mappings."""

import re
from collections.abc import Callable
from decimal import Decimal

from charter.dsl.ast import Call, Date, Entry, ListValue, MappingValue, Name, Number, Range, Text, Value
from charter.dsl.codes import error
from charter.dsl.cursor import Cursor, Mistake
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.lexer import Token
from charter.dsl.messages import MAX_DEPTH, lexical_mistake, shorten, too_deep
from charter.dsl.source import Span
from charter.dsl.suggest import did_you_mean
from charter.dsl.texts import long_text, unescape
from charter.dsl.tree import Braces, Group, Pair
from charter.dsl.units import DURATION_UNITS, UNITS

_MAX_DIGITS = 40
_MAX_EXPONENT = 300  # beyond what a double holds nothing can be measured

_NUMBER = re.compile(r"(-?[0-9_]+(?:\.[0-9]+)?)(?:[eE]([+-]?[0-9]+))?(%?)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_FRIENDLY = {
    "NAME": "the word `{}`",
    "TEXT": "the text {}",
    "LONG_TEXT": "a text in triple quotes",
    "NUMBER": "the number `{}`",
    "DATE": "the date `{}`",
    "BRACKETS": "a list in `[ ]`",
    "PARENS": "parentheses",
    "END": "the end of the line",
}


def found(cursor: Cursor) -> str:
    """What stands at the cursor, in words."""
    if cursor.kind == "END":
        return _FRIENDLY["END"]
    return _FRIENDLY.get(cursor.kind, "`{}`").format(shorten(cursor.text))


def expected(cursor: Cursor, what: str, hint: str = "") -> Mistake:
    """The mistake that something else than `what` stands at the cursor."""
    odd = _lexical(cursor)
    if odd is not None:
        return Mistake(odd, cursor.index)
    example = f" Example: `{cursor.example}`." if cursor.example else ""
    if cursor.kind == "END":
        last = cursor.span(cursor.parts[-1])
        after = cursor.parts[-1]
        behind = f" after `{shorten(after.text)}`" if isinstance(after, Token) else ""
        detail = f"The line ends too early: {what} is missing{behind}.{hint}{example}"
        return Mistake(error("CH0033", Span(last.path, last.start, last.end), detail), cursor.index)
    detail = f"Expected {what.rstrip(',')}, but found {found(cursor)}.{hint}{example}"
    return Mistake(error("CH0032", cursor.here(), detail), cursor.index)


def _lexical(cursor: Cursor) -> Diagnostic | None:
    """The finding for a part that is no word of the language at all."""
    if cursor.kind not in {"ODD", "OPEN_TEXT", "OPEN_LONG_TEXT"}:
        return None
    part = cursor.parts[cursor.index]
    assert isinstance(part, Token)
    return lexical_mistake(part, cursor.span(part))


def name(cursor: Cursor, what: str, *, dotted: bool = True, quoted: bool = False) -> Name:
    """A word, a dotted path, or, where columns may stand, a quoted name."""
    if cursor.kind == "NAME":
        part = cursor.take()
        return name_of(part, cursor.path, dotted=dotted, what=what, at=cursor.index)
    if cursor.kind == "TEXT" and quoted:
        part = cursor.take()
        return Name(_resolve(part, cursor), cursor.span(part), quoted=True)
    raise expected(cursor, what)


def name_of(part: Token, path: str, *, dotted: bool, what: str, at: int) -> Name:
    """The name a NAME token stands for."""
    text = part.text
    span = Span(path, part.start, part.end)
    if not text.isascii():
        odd = next(letter for letter in text if not letter.isascii())
        detail = (
            f"The name `{shorten(text)}` has the letter `{odd}`, which may look like another one. "
            "Names are written with a-z, 0-9, `_` and `-`; put the name of a column in quotes."
        )
        raise Mistake(error("CH0016", span, detail), at)
    if not dotted and "." in text:
        raise Mistake(error("CH0032", span, f"`{shorten(text)}` is a path, but {what} is expected, without a dot."), at)
    return Name(text, span)


def text(cursor: Cursor, what: str) -> Text:
    """A text in quotes."""
    if cursor.kind not in {"TEXT", "LONG_TEXT"}:
        hint = " Put it in quotes." if cursor.kind in {"NAME", "NUMBER", "DATE"} else ""
        raise expected(cursor, what, hint)
    part = cursor.take()
    return Text(_resolve(part, cursor), cursor.span(part))


def _resolve(part: Token, cursor: Cursor) -> str:
    long = part.kind == "LONG_TEXT"
    body = part.text[3:-3] if long else part.text[1:-1]
    if long:
        body = long_text(body)
    if "\\" not in body:
        return body
    value, bad = unescape(body)
    if bad:
        at = part.start + max(part.text.find(bad), 0)
        known = '`\\"`, `\\\\`, `\\n`, `\\t`, and `\\u` with four hexadecimal digits'
        detail = f"`{bad}` is no known escape. Known are {known}."
        raise Mistake(error("CH0013", Span(cursor.path, at, at + len(bad)), detail), cursor.index)
    return value


def number(cursor: Cursor, what: str, units: frozenset[str] | None = None) -> Number:
    """A number with its unit: `%`, or one of `units` as the word behind it."""
    if cursor.kind != "NUMBER":
        raise expected(cursor, what)
    part = cursor.take()
    value, percent, is_integer = _decimal(part, cursor)
    unit: str | None = percent or None
    if unit is None and units is not None and cursor.kind == "NAME" and cursor.text in units:
        unit = cursor.take().text
    return Number(value, unit, cursor.since(part.start), is_integer)


def _decimal(part: Token, cursor: Cursor) -> tuple[Decimal, str, bool]:
    match = _NUMBER.fullmatch(part.text)
    assert match is not None, part.text
    digits, exponent, percent = match[1], match[2] or "0", match[3]
    if len(digits) > _MAX_DIGITS or len(exponent) > 5 or abs(int(exponent)) > _MAX_EXPONENT:
        limits = f"at most {_MAX_DIGITS} digits, exponents up to {_MAX_EXPONENT}"
        detail = f"`{shorten(part.text)}` is out of range: {limits}."
        raise Mistake(error("CH0014", cursor.span(part), detail), cursor.index)
    value = Decimal(part.text.rstrip("%"))
    return value, percent, match[2] is None and "." not in digits


def integer(cursor: Cursor, what: str) -> Number:
    """A whole number without a unit."""
    start = cursor.index
    value = number(cursor, what)
    if not value.is_integer or value.unit is not None:
        cursor.index = start
        raise expected(cursor, what)
    return value


def duration(cursor: Cursor, what: str = "a duration such as `30 days`") -> Number:
    """A number with a unit of time."""
    start = cursor.index
    value = number(cursor, what, DURATION_UNITS)
    if value.unit in DURATION_UNITS:
        return value
    if value.unit is None and cursor.kind in {"NAME", "END"}:
        hint = did_you_mean(cursor.text, DURATION_UNITS) if cursor.kind == "NAME" else ""
        raise expected(cursor, "a unit of time (`minutes`, `hours`, `days`, `months`, `years`)", hint)
    cursor.index = start
    raise expected(cursor, what)


def date(cursor: Cursor, what: str) -> Date:
    """A calendar date."""
    if cursor.kind != "DATE":
        raise expected(cursor, what)
    part = cursor.take()
    if not _DATE.fullmatch(part.text):
        cursor.index -= 1
        raise expected(cursor, "a date with two digits for month and day, such as `2027-03-31`,")
    return Date(part.text, cursor.span(part))


def comma_list(cursor: Cursor, item: Callable[[Cursor], Value]) -> ListValue:
    """One or more items with commas between them."""
    start = cursor.here().start
    items = [item(cursor)]
    while cursor.kind == "COMMA":
        cursor.take()
        items.append(item(cursor))
    return ListValue(tuple(items), cursor.since(start))


def call(cursor: Cursor, what: str) -> Call:
    """`fgsm(eps: 0.05)`; the parentheses may be missing."""
    called = name(cursor, what)
    if cursor.kind != "PARENS":
        return Call(called, (), called.span)
    group = cursor.take_group()
    entries = tuple(entry(pair, cursor) for pair in group.pairs)
    return Call(called, entries, cursor.since(called.span.start))


def value(cursor: Cursor, depth: int = 0) -> Value:
    """Any value that may stand in a list or behind a key."""
    kind = cursor.kind
    if kind == "NUMBER":
        low = number(cursor, "a number", UNITS)
        return _range(cursor, low) if cursor.kind == "RANGE" else low
    if kind == "NAME":
        return name(cursor, "a word")
    if kind in {"TEXT", "LONG_TEXT"}:
        return text(cursor, "a text in quotes")
    if kind == "DATE":
        return date(cursor, "a date")
    if kind == "BRACKETS":
        return list_value(cursor.take_group(), cursor, depth + 1)
    raise expected(cursor, "a value (a number, a word, a text in quotes or a list)")


def _range(cursor: Cursor, low: Number) -> Range:
    cursor.take()
    high = number(cursor, "the upper end of the range", UNITS)
    scale = name(cursor, "a scale") if cursor.kind == "NAME" else None
    return Range(low, high, scale, cursor.since(low.span.start))


def list_value(group: Group, outer: Cursor, depth: int) -> ListValue:
    """`[64, 32]`."""
    if depth > MAX_DEPTH:
        raise Mistake(too_deep(group.start, outer.path), outer.index)
    span = Span(outer.path, group.start, group.end)
    if not group.parts:
        return ListValue((), span)
    cursor = Cursor(outer.path, group.parts, group.end, "")
    items = []
    while True:
        items.append(value(cursor, depth))
        if cursor.kind == "END":
            return ListValue(tuple(items), span)
        if cursor.kind != "COMMA":
            raise expected(cursor, "`,` or `]`")
        cursor.take()
        if cursor.kind == "END":  # a comma may follow the last item
            return ListValue(tuple(items), span)


def entry(pair: Pair, outer: Cursor, depth: int = 0) -> Entry:
    """`key: value`."""
    at = outer.index
    if pair.key.kind == "TEXT":
        key = Name(_resolve(pair.key, outer), Span(outer.path, pair.key.start, pair.key.end), quoted=True)
    else:
        key = name_of(pair.key, outer.path, dotted=True, what="a key", at=at)
    span = Span(outer.path, pair.start, pair.end)
    if pair.braces is not None:
        return Entry(key, mapping(pair.braces, outer, depth + 1), span)
    cursor = Cursor(outer.path, pair.parts, pair.end, "")
    found_value = value(cursor, depth)
    if cursor.kind != "END":
        raise expected(cursor, "`,` or the end of the line")
    return Entry(key, found_value, span)


def mapping(braces: Braces, outer: Cursor, depth: int = 0) -> MappingValue:
    """`{ hidden: [64, 32], seed: 7 }`."""
    if depth > MAX_DEPTH:
        raise Mistake(too_deep(braces.start, outer.path), outer.index)
    if braces.lines:
        line = braces.lines[0]
        detail = "Between these braces stand pairs such as `seed: 7`. Put `:` between the key and its value."
        raise Mistake(error("CH0032", Span(outer.path, line.start, line.end), detail), outer.index)
    entries = []
    for pair in braces.pairs:
        try:
            entries.append(entry(pair, outer, depth))
        except Mistake as mistake:
            outer.more.append(mistake.diagnostic)
    return MappingValue(tuple(entries), Span(outer.path, braces.start, braces.end))
