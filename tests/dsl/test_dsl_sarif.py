"""Findings as SARIF: valid by the published schema, with the same places as the text, and nobody else's links."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from test_dsl_fuzz import any_text, mutilated

from charter.dsl.codes import SUMMARIES, error
from charter.dsl.diagnostics import Diagnostic, Related, Severity
from charter.dsl.parse import parse
from charter.dsl.sarif import render_sarif
from charter.dsl.source import Source, Span
from published import SARIF, published_schema

SYNTAX = sorted((Path(__file__).parents[1] / "cases" / "syntax").glob("*.charter"))


@cache
def validator() -> jsonschema.Draft7Validator:
    schema = published_schema(SARIF)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def run_of(text: str, path: str = "x.charter") -> dict[str, Any]:
    source = Source(path, text)
    return run_with(parse(source)[1], {path: source}, path)


def run_with(found: tuple[Diagnostic, ...], sources: dict[str, Source], path: str = "x.charter") -> dict[str, Any]:
    log = json.loads(render_sarif({path: found}, sources, version="1.2.3"))
    validator().validate(log)
    (run,) = log["runs"]
    assert len(run["results"]) == len(found)
    for result, item in zip(run["results"], found, strict=True):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == item.code
    return run


@pytest.mark.parametrize("path", SYNTAX, ids=lambda path: path.stem)
def test_cases_are_valid_and_underline_the_same(path: Path) -> None:
    text = path.read_text("utf-8")
    source = Source(path.name, text)
    _, found = parse(source)
    run = run_with(found, {path.name: source}, path.name)
    lines = text.split("\n")
    for result, item in zip(run["results"], found, strict=True):
        region = result["locations"][0]["physicalLocation"]["region"]
        assert item.span is not None
        place = text[item.span.start : item.span.end]
        assert lines[region["startLine"] - 1][region["startColumn"] - 1 :].startswith(place.split("\n")[0])
        assert lines[region["endLine"] - 1][: region["endColumn"] - 1].endswith(place.split("\n")[-1])


@given(any_text | mutilated())
@settings(max_examples=100, deadline=None)
def test_valid_whatever_the_text(text: str) -> None:
    for result in run_of(text)["results"]:
        shown = result["message"]["text"]
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


def test_rules_carry_their_pages() -> None:
    run = run_of("charter 1\nrole r {\n  membres at least 3\n}\nrole s {\n  membres at least 3\n}\n")
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["id"] == "CH0050"
    assert rule["shortDescription"]["text"] == SUMMARIES["CH0050"]
    assert "```charter right" in rule["help"]["markdown"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 0]
    assert run["tool"]["driver"]["semanticVersion"] == "1.2.3"
    assert run["columnKind"] == "unicodeCodePoints"


def test_related_places() -> None:
    text = "charter 1\nrole r {\n  members at least 3\n  members at least 4\n}\n"
    (result,) = run_of(text)["results"]
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["region"]["startLine"] == 3
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 4, "startColumn": 3, "endLine": 4, "endColumn": 19,
    }  # fmt: skip


def test_without_findings() -> None:
    run = run_with((), {})
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


def test_findings_without_place_or_text() -> None:
    found = (
        Diagnostic("CH0040", Severity.NOTE, "s", "d.", None),
        error("CH0001", Span("gone.charter", 0, 0), "d.", Related(Span("other.charter", 3, 5), "m")),
    )
    first, second = run_with(found, {}, "asked.charter")["results"]
    assert first["level"] == "note"
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "asked.charter"
    assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b/ü#?.charter", "a%20b/%C3%BC%23%3F.charter"),
        ("./a.charter", "a.charter"),
        ("/x/a.charter", "file:///x/a.charter"),
        ("bad\udcff.charter", "bad%3F.charter"),
    ],
)
def test_paths_are_uris(path: str, uri: str) -> None:
    (result,) = run_of("", path)["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == uri
    assert ("uriBaseId" in artifact) == (not path.startswith("/"))


def test_nothing_of_the_users_becomes_a_link() -> None:
    found = (error("CH0050", Span("x", 0, 0), "`[click](http://evil.example)` is \u202e unknown."),)
    (result,) = run_with(found, {})["results"]
    assert "\\[click\\](http://evil.example)" in result["message"]["text"]
    assert "<U+202E>" in result["message"]["text"]
