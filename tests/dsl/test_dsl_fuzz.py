"""Whatever the text: parsing never raises, places lie in the text, and nothing unprintable is shown."""

import re
from pathlib import Path

import pytest
from dsl_base import CREDIT
from dsl_properties import PROPERTIES, check_assist, check_lexer, check_parser
from hypothesis import example, given, settings
from hypothesis import strategies as st

KEPT = Path(__file__).parents[1] / "fuzz" / "cases"
"""Texts that fuzzing found, and that broke something once."""

TEXT = CREDIT.read_text("utf-8")
WORDS = re.findall(r"\n|\"[^\"\n]*\"|[\w.-]+|[^\w\s]|[ ]+", TEXT)
SIGNS = ["{", "}", "[", "]", "(", ")", ",", ":", "=", "->", "..", '"', '"""', "\n", "\r", "\\", "#", "%", "≥"]
OTHERS = ["\x00", "\ud800", "\u202e", "\ufeff", "\u2028", "é", "٣", "1e999", "2027-1-1", "\t", "\x1b[31m"]

soups = st.lists(st.sampled_from(WORDS) | st.sampled_from(SIGNS) | st.sampled_from(OTHERS), max_size=60).map(" ".join)
any_text = st.text(st.characters(exclude_categories=()), max_size=200)


@st.composite
def mutilated(draw: st.DrawFn) -> str:
    """A part of the credit charter with some pieces cut out, doubled or replaced."""
    start = draw(st.integers(0, len(TEXT) - 1))
    text = TEXT[start : start + draw(st.integers(1, 900))]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        text = text[:at] + draw(st.sampled_from([*SIGNS, *OTHERS, ""])) + text[at + length :]
    return text


@given(any_text)
@settings(max_examples=150, deadline=None)
def test_any_text(text: str) -> None:
    check_lexer(text)
    check_parser(text)


@given(soups)
@settings(max_examples=250, deadline=None)
@example("model m {\n parameters { a : {")
@example('objective o { problem """ model x {\n')
def test_soup_of_tokens(text: str) -> None:
    check_lexer(text)
    check_parser(text)


@given(mutilated())
@settings(max_examples=250, deadline=None)
def test_mutilated_charter(text: str) -> None:
    check_lexer(text)
    check_parser(text)


@given(mutilated() | soups)
@settings(max_examples=60, deadline=None)
def test_completion_and_hover_in_any_text(text: str) -> None:
    check_assist(text)


@pytest.mark.parametrize("path", sorted(KEPT.iterdir()), ids=lambda path: path.name)
def test_what_once_broke(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    for check in PROPERTIES:
        check(text)
