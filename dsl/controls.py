"""The one shape of every control: metric, scope, bound, confidence, duration, reaction."""

from msgspec import Struct

from charter.dsl.ast import Call, Control, Name, Number, Reaction, Text
from charter.dsl.cursor import Cursor
from charter.dsl.suggest import did_you_mean
from charter.dsl.units import COUNT_UNITS, DURATION_UNITS, UNITS
from charter.dsl.values import call, expected, name, number, text
from charter.dsl.vocabulary import COMPARISONS

_SCOPE_WORDS = ("of", "over", "under", "on")
_TAIL_WORDS = ("with", "for", "graded", "otherwise", "enforce")
_MEANT = {"=": "==", "=>": ">=", "=<": "<=", "≥": ">=", "≤": "<="}


class _Scope(Struct):
    """What stands between the metric and its bound."""

    each: Name | None = None
    over: Name | None = None
    attack: Call | None = None
    on: Name | None = None


class _Tail(Struct):
    """What stands behind the bound."""

    confidence: Number | Name | None = None
    lasting: Number | None = None
    graded: Name | None = None
    reaction: Reaction | None = None
    enforce: Name | None = None


def control(cursor: Cursor) -> Control:
    """A control, up to the end of the line."""
    metric = name(cursor, "the name of a metric")
    scope = _scope(cursor)
    comparison: str | None = None
    bound: Number | Name | Text | None = None
    reference: Name | None = None
    margin: Number | Name | None = None
    if cursor.is_word("not"):
        reference, margin = _not_worse_than(cursor)
    else:
        comparison = _comparison(cursor)
        bound = _bound(cursor)
    tail = _tail(cursor)
    return Control(
        metric,
        comparison,
        bound,
        cursor.since(metric.span.start),
        each=scope.each,
        over=scope.over,
        attack=scope.attack,
        on=scope.on,
        not_worse_than=reference,
        margin=margin,
        confidence=tail.confidence,
        lasting=tail.lasting,
        graded=tail.graded,
        reaction=tail.reaction,
        enforce=tail.enforce,
    )


def _scope(cursor: Cursor) -> _Scope:
    scope = _Scope()
    while True:
        if cursor.is_word("of") and scope.each is None:
            cursor.take()
            _word(cursor, "each")
            scope.each = name(cursor, "the name of a column, or `feature`", quoted=True)
        elif cursor.is_word("over") and scope.over is None:
            cursor.take()
            scope.over = name(cursor, "the name of a column", quoted=True)
        elif cursor.is_word("under") and scope.attack is None:
            cursor.take()
            _word(cursor, "attack")
            scope.attack = call(cursor, "the name of an attack")
        elif cursor.is_word("on") and scope.on is None:
            cursor.take()
            scope.on = name(cursor, "the name of a dataset")
        else:
            return scope


def _word(cursor: Cursor, *words: str) -> None:
    for word in words:
        if not cursor.is_word(word):
            raise expected(cursor, f"`{word}`")
        cursor.take()


def _hint(cursor: Cursor, words: tuple[str, ...] | frozenset[str]) -> str:
    return did_you_mean(cursor.text, words) if cursor.kind == "NAME" else ""


def _comparison(cursor: Cursor) -> str:
    sign = cursor.text
    if cursor.kind == "COMPARE" and sign in COMPARISONS:
        cursor.take()
        return sign
    hint = f" Did you mean `{_MEANT[sign]}`?" if sign in _MEANT else _hint(cursor, (*_SCOPE_WORDS, "not"))
    raise expected(cursor, "a comparison (`>=`, `<=`, `>`, `<` or `==`)", hint)


def _bound(cursor: Cursor) -> Number | Name | Text:
    if cursor.kind == "TEXT":
        return text(cursor, "a bound")
    return _amount(cursor, "a bound (a number, a percentage or the name of a parameter)", UNITS)


def _amount(cursor: Cursor, what: str, units: frozenset[str] | None = None) -> Number | Name:
    if cursor.kind == "NAME" and not cursor.is_word(*_TAIL_WORDS):
        return name(cursor, what)
    return number(cursor, what, units)


def _not_worse_than(cursor: Cursor) -> tuple[Name, Number | Name | None]:
    _word(cursor, "not", "worse", "than")
    reference = name(cursor, "what to compare with, such as `champion`,")
    if not cursor.is_word("by"):
        return reference, None
    _word(cursor, "by", "more", "than")
    return reference, _amount(cursor, "a margin such as `0.01`")


def _tail(cursor: Cursor) -> _Tail:
    tail = _Tail()
    while cursor.kind != "END":
        if cursor.is_word("with") and tail.confidence is None:
            _word(cursor, "with", "confidence")
            tail.confidence = _amount(cursor, "a confidence such as `95%`")
        elif cursor.is_word("for") and tail.lasting is None:
            cursor.take()
            tail.lasting = _lasting(cursor)
        elif cursor.is_word("graded") and tail.graded is None:
            cursor.take()
            tail.graded = name(cursor, "a grade (`attested` or `reproduced`)", dotted=False)
        elif cursor.is_word("otherwise") and tail.reaction is None:
            tail.reaction = _reaction(cursor)
        elif cursor.is_word("enforce") and tail.enforce is None:
            cursor.take()
            tail.enforce = name(cursor, "`advisory`, `mandatory` or `absolute`", dotted=False)
        else:
            what = "the end of the line, `with confidence`, `for`, `graded`, `otherwise` or `enforce`"
            raise expected(cursor, what, _hint(cursor, UNITS | frozenset(_TAIL_WORDS)))
    return tail


def _lasting(cursor: Cursor) -> Number:
    start = cursor.index
    value = number(cursor, "a duration or a number of checks", DURATION_UNITS | COUNT_UNITS)
    if value.unit is None or value.unit == "%":
        hint = _hint(cursor, DURATION_UNITS | COUNT_UNITS)
        if value.unit == "%":
            cursor.index = start
        raise expected(cursor, "a unit (`minutes`, `hours`, `days`, `checks`)", hint)
    return value


def _reaction(cursor: Cursor) -> Reaction:
    start = cursor.take().start
    action = name(cursor, "a reaction (`retrain`, `rollback` or `alert` with a role)", dotted=False)
    to = None
    if cursor.kind == "NAME" and not cursor.is_word(*_TAIL_WORDS):
        to = name(cursor, "a role")
    return Reaction(action, to, cursor.since(start))
