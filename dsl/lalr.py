"""A shift-reduce parser over `grammar.tables.json`, which lark made of `grammar.lark` (Aho, Sethi, Ullman, 4.7)."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct

from charter.dsl.lexer import Token

TABLES = Path(__file__).with_name("grammar.tables.json")
_END = "$END"


class Unexpected(Exception):
    """No rule goes on with `token`; None is the end of the text."""

    def __init__(self, token: Token | None) -> None:
        super().__init__(token)
        self.token = token


class Rule(Struct, frozen=True):
    """One production.

    Attributes:
        name: what it makes; a name with `_` in front is lark's own, and its parts are its user's parts.
        parts: for each symbol `keep`, `drop`, or `inline`.
    """

    name: str
    parts: tuple[str, ...]


class Tables(Struct, frozen=True):
    """LALR(1) tables.

    Attributes:
        states: for each state what a symbol does: shift to (or go to) that state, or reduce by rule `-1 - n`.
        end: the state in which the end of the text completes the file.
    """

    rules: tuple[Rule, ...]
    states: tuple[Mapping[str, int], ...]
    start: int
    end: int


def load_tables() -> Tables:
    """The tables of the language."""
    made = json.loads(TABLES.read_bytes())
    rules = tuple(Rule(name, tuple(parts)) for name, parts in made["rules"])
    return Tables(rules, tuple(made["states"]), made["start"], made["end"])


def parse(tables: Tables, tokens: Iterable[Token], make: Mapping[str, Callable[[list[Any]], Any]]) -> Any:
    """What `make` makes of the whole text, with the parts of each rule as they complete.

    Raises:
        Unexpected: at the first token that no rule allows.
    """
    rows = tables.states
    states = [tables.start]
    values: list[Any] = []
    for token in chain(tokens, (None,)):
        symbol = token.type if token is not None else _END
        while (action := rows[states[-1]].get(symbol)) is not None and action < 0:
            rule = tables.rules[-1 - action]
            size = len(rule.parts)
            parts = _parts(rule, values[-size:]) if size else []
            if size:
                del states[-size:], values[-size:]
            values.append(parts if rule.name[0] == "_" else make[rule.name](parts))
            states.append(rows[states[-1]][rule.name])
            if token is None and states[-1] == tables.end:
                return values[-1]
        if action is None:
            raise Unexpected(token)
        states.append(action)
        values.append(token)
    raise AssertionError("the end of the text is either allowed or not")


def _parts(rule: Rule, values: list[Any]) -> list[Any]:
    parts: list[Any] = []
    for how, value in zip(rule.parts, values, strict=True):
        if how == "keep":
            parts.append(value)
        elif how == "inline":
            if parts:
                parts += value
            else:  # a repetition is left-recursive: to copy what it has so far would cost the square of its length
                parts = value
    return parts
