"""`charter fmt` changes white space and nothing else, once and for all, and leaves alone what it cannot read."""

import time
from pathlib import Path

import pytest
from dsl_base import CREDIT
from dsl_properties import check_layout
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_dsl_fuzz import SIGNS, WORDS, any_text, mutilated, soups

from charter.dsl.collector import collector_paused
from charter.dsl.diagnostics import has_errors
from charter.dsl.format import format_source
from charter.dsl.lexer import tokens
from charter.dsl.source import Source

CASES = Path(__file__).parents[1] / "cases"
EXAMPLES = Path(__file__).parents[2] / "examples"
ALL = sorted(CASES.glob("**/*.charter"))


def formatted(text: str) -> str:
    result, found = format_source(Source("x", text))
    assert result is not None, found
    return result


def scattered(text: str, blanks: list[str]) -> str:
    """The text with other blank space between its words, lines as they are."""
    pieces: list[str] = []
    for number, token in enumerate(tokens(text)):
        pieces.append(blanks[number % len(blanks)])
        pieces.append("\n" * (1 + number % 3) if token.kind == "_NEWLINE" else token.text)
    return "".join(pieces)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_every_case(path: Path, line_end: str) -> None:
    check_layout(path.read_text("utf-8").replace("\n", line_end))


@given(any_text)
@settings(max_examples=60, deadline=None)
def test_any_text(text: str) -> None:
    check_layout(text)


@given(soups)
@settings(max_examples=200, deadline=None)
@example("a {\nwith x\n}")
@example("a { b: 1,\n\n c: 2 }")
@example("a { b:\n{ c: 1 } }")
@example("a [\n1 ,\n[2]\n]")
@example('a """ \r\n x"""')
@example("# only a comment")
@example("a , # x\n\n\n # y\n b")
@example("model m {\nparameters {\nmodel: 1\n}\n}")
def test_soup_of_tokens(text: str) -> None:
    check_layout(text)


@given(mutilated())
@settings(max_examples=200, deadline=None)
def test_mutilated_charter(text: str) -> None:
    check_layout(text)


WORD = st.sampled_from([word for word in WORDS if word.strip() and word not in SIGNS and not word.startswith("#")])
VALUES = st.deferred(
    lambda: WORD | st.lists(WORD, max_size=3).map(lambda items: f"[{' , '.join(items)}]") | st.just("5 %")
)
BREAKS = st.sampled_from(["\n", "\n\n\n", " # why\n", "\n  # alone\n", " \t\n", "\n# one\n\n# two\n# three\n\n"])
PIECES = st.lists(VALUES, min_size=1, max_size=4).map("  ".join)
PAIRS = st.lists(st.tuples(WORD, VALUES), min_size=1, max_size=3).map(lambda found: [f"{k}:{v}" for k, v in found])


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0) -> str:
    """Lines, pairs and blocks within blocks, which are balanced."""
    if draw(st.booleans()):
        body = draw(st.sampled_from([",", " ,\n", "\n", ",\n # x\n"])).join(draw(PAIRS))
    else:
        lines = [draw(PIECES if depth > 2 or draw(st.booleans()) else blocks(depth + 1)) for _ in range(2)]
        body = draw(BREAKS).join(lines)
    around = st.sampled_from(["", "\n", " # x\n", "\n\n", "\n# y\n"])
    return f"{draw(PIECES)} {{{draw(around)}{body}{draw(around)}}}"


@given(st.lists(blocks() | PIECES, max_size=4), st.lists(BREAKS, min_size=5, max_size=5))
@settings(max_examples=200, deadline=None)
def test_balanced_blocks(pieces: list[str], breaks: list[str]) -> None:
    check_layout("".join(f"{piece}{line_end}" for piece, line_end in zip(pieces, breaks, strict=False)))


@given(st.lists(st.sampled_from(["", " ", "  ", "\t", "    "]), min_size=3, max_size=7))
@settings(max_examples=50, deadline=None)
def test_blank_space_does_not_matter(blanks: list[str]) -> None:
    text = scattered(CREDIT.read_text("utf-8"), [blank or " " for blank in blanks])
    check_layout(text)


PLAIN = """\
charter 1

lifecycle x {
  version "1"
  owner "me"  # who
  # how
  risk high
}

parameter a = 0.75
parameter b = 5%

approval release of m {
  by risk-officer quorum 2
  excluding owner,
      trainer
  valid 30 days
}
"""

UGLY = """\


charter   1
lifecycle x {

version "1"\t
     owner   "me"# who
  # how
  risk high

}
parameter a=0.75
parameter b = 5 %
approval release of m {
by risk-officer quorum 2
 excluding owner   ,

 trainer
   valid 30days }


"""


def test_layout() -> None:
    assert formatted(PLAIN) == PLAIN
    # The author set this block in columns.
    in_columns = PLAIN.replace('owner "me"  #', 'owner   "me"  #').replace("risk high", "risk    high")
    assert formatted(UGLY) == in_columns


def test_columns_follow_the_longest_keyword() -> None:
    text = "model m {\n  task  x\n  validate on a\n  parameters { a: 1 }\n  limits {\n    b: 2\n  }\n}\n"
    assert formatted(text) == (
        "model m {\n  task        x\n  validate on a\n  parameters  { a: 1 }\n  limits {\n    b: 2\n  }\n}\n"
    )


def test_comments_of_lines_that_follow_each_other_stand_in_a_column() -> None:
    text = "role r {# a\n members at least 1# b\n}\n# c\n\nrole s {\n}  #d\n"
    assert formatted(text) == ("role r {              # a\n  members at least 1  # b\n}\n# c\n\nrole s {\n}  #d\n")


def test_long_text_is_not_touched() -> None:
    long = 'problem """  a\t \n\n\n   # no comment  \n  { b  """'
    assert formatted(f"objective o {{\n{long}\n}}\n") == f"objective o {{\n  {long}\n}}\n"


def test_byte_for_byte_but_for_line_ends() -> None:
    text = 'objective o {\r\nproblem """ a \r\n  b"""\r\n}\r\n'
    assert formatted(text) == 'objective o {\n  problem """ a \n  b"""\n}\n'


def test_nested_lists() -> None:
    text = "model m {\nparameters {\na: [\n[1,\n2],\n[ 3 ]\n]\n}\n}"
    assert formatted(text) == (
        "model m {\n  parameters {\n    a: [\n        [1,\n            2],\n        [3]\n    ]\n  }\n}\n"
    )


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("\n \n", ""),
        ("# a", "# a\n"),
        ("\n\n# a\n\n\n\n# b\n\n", "# a\n\n# b\n"),
        ("charter 1", "charter 1\n"),
        ("charter 1\n# about x\nrole x {\n}", "charter 1\n\n# about x\nrole x {\n}\n"),
        ("charter 1\n# of the file\n\nrole x {\n}", "charter 1\n# of the file\n\nrole x {\n}\n"),
        ("role x { members at least 1 }\nrole y {}", "role x { members at least 1 }\nrole y {}\n"),
        ("role x {members at least 1\n}", "role x {\n  members at least 1\n}\n"),
        ("x 1e-4..1e-2 log", "x 1e-4 .. 1e-2 log\n"),
        ("x f( eps:0.05 ,b : [ 1,2 ] )", "x f(eps: 0.05, b: [1, 2])\n"),
        ("x 10%->20%\n->30%", "x 10% -> 20%\n    -> 30%\n"),
        ("x a\n # why\n  with confidence 95%", "x a\n    # why\n    with confidence 95%\n"),
        ("x 10minutes 4GB", "x 10 minutes 4 GB\n"),
    ],
)
def test_small_texts(text: str, result: str) -> None:
    assert formatted(text) == result


@pytest.mark.parametrize(
    "text",
    [
        "role r {",
        "}",
        'x "open',
        'x """ open',
        "x ≥≥ ;",
        "charter 1\u202e",
        "a\rb",
        "x [1",
        "{" * 100_000,
        "a {\n" * 100 + "}\n" * 100,
        "x\n{\n}",
        "charter 1\nmodel m {\nrole r {\nmembers at least 1\n}\n}\n",
    ],
)
def test_what_cannot_be_read_is_left_alone(text: str) -> None:
    result, found = format_source(Source("x", text))
    assert result is None
    assert has_errors(found)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.charter")), ids=lambda path: path.stem)
def test_examples_are_in_the_layout(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text) == text


SHAPES = {
    "one long line": lambda n: "a," * n + "b",
    "pairs on a line": lambda n: "a { " + "b: 1, " * n + "}",
    "list over lines": lambda n: "a { b: [" + "1,\n" * n + "] }",
    "comments": lambda n: "a # b\n# c\n" * n,
    "clauses": lambda n: "model a {\n" + "require x >= 1 # c\n" * n + "}",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_cost_grows_with_the_length(shape: str) -> None:
    formatted("a")
    seconds = []
    for count in (4_000, 32_000):
        text = SHAPES[shape](count)
        with collector_paused():  # it walks over all that other tests have left in this process
            started = time.process_time()
            formatted(text)
            seconds.append(time.process_time() - started)
    # Eight times the text: were the cost quadratic, it would be 64 times; small times are noise.
    assert seconds[1] < 24 * max(seconds[0], 0.02), seconds
