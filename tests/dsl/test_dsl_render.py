"""How findings are shown to people and to programs."""

import json

import msgspec
import pytest
from dsl_base import CREDIT

from charter.dsl.diagnostics import Diagnostic, Related, Severity
from charter.dsl.parse import parse
from charter.dsl.render import render_json, render_text
from charter.dsl.source import Source, Span


def shown(text: str, start: int, end: int, *, color: bool = False, **changes: object) -> str:
    source = Source("a.charter", text)
    item = Diagnostic("CH0050", Severity.ERROR, "unknown clause", "Mend it.", Span("a.charter", start, end))
    return render_text([msgspec.structs.replace(item, **changes)], {source.path: source}, color=color)


def test_place_code_line_and_detail() -> None:
    assert shown("role r {\n  membres 3\n}\n", 11, 18) == (
        "a.charter:2:3: error CH0050: unknown clause\n  2 |   membres 3\n    |   ^^^^^^^\n  Mend it.\n"
    )


def test_related_place() -> None:
    related = (Related(Span("a.charter", 0, 4), "it was said here before"),)
    assert shown("role r {\n  membres 3\n}\n", 11, 18, related=related).endswith(
        "  Mend it.\n  a.charter:1:1: it was said here before\n  1 | role r {\n    | ^^^^\n"
    )


@pytest.mark.parametrize(
    ("text", "start", "end", "line", "marks"),
    [
        ("abc\n", 3, 3, "abc", "   ^"),  # behind the line
        ("", 0, 0, None, None),
        ("a\n\nb\n", 2, 2, "", "^"),  # an empty line
        ("\tx y\n", 3, 4, "    x y", "      ^"),  # tabs take their room
        ("日本 y\n", 3, 4, "日本 y", "     ^"),  # wide letters take two cells
        ("e\u0301 y\n", 3, 4, "e\u0301 y", "  ^"),  # combining ones none
        ("one two\nthree\n", 4, 13, "one two", "    ^^^"),  # only the first line of several
        ("a\r\nb\r\n", 3, 4, "b", "^"),
        ("a\x1b[31m\u202eb\n", 7, 8, "a<U+001B>[31m<U+202E>b", " " * 21 + "^"),
        ("a\ud800b\n", 1, 2, "a<U+D800>b", " ^^^^^^^^"),
    ],
)
def test_underlining(text: str, start: int, end: int, line: str | None, marks: str | None) -> None:
    lines = shown(text, start, end).split("\n")
    if line is None:
        assert lines[1] == "  Mend it."
    else:
        assert lines[1].partition("|")[2].removeprefix(" ") == line
        assert lines[2].partition("|")[2].removeprefix(" ") == marks


def test_long_line_is_cut_around_the_place() -> None:
    text = "x " * 5_000 + "HERE" + " y" * 5_000
    lines = shown(text, 10_000, 10_004).split("\n")
    assert all(len(line) < 130 for line in lines)
    column = lines[2].index("^")
    assert lines[1][column : column + 4] == "HERE"
    assert lines[2].count("^") == 4
    assert lines[1].count("…") == 2


def test_nothing_of_the_user_reaches_the_terminal_raw() -> None:
    out = shown("x", 0, 1, detail="`\x1b]0;title\x07` and \u202e", summary="evil\r\nsummary")
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\r" not in out
    source = Source("a\x1b[2J\n.charter", "x")
    item = Diagnostic("CH0050", Severity.ERROR, "s", "d", Span(source.path, 0, 1))
    assert render_text([item], {source.path: source}, color=False).startswith("a<U+001B>[2J<U+000A>.charter:1:1: ")


def test_long_detail_is_wrapped_and_quotes_are_kept_whole() -> None:
    out = shown("x", 0, 1, detail="word " * 17 + "`by risk-officer quorum 2` and more " + "word " * 20)
    assert "`by risk-officer quorum 2`" in out
    assert max(map(len, out.split("\n"))) <= 100


def test_color_changes_nothing_but_color() -> None:
    plain = shown("role r {\n  membres 3\n}\n", 11, 18)
    colored = shown("role r {\n  membres 3\n}\n", 11, 18, color=True)
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m"):
        assert code in colored
        colored = colored.replace(code, "")
    assert colored == plain


def test_without_a_place_or_a_source() -> None:
    item = Diagnostic("CH0050", Severity.WARNING, "unknown clause", "Mend it.", None)
    assert render_text([item], {}, color=False) == "warning CH0050: unknown clause\n  Mend it.\n"
    item = Diagnostic("CH0050", Severity.NOTE, "unknown clause", "Mend it.", Span("b.charter", 5, 6))
    assert render_text([item], {}, color=False) == "b.charter: note CH0050: unknown clause\n  Mend it.\n"
    assert json.loads(render_json([item], {}))[0]["start"] is None
    assert render_text([], {}, color=False) == ""


def test_json() -> None:
    text = CREDIT.read_text("utf-8").replace("risk     high", "risk     hihg").replace("\n", "\r\n")
    source = Source("a.charter", text)
    (found,) = json.loads(render_json(parse(source)[1], {source.path: source}))
    assert found["code"] == "CH0054"
    assert found["severity"] == "error"
    assert found["path"] == "a.charter"
    assert (found["start"]["line"], found["start"]["column"]) == (7, 12)
    assert (found["end"]["line"], found["end"]["column"]) == (7, 16)
    assert text[found["start"]["offset"] : found["end"]["offset"]] == "hihg"
    assert found["related"] == []
    assert "`high`" in found["detail"]
