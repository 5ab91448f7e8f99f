"""The tables of the parser are what lark makes of the grammar, and the parser reads them as lark does."""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

import msgspec
import pytest
from dsl_base import CREDIT
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer

from charter.dsl import lalr
from charter.dsl.lexer import Token, tokens
from charter.dsl.make_tables import GRAMMAR, TABLES, as_text, make_tables

RULES = ("file", "line", "braces", "brackets", "parens", "pair")
KINDS = ("_NEWLINE", "NAME", "NUMBER", "COMMA", "COLON", "LBRACE", "RBRACE", "LSQB", "RSQB", "LPAR", "RPAR")


class LarkToken(Token):
    """A token with what lark borrows for its end of the input."""

    start_pos = end_pos = line = column = end_line = end_column = None


class Made:
    """Both parsers make nested lists: a rule's name and its parts."""

    def __getattr__(self, name: str) -> Any:
        if name not in RULES:
            raise AttributeError(name)
        return lambda parts: [name, *parts]


@cache
def by_lark() -> Lark:
    class Tokens(Lexer):
        def __init__(self, _configuration: object) -> None:
            pass

        def lex(self, given: Any) -> Iterator[Any]:
            return iter(given)

    return Lark(
        GRAMMAR.read_text("utf-8"),
        parser="lalr",
        lexer=Tokens,
        start="file",
        maybe_placeholders=False,
        strict=True,
        transformer=Made(),
    )


def both(given: list[LarkToken]) -> tuple[object, object]:
    """What each parser makes of the tokens: the tree, or the token that does not fit."""
    made = {name: getattr(Made(), name) for name in RULES}
    try:
        ours: object = lalr.parse(lalr.load_tables(), given, made)
    except lalr.Unexpected as unexpected:
        ours = ("unexpected", unexpected.token)
    try:
        theirs: object = by_lark().parse(given)
    except UnexpectedToken as unexpected:
        token = unexpected.token
        theirs = ("unexpected", token if isinstance(token, Token) else None)
    return ours, theirs


def test_the_tables_are_those_of_the_grammar():
    assert TABLES.read_text("utf-8") == as_text(make_tables(GRAMMAR.read_bytes())), (
        "the grammar changed: python -m charter.dsl.make_tables"
    )


def test_a_real_charter_is_read_as_lark_reads_it():
    given = [LarkToken(item.kind, item.text, item.start, item.end) for item in tokens(CREDIT.read_text("utf-8"))]
    ours, theirs = both(given)
    assert ours == theirs
    assert isinstance(ours, list)


@given(st.lists(st.sampled_from(KINDS), max_size=24))
def test_any_tokens_are_read_as_lark_reads_them(kinds: list[str]):
    ours, theirs = both([LarkToken(kind, kind, place, place + 1) for place, kind in enumerate(kinds)])
    assert ours == theirs


PIECES = ("NAME", "NAME COLON NUMBER", "LSQB NAME COMMA NUMBER RSQB", "LPAR NAME COLON NAME RPAR", "_NEWLINE")
BLOCKS = ("LBRACE", "LBRACE _NEWLINE", "RBRACE", "_NEWLINE RBRACE", "COMMA", "COLON")


@given(st.lists(st.sampled_from(PIECES + BLOCKS), max_size=16))
def test_likely_tokens_are_read_as_lark_reads_them(pieces: list[str]):
    kinds = list(chain.from_iterable(piece.split() for piece in pieces))
    ours, theirs = both([LarkToken(kind, kind, place, place + 1) for place, kind in enumerate(kinds)])
    assert ours == theirs


@pytest.mark.parametrize("change", ["rule", "state"])
def test_other_tables_are_noticed(change: str):
    """The comparison can fail: with one entry of the tables changed, the two parsers differ."""
    given = [LarkToken(kind, kind, 0, 1) for kind in ("NAME", "LBRACE", "_NEWLINE", "NAME", "_NEWLINE", "RBRACE")]
    tables = lalr.load_tables()
    if change == "rule":
        rules = [lalr.Rule(rule.name, ("drop",) * len(rule.parts)) for rule in tables.rules]
        tables = msgspec.structs.replace(tables, rules=tuple(rules))
    else:
        tables = msgspec.structs.replace(tables, states=({}, *tables.states[1:]))
    made = {name: getattr(Made(), name) for name in RULES}
    try:
        ours = lalr.parse(tables, given, made)
    except lalr.Unexpected:
        ours = None
    assert ours != by_lark().parse(given)
