"""Diagnostics as SARIF 2.1.0, the format that code hosts and editors show findings from.

Source: OASIS Standard "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", 27 March 2020.
Places are counted from 1, in characters (`columnKind`, section 3.14.17).
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from charter.dsl.codes import explain_page
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.render import inert
from charter.dsl.source import Source, Span

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

Json = dict[str, object]


def render_sarif(
    findings: Mapping[str, Iterable[Diagnostic]],
    sources: Mapping[str, Source],
    *,
    version: str,
    pages: Iterable[Path] = (),
    account: Mapping[str, object] | None = None,
) -> str:
    """One SARIF log with one run, because code hosts do not take several of one tool.

    Args:
        findings: by the path of the file that was looked at, which is also the place of those that have none.
        sources: the files by the path in their spans; of a file that is not among them the first line is named.
        version: of the tool.
        pages: further directories of the pages that explain codes; a page is the help of its rule.
        account: what else the run has to say, as its property bag (section 3.8).
    """
    rules = {item.code: item for items in findings.values() for item in items}
    index = {code: number for number, code in enumerate(rules)}
    directories = tuple(pages)
    run: Json = {
        "tool": {
            "driver": {
                "name": "charter",
                "semanticVersion": version,
                "rules": [_rule(item, directories) for item in rules.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(item, index[item.code], sources, path) for path, items in findings.items() for item in items
        ],
    }
    if account:
        run["properties"] = dict(account)
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(example: Diagnostic, pages: tuple[Path, ...]) -> Json:
    rule: Json = {
        "id": example.code,
        "shortDescription": {"text": example.summary},
        "defaultConfiguration": {"level": example.severity.value},
    }
    page = explain_page(example.code, pages)
    if page is not None:
        rule["help"] = {"text": page, "markdown": page}
    return rule


def _result(item: Diagnostic, rule: int, sources: Mapping[str, Source], path: str) -> Json:
    place = item.span if item.span is not None else Span(path, 0, 0)
    result: Json = {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": item.severity.value,
        "message": {"text": _plain(f"{item.summary}: {item.detail}")},
        "locations": [{"physicalLocation": _location(place, sources)}],
    }
    if item.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": _location(related.span, sources),
                "message": {"text": _plain(related.message)},
            }
            for number, related in enumerate(item.related, 1)
        ]
    return result


def _location(span: Span, sources: Mapping[str, Source]) -> Json:
    return {"artifactLocation": _artifact(span.path), "region": _region(span, sources.get(span.path))}


def _artifact(path: str) -> Json:
    if path.startswith("/"):
        return {"uri": f"file://{quote(path, errors='replace')}"}
    return {"uri": quote(path.removeprefix("./"), errors="replace"), "uriBaseId": "%SRCROOT%"}


def _region(span: Span, source: Source | None) -> Json:
    if source is None:
        return {"startLine": 1}
    start, end = source.position(span.start), source.position(span.end)
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }


def _plain(text: str) -> str:
    """A message in which nothing is hidden, and nothing of the user's becomes a link (section 3.11.6)."""
    shown = "\n".join(inert(line) for line in text.split("\n"))
    return shown.replace("[", "\\[").replace("]", "\\]") if "](" in shown else shown
