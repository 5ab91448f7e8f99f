"""Texts that were made to take for ever, or all of the memory."""

import subprocess
import sys
import time
from itertools import pairwise

import pytest
from dsl_base import CREDIT, codes_of

from charter.dsl import parse as parsing
from charter.dsl.parse import parse
from charter.dsl.source import Source

MANY = 8_000

# Each is made of n repetitions; reading must cost in proportion to n, and end in a message.
SHAPES = {
    "braces": lambda n: "{" * n,
    "braces closed": lambda n: "{" * n + "}" * n,
    "blocks": lambda n: "model x {\n" * n + "}\n" * n,
    "blocks open": lambda n: "model x {\n" * n,
    "unknown blocks": lambda n: "a {\n" * n + "}\n" * n,
    "brackets": lambda n: "charter 1\nmodel x {\nparameters { a: " + "[" * n + "]" * n + " }\n}\n",
    "brackets open": lambda n: "charter 1\nmodel x {\nparameters { a: " + "[" * n + " }\n}\n",
    "mappings": lambda n: "charter 1\nmodel x {\nparameters " + "{ a: " * n + "1" + " }" * n + "\n}\n",
    "mappings open": lambda n: "charter 1\nmodel x {\nparameters " + "{ a: " * n + "\n}\n",
    "parentheses": lambda n: "charter 1\nmodel x {\nrequire a under attack f" + "(" * n + "\n}\n",
    "closing": lambda n: "}" * n,
    "commas": lambda n: "," * n,
    "quotes": lambda n: '"' * n,
    "escaped long texts": lambda n: '"""\\' * n,
    "long texts that are never closed": lambda n: 'problem """\n' + 'problem \\"""\n' * n,
    "long texts on lines": lambda n: 'problem """\\"""\n' * n,
    "long texts in declarations": lambda n: 'model """\\"""\n' * n,
    "run-on clauses": lambda n: "approval x of y {\n" + "after a,\n" * n + "}\n",
    "run-on brackets": lambda n: "approval x of y {\n" + "valid [\n" * n + "}\n",
    "run-on declarations": lambda n: "parameter a =\n" * n,
    "unknown clauses": lambda n: "model x {\n" + "".join(f"foo{i} bar\n" for i in range(n)),
    "unknown declarations": lambda n: "".join(f"foo{i} bar {{\n" for i in range(n)),
    "open declarations": lambda n: "".join(f"model m{i} {{\n" for i in range(n)),
    "hidden characters": lambda n: "charter 1 \u202e\n" * n,
    "carriage returns": lambda n: "charter 1\r" * n,
    "one long line": lambda n: "charter 1\nrole r {\n" + "members at { least } " * n,
    "backslashes": lambda n: 'charter 1\nlifecycle x {\nversion "' + "\\" * n + '"\n}',
    "comment of hashes": lambda n: "charter 1 " + "# " * n + "\n%",
    "long name": lambda n: "x" * n,
    "long number": lambda n: "charter " + "1" * n,
    "arrows": lambda n: "charter 1\ndeployment d of m {\nrollout " + "-> \n" * n + "}",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_cost_grows_with_the_length(shape: str) -> None:
    parse(Source("warm", "charter 1"))
    seconds = []
    for count in (MANY // 8, MANY):
        text = SHAPES[shape](count)
        started = time.process_time()
        _, found = parse(Source("x", text))
        seconds.append(time.process_time() - started)
        assert 1 <= len(found) <= 201
    # Eight times the text: were the cost quadratic, it would be 64 times; small times are noise.
    assert all(after < 30 * max(before, 0.02) for before, after in pairwise(seconds)), seconds


def test_many_mistakes_end_in_a_last_word() -> None:
    codes = codes_of("charter 1\nrole r {\n" + "foo bar\n" * 1000 + "}\n")
    assert codes.count("CH0050") == 200
    assert codes.count("CH0040") == 1
    assert len(codes) == 201


def test_too_many_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "MAX_TOKENS", 100)
    assert codes_of(CREDIT.read_text("utf-8")) == ["CH0041"]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\u202e", "\u2066", "\ufeff", "\ud800", "\U000e0041", "\x85"])
@pytest.mark.parametrize("where", ["# {}\ncharter 1\n", "charter 1\nparameter a{}b = 1\n", "{}charter 1\n"])
def test_hidden_characters_are_refused_everywhere(character: str, where: str) -> None:
    codes = codes_of(where.replace("{}", character))
    assert codes.count("CH0007") == 1
    assert "CH0010" not in codes


def test_lone_carriage_return_cannot_hide_a_line() -> None:
    # In a terminal the text behind the carriage return covers the comment.
    assert codes_of("charter 1\nrole r {\n  # harmless\r  members at least 1\n}\n") == ["CH0007"]


def test_joiners_are_letters_of_texts() -> None:
    text = 'charter 1\nretirement of m {\n when age > 1 day\n notify "👩\u200d💻 \u0645\u200c\u062e"\n}\n'
    assert codes_of(text) == []


def test_import_is_cheap() -> None:
    """The door of the language brings in neither lark nor anything of the runtime."""
    heavy = "{'lark', 'rich', 'networkx', 'jinja2', 'torch', 'numpy', 'pandas', 'jsonschema', 'unicodedata'}"
    program = f"import sys, charter.dsl.parse, charter.dsl.load; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
