"""Whatever the text: parsing never raises, places lie in the text, and nothing unprintable is shown."""

import json
import re

from dsl_base import CREDIT, nodes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charter.dsl.codes import SUMMARIES
from charter.dsl.parse import parse
from charter.dsl.render import render_json, render_text
from charter.dsl.source import Source

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


def check(text: str) -> None:
    source = Source("fuzz.charter", text)
    tree, found = parse(source)
    for node, span, parent in nodes(tree):
        assert 0 <= span.start <= span.end <= len(text)
        assert parent is None or (parent.start <= span.start and span.end <= parent.end), (node, parent)
    assert len(found) <= 201
    for item in found:
        assert item.code in SUMMARIES
        assert item.span is not None
        assert 0 <= item.span.start <= item.span.end <= len(text)
    starts = [item.span.start for item in found if item.span is not None]
    assert starts == sorted(starts)
    shown = render_text(found, {source.path: source}, color=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert len(json.loads(render_json(found, {source.path: source}))) == len(found)
    shown.encode("utf-8")


@given(any_text)
@settings(max_examples=150, deadline=None)
def test_any_text(text: str) -> None:
    check(text)


@given(soups)
@settings(max_examples=250, deadline=None)
@example("model m {\n parameters { a : {")
@example('objective o { problem """ model x {\n')
def test_soup_of_tokens(text: str) -> None:
    check(text)


@given(mutilated())
@settings(max_examples=250, deadline=None)
def test_mutilated_charter(text: str) -> None:
    check(text)
