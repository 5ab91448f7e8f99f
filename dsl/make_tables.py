"""Writes `grammar.tables.json`: what lark makes of `grammar.lark`, so that no command has to make it again.

python -m charter.dsl.make_tables     (a test says when it must be run)

Building the tables takes lark 0.1 s and its import another 0.1 s, which would be most of `charter check`.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GRAMMAR = Path(__file__).with_name("grammar.lark")
TABLES = Path(__file__).with_name("grammar.tables.json")


def make_tables(grammar: bytes) -> dict[str, Any]:
    """The LALR(1) tables of a grammar without conflicts, as `lalr.Tables` wants them."""
    from lark import Lark
    from lark.grammar import NonTerminal, Symbol
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class Nothing(Lexer):
        """The grammar's terminals are made in `lexer.py`."""

        def __init__(self, _configuration: object) -> None:
            pass

        def lex(self, _state: Any, _parser: Any) -> Iterator[Any]:
            raise NotImplementedError

    built = Lark(grammar.decode(), parser="lalr", lexer=Nothing, start="file", maybe_placeholders=False, strict=True)
    parser: Any = built.parser
    table = parser.parser._parse_table
    rules = list(dict.fromkeys(parser.parser_conf.rules))
    numbers = {rule: number for number, rule in enumerate(rules)}

    # lark numbers states as sets come, so differently each time: number them anew, as they are reached.
    order = [table.start_states["file"]]
    for state in order:
        order += (to for _, (made, to) in sorted(table.states[state].items()) if made is Shift and to not in order)
    places = {state: number for number, state in enumerate(dict.fromkeys(order))}

    def part(symbol: Symbol) -> str:
        if isinstance(symbol, NonTerminal):
            return "inline" if symbol.name.startswith("_") else "keep"
        return "drop" if symbol.filter_out else "keep"  # type: ignore[attr-defined]

    def action(made: tuple[Any, Any]) -> int:
        return places[made[1]] if made[0] is Shift else -1 - numbers[made[1]]

    return {
        "grammar": hashlib.sha256(grammar).hexdigest(),
        "start": 0,
        "end": places[table.end_states["file"]],
        "rules": [[rule.origin.name, [part(symbol) for symbol in rule.expansion]] for rule in rules],
        "states": [{name: action(made) for name, made in row.items()} for row in map(table.states.get, places)],
    }


def as_text(tables: dict[str, Any]) -> str:
    """One rule and one state a line, so that a change of the grammar shows as one."""
    lines = []
    for key, value in tables.items():
        if isinstance(value, list):
            inner = ",\n  ".join(json.dumps(item, sort_keys=isinstance(item, dict)) for item in value)
            lines.append(f'"{key}": [\n  {inner}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    return "{" + ",\n".join(lines) + "}\n"


if __name__ == "__main__":
    TABLES.write_text(as_text(make_tables(GRAMMAR.read_bytes())), "utf-8")
