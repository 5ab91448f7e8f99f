"""The abstract syntax tree: declarations, clauses and values, each with its span.

The tree is uniform: a declaration has clauses, a clause has named arguments. Which clauses and
arguments exist is data, in `vocabulary.py`; what they mean is the compiler's business.
A child's span lies inside its parent's.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from charter.dsl.source import Span


class Name(Struct, frozen=True):
    """A bare word or dotted path: `credit-risk`, `applications.train`, `high`, `>=` never."""

    text: str
    span: Span
    quoted: bool = False
    """Whether it was written in quotes (column names may be)."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The dotted path's parts; a quoted name is one part."""
        return (self.text,) if self.quoted else tuple(self.text.split("."))


class Text(Struct, frozen=True):
    """A quoted string, escapes resolved; of a triple-quoted one, the dedented content."""

    value: str
    span: Span


class Number(Struct, frozen=True):
    """A number as written, with its unit if it has one.

    `5_000` is (5000, None), `70%` is (70, "%"), `10 minutes` is (10, "minutes"), `4 GB` is (4, "GB"),
    `3 checks` is (3, "checks"). What a unit means is decided by the compiler.
    """

    value: Decimal
    unit: str | None
    span: Span
    is_integer: bool = False
    """Written without point and exponent."""


class Date(Struct, frozen=True):
    """An ISO 8601 calendar date as written, `2027-03-31`; validity is checked by the compiler."""

    value: str
    span: Span


class Range(Struct, frozen=True):
    """`1e-4 .. 1e-2 log`."""

    low: Number
    high: Number
    scale: Name | None
    span: Span


class ListValue(Struct, frozen=True):
    """`[64, 32]`, or a bare comma list such as `sex, age_group`."""

    items: tuple["Value", ...]
    span: Span


class Entry(Struct, frozen=True):
    """One `key: value` of a mapping."""

    key: Name
    value: "Value"
    span: Span


class MappingValue(Struct, frozen=True):
    """`{ hidden: [64, 32], seed: 7 }`."""

    entries: tuple[Entry, ...]
    span: Span


class Call(Struct, frozen=True):
    """`fgsm(eps: 0.05)`; without parentheses, no arguments."""

    name: Name
    arguments: tuple[Entry, ...]
    span: Span


class Reaction(Struct, frozen=True):
    """What follows when a control is breached: `otherwise retrain`, `otherwise alert risk-officer`."""

    action: Name
    to: Name | None
    span: Span


class Control(Struct, frozen=True):
    """The one shape of every control.

    `METRIC [of each X | over X | under attack A(...) | on DATA] BOUND [with confidence P]
    [for DURATION | N checks] [graded GRADE] [otherwise REACTION] [enforce LEVEL]`; a BOUND is a comparison, or
    `not worse than REFERENCE by more than MARGIN`.
    """

    metric: Name
    comparison: str | None
    """One of `>= <= > < ==`; None for `not worse than`."""
    bound: Number | Name | Text | None
    """The threshold, or the parameter that holds it; None for `not worse than`."""
    span: Span
    each: Name | None = None
    over: Name | None = None
    attack: Call | None = None
    on: Name | None = None
    not_worse_than: Name | None = None
    margin: Number | Name | None = None
    confidence: Number | Name | None = None
    lasting: Number | None = None
    graded: Name | None = None
    """The least grade of evidence."""
    reaction: Reaction | None = None
    enforce: Name | None = None


Value = Name | Text | Number | Date | Range | ListValue | MappingValue | Call | Control


class Clause(Struct, frozen=True):
    """One statement of a block. `keyword` is its canonical spelling in the vocabulary (`"train on"`).

    `arguments` holds what was given, by the vocabulary's argument names; an optional one that was not
    written is absent. A clause with a block of its own (`prepare {`, `hazard "..." {`) has `children`.
    """

    keyword: str
    keyword_span: Span
    arguments: Mapping[str, Value]
    span: Span
    children: tuple["Clause", ...] = ()


class Declaration(Struct, frozen=True):
    """One top-level block or statement.

    `header` holds the named parts of its first line beyond kind and name: `of`, `on`, `every`, `value`.
    """

    kind: str
    kind_span: Span
    name: Name
    header: Mapping[str, Value]
    header_span: Span
    clauses: tuple[Clause, ...]
    span: Span


class CharterFile(Struct, frozen=True):
    """One parsed file. `edition` is None when the `charter 1` line is missing or unreadable."""

    edition: Number | None
    declarations: tuple[Declaration, ...]
    span: Span
