"""What must hold of any text whatever: of its tokens, its tree and its findings, and of its layout.

The tests give these properties to hypothesis, `tests/fuzz/fuzz_language.py` to atheris.
"""

import json
import re
from itertools import pairwise
from pathlib import Path

from dsl_base import nodes, plain

from charter.compiler.compile import check_charter
from charter.dsl.assist import complete, hover
from charter.dsl.codes import SUMMARIES
from charter.dsl.diagnostics import has_errors
from charter.dsl.findings import MOST
from charter.dsl.format import format_source
from charter.dsl.lexer import tokens
from charter.dsl.parse import parse
from charter.dsl.render import render_json, render_text
from charter.dsl.source import Source

NOWHERE = Path(__file__).parent.parent / "fuzz" / "cases" / "any.charter"
"""Where a text that is no file is said to be: what it imports would be looked for there."""


def check_lexer(text: str) -> None:
    """Tokens stand in their order where they say; what lies between them is blank or a comment."""
    found = list(tokens(text))
    assert all(text[token.start : token.end] == token.text and token.text for token in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    ends = [0, *(token.end for token in found)]
    starts = [*(token.start for token in found), len(text)]
    for end, start in zip(ends, starts, strict=True):
        assert re.fullmatch(r"(?:[ \t\r\ufeff]|\n|#[^\n]*)*", text[end:start]), text[end:start]


def check_parser(text: str) -> None:
    """Nothing is raised, every place lies in the text and in its parent's, and nothing unprintable is shown."""
    source = Source("fuzz.charter", text)
    tree, found = parse(source)
    for node, span, parent in nodes(tree):
        assert 0 <= span.start <= span.end <= len(text)
        assert parent is None or (parent.start <= span.start and span.end <= parent.end), (node, parent)
    assert len(found) <= MOST + 1
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


def words_of(text: str) -> list[str]:
    """Every word, sign and comment in its order; a text over several lines with its line ends unified."""
    found: list[str] = []
    end = 0
    for token in tokens(text):
        found += comments_in(text[end : token.start])
        if token.kind == "_NEWLINE":
            end = token.start
            continue
        if token.text == "%" and found and re.fullmatch(r"-?[0-9][0-9_.eE+-]*", found[-1]):
            found[-1] += "%"
        else:
            found.append(token.text.replace("\r\n", "\n"))
        end = token.end
    return found + comments_in(text[end:])


def comments_in(gap: str) -> list[str]:
    return [comment.rstrip(" \t\r") for comment in re.findall("#[^\n]*", gap)]


def check_layout(text: str) -> None:
    """Either nothing but white space changes, once and for all, or the text is left alone with the reason."""
    result, found = format_source(Source("x", text))
    if result is None:
        assert has_errors(found)
        return
    assert found == ()
    assert words_of(result) == words_of(text)
    again, _ = format_source(Source("x", result))
    assert again == result
    assert "\r" not in result
    assert result == "" or (result.endswith("\n") and not result.endswith("\n\n"))
    tree, mistakes = parse(Source("x", text))
    if "CH0015" in {item.code for item in mistakes}:
        return
    tree_after, mistakes_after = parse(Source("x", result))
    assert plain(tree_after) == plain(tree)
    assert [item.code for item in mistakes_after] == [item.code for item in mistakes]


def check_assist(text: str) -> None:
    """Completion and hover answer at every place, and what they answer about is there."""
    for offset in {*range(0, len(text) + 1, 1 + len(text) // 16), len(text)}:
        for item in complete(text, offset, {"roc_auc": "A metric."}):
            assert 0 <= item.start <= offset <= item.end <= len(text)
            assert item.text.startswith(text[item.start : offset])
        shown = hover(text, offset)
        assert shown is None or (0 <= shown.start < shown.end <= len(text) and shown.text)


def check_compiler(text: str) -> None:
    """The compiler answers with findings, and with a draft exactly when none is an error."""
    result = check_charter(NOWHERE, as_text=text)
    assert (result.draft is None) == any(item.severity == "error" for item in result.diagnostics)


PROPERTIES = (check_lexer, check_parser, check_layout, check_assist, check_compiler)
