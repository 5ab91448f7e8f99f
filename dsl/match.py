"""One line against the pattern of its clause or header: named arguments, or the first mistake."""

from collections.abc import Callable

from msgspec import Struct, field

from charter.dsl.ast import Entry, ListValue, MappingValue, Name, Number, Text, Value
from charter.dsl.controls import control
from charter.dsl.cursor import Cursor, Mistake
from charter.dsl.patterns import Hole, Optional, Sequence, Word
from charter.dsl.suggest import did_you_mean
from charter.dsl.tree import Braces
from charter.dsl.units import UNITS
from charter.dsl.values import (
    comma_list,
    date,
    duration,
    expected,
    integer,
    mapping,
    name,
    number,
    text,
)
from charter.dsl.vocabulary import Argument


class Matched(Struct):
    """What a line said: its arguments, and the first mistake if it has one."""

    arguments: dict[str, Value] = field(default_factory=dict)
    mistake: Mistake | None = None
    braces_used: bool = False
    """Whether the braces at the end of the line were the value of an argument."""


def match(cursor: Cursor, alternatives: tuple[Sequence, ...], braces: Braces | None) -> Matched:
    """The arguments that stand at the cursor, by the alternative that fits best."""
    start = cursor.index
    best: Matched | None = None
    for elements in alternatives:
        cursor.index = start
        matched = _match_sequence(cursor, elements, braces)
        if matched.mistake is None:
            return matched
        if best is None or best.mistake is None or matched.mistake.at > best.mistake.at:
            best = matched
    assert best is not None
    return best


def _match_sequence(cursor: Cursor, elements: Sequence, braces: Braces | None) -> Matched:
    matched = Matched()
    try:
        open_groups: list[Optional] = []
        for element in elements:
            if isinstance(element, Optional):
                open_groups.append(element)
                continue
            _match_groups(cursor, open_groups, matched, braces)
            open_groups = []
            _match_element(cursor, element, matched, braces)
        _match_groups(cursor, open_groups, matched, braces)
        if cursor.kind != "END":
            raise _too_much(cursor, open_groups)
    except Mistake as mistake:
        matched.mistake = mistake
    return matched


class Wanted(Struct, frozen=True):
    """What may come next on a line, and the part of the line at which it begins: behind the last, if nothing of it is
    written yet."""

    element: Word | Hole
    index: int


def wanted(cursor: Cursor, alternatives: tuple[Sequence, ...]) -> tuple[Wanted, ...]:
    """What may come next on a line that goes on at its last part; nothing where the line is wrong already."""
    start = cursor.index
    found: dict[Wanted, None] = {}
    for elements in alternatives:
        cursor.index = start
        found.update(dict.fromkeys(_wanted(cursor, elements)))
    return tuple(found)


def _wanted(cursor: Cursor, elements: Sequence) -> list[Wanted]:
    found: list[Wanted] = []

    def passes(element: Word | Hole) -> bool:
        start = cursor.index
        is_open, passed = _state(cursor, element)
        if is_open:
            found.append(Wanted(element, start))
        return passed

    left: list[Optional] = []
    for element in (*elements, None):
        if isinstance(element, Optional):
            left.append(element)
            continue
        while (group := next((item for item in left if _starts(cursor, item, left)), None)) is not None:
            left.remove(group)
            if not all(passes(inner) for inner in group.elements):
                return found
        if cursor.kind == "END":
            found += (Wanted(item.elements[0], cursor.index) for item in left)
        left = []
        if element is None or not passes(element):
            break
    return found


def _state(cursor: Cursor, element: Word | Hole) -> tuple[bool, bool]:
    """Whether more of an element may come, and whether what is there of it is complete."""
    if cursor.kind == "END":
        return True, False
    try:
        _match_element(cursor, element, Matched(), None)
    except Mistake as mistake:
        return mistake.at >= len(cursor.parts), False
    grows = isinstance(element, Hole) and element.argument.type in {"control", "quantity"}
    return grows and cursor.kind == "END", True


def _match_groups(cursor: Cursor, groups: list[Optional], matched: Matched, braces: Braces | None) -> None:
    """What may be left out may also be written in any order."""
    left = list(groups)
    while True:
        group = next((item for item in left if _starts(cursor, item, left)), None)
        if group is None:
            return
        left.remove(group)
        for element in group.elements:
            _match_element(cursor, element, matched, braces)


def _starts(cursor: Cursor, group: Optional, groups: list[Optional]) -> bool:
    first = group.elements[0]
    if isinstance(first, Word):
        return cursor.is_word(first.text)
    return cursor.kind in {"NAME", "TEXT"} and not cursor.is_word(*_first_words(groups))


def _first_words(groups: list[Optional]) -> tuple[str, ...]:
    return tuple(first.text for group in groups if isinstance(first := group.elements[0], Word))


def _match_element(cursor: Cursor, element: Word | Hole, matched: Matched, braces: Braces | None) -> None:
    if isinstance(element, Hole):
        argument = element.argument
        if argument.type == "mapping":
            matched.arguments[argument.name] = _mapping(cursor, braces)
            matched.braces_used = True
        else:
            matched.arguments[argument.name] = _READERS[argument.type](cursor, phrase(argument))
        return
    if not cursor.is_word(element.text):
        raise expected(cursor, f"`{element.text}`")
    cursor.take()


def _too_much(cursor: Cursor, groups: list[Optional]) -> Mistake:
    words = _first_words(groups)
    hint = did_you_mean(cursor.text, words) if cursor.kind == "NAME" else ""
    options = "".join(f", `{word}`" for word in words[:-1]) + (f" or `{words[-1]}`" if words else "")
    return expected(cursor, f"the end of the line{options}", hint)


def _mapping(cursor: Cursor, braces: Braces | None) -> MappingValue:
    if braces is None or cursor.kind != "END":
        raise expected(cursor, "`{ key: value, … }`")
    return mapping(braces, cursor)


_PHRASES = {
    "word": "a word",
    "ref": "a name",
    "words": "a name, or several with commas between them,",
    "numbers": "a number, or several with commas between them,",
    "text": "a text in quotes",
    "integer": "a whole number",
    "duration": "a duration such as `30 days`",
    "date": "a date such as `2027-03-31`",
    "control": "the name of a metric",
    "parts": "a part and its share, such as `train 70%`,",
    "entries": 'a word and a text, such as `data "36 months"`,',
    "quantity": "a number such as `0.75` or `5%`",
    "steps": "a percentage such as `10%`",
    "ref or text": "a name or a text in quotes",
}


def phrase(argument: Argument) -> str:
    """What an argument is, for the message that it is missing."""
    if argument.choices:
        choices = [f"`{choice}`" for choice in argument.choices]
        return " or ".join([", ".join(choices[:-1]), choices[-1]]) if len(choices) > 1 else choices[0]
    return _PHRASES[argument.type]


ANY = ("model", "dataset", "deployment")
"""What a baseline may speak of without a name: `of any model`."""


def _ref(cursor: Cursor, what: str) -> Name:
    first = name(cursor, what, quoted=True)
    if first.text == "any" and not first.quoted and cursor.is_word(*ANY):
        kind = name(cursor, what)
        return Name(f"any {kind.text}", first.span.to(kind.span))
    return first


def _words(cursor: Cursor, what: str) -> ListValue:
    return comma_list(cursor, lambda place: _ref(place, what))


def _numbers(cursor: Cursor, what: str) -> ListValue:
    return comma_list(cursor, lambda place: number(place, what))


def _part(cursor: Cursor) -> Entry:
    key = name(cursor, _PHRASES["parts"], dotted=False)
    share = number(cursor, "a share such as `70%`")
    return Entry(key, share, key.span.to(share.span))


def _feasible(cursor: Cursor) -> Entry:
    key = name(cursor, _PHRASES["entries"], dotted=False)
    value = text(cursor, "a text in quotes")
    return Entry(key, value, key.span.to(value.span))


def _entries(read: Callable[[Cursor], Entry]) -> Callable[[Cursor, str], MappingValue]:
    def entries(cursor: Cursor, _what: str) -> MappingValue:
        found = [read(cursor)]
        while cursor.kind == "COMMA":
            cursor.take()
            found.append(read(cursor))
        return MappingValue(tuple(found), found[0].span.to(found[-1].span))

    return entries


def _steps(cursor: Cursor, what: str) -> ListValue:
    found = [number(cursor, what)]
    while cursor.kind == "ARROW":
        cursor.take()
        found.append(number(cursor, what))
    return ListValue(tuple(found), found[0].span.to(found[-1].span))


def _ref_or_text(cursor: Cursor, what: str) -> Name | Text:
    return text(cursor, what) if cursor.kind in {"TEXT", "LONG_TEXT"} else name(cursor, what)


def _quantity(cursor: Cursor, what: str) -> Number:
    return number(cursor, what, UNITS)


_READERS: dict[str, Callable[[Cursor, str], Value]] = {
    "word": lambda cursor, what: name(cursor, what, dotted=False),
    "ref": _ref,
    "words": _words,
    "numbers": _numbers,
    "text": text,
    "integer": integer,
    "duration": duration,
    "date": date,
    "control": lambda cursor, _what: control(cursor),
    "parts": _entries(_part),
    "entries": _entries(_feasible),
    "quantity": _quantity,
    "steps": _steps,
    "ref or text": _ref_or_text,
}
