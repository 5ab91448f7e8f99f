"""Findings as workflow commands: one line each, from which nothing of the user's breaks out."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from test_dsl_fuzz import any_text, mutilated

from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic, Related, Severity
from charter.dsl.github import command, render_github
from charter.dsl.parse import parse
from charter.dsl.source import Source, Span

SYNTAX = sorted((Path(__file__).parents[1] / "cases" / "syntax").glob("*.charter"))
# What GitHub's runner reads: a command, properties, and the message.
LINE = re.compile(r"::(error|warning|notice) ((?:[a-zA-Z]+=[^,:\r\n]*,?)*)::([^\r\n]*)")


def commands_of(source: Source) -> list[tuple[str, dict[str, str], str]]:
    _, found = parse(source)
    shown = render_github(found, {source.path: source})
    lines = shown.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(found)
    read = []
    for line in lines:
        match = LINE.fullmatch(line)
        assert match is not None, line
        properties = dict(item.split("=", 1) for item in match[2].split(","))
        read.append((match[1], properties, match[3]))
    return read


@pytest.mark.parametrize("path", SYNTAX, ids=lambda path: path.stem)
def test_cases(path: Path) -> None:
    source = Source(path.name, path.read_text("utf-8"))
    for kind, properties, message in commands_of(source):
        assert kind == "error"
        assert properties["file"] == path.name
        assert 1 <= int(properties["line"]) <= int(properties["endLine"])
        assert ("endColumn" in properties) == (properties["line"] == properties["endLine"])
        assert properties["title"].startswith("CH")
        assert message


@given(any_text | mutilated())
@settings(max_examples=100, deadline=None)
def test_one_line_each_whatever_the_text(text: str) -> None:
    commands_of(Source("::error file=a,line=1::\n", text))


def test_a_finding() -> None:
    text = "charter 1\nrole r {\n  members at least 3\n  members at least 4\n}\n"
    source = Source("a/x.charter", text)
    assert render_github(parse(source)[1], {"a/x.charter": source}) == (
        "::error file=a/x.charter,line=4,endLine=4,col=3,endColumn=19,title=CH0052 repeated clause::"
        "`members at least` is said once in `role`. Remove one of the two.%0Aa/x.charter:3: it was said here before\n"
    )


def test_without_place_or_text() -> None:
    found = [
        Diagnostic("CH0040", Severity.NOTE, "s", "d", None),
        Diagnostic("CH0041", Severity.WARNING, "s", "d", Span("gone", 0, 0)),
        error("CH0001", None, "d", Related(Span("gone", 0, 0), "m")),
    ]
    assert render_github(found, {}).splitlines() == [
        "::notice title=CH0040 s::d",
        "::warning file=gone,title=CH0041 s::d",
        "::error title=CH0001 cannot read file::d%0Agone: m",
    ]


def test_escapes() -> None:
    assert (
        command("error", "50% a:b,c\n::stop", file="a:b,c%\n") == "::error file=a%3Ab%2Cc%25%0A::50%25 a:b,c%0A::stop\n"
    )
    assert "<U+000D>" in command("error", "a\rb")
