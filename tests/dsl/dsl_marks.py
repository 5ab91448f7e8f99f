"""Marks in the cases: `# ERROR CH0050: ownr` at the end of a line says that `ownr` on it is underlined so.

A line may have several marks. `# ERROR^` is about the line above, which no comment can follow; `# ERRORv`
about the empty line below.
"""

import re

from charter.dsl.diagnostics import Diagnostic
from charter.dsl.source import Source

_MARK = re.compile(r"# ERROR([v^]?) (CH\d{4}):[ ]?((?:(?! # ERROR).)*)")

_OFFSET = {"": 0, "^": -1, "v": 1}

Finding = tuple[int, str, str]


def expected_findings(text: str) -> list[Finding]:
    """(line, code, underlined text) of every mark."""
    return sorted(
        (number + _OFFSET[mark[1]], mark[2], mark[3].rstrip())
        for number, line in enumerate(text.split("\n"), 1)
        for mark in _MARK.finditer(line)
    )


def findings_of(source: Source, diagnostics: tuple[Diagnostic, ...]) -> list[Finding]:
    """What was found, in the same form; of an underlined text the first line counts."""
    found = []
    for item in diagnostics:
        assert item.span is not None
        underlined = source.text[item.span.start : item.span.end].split("\n")[0]
        found.append((source.position(item.span.start).line, item.code, underlined.rstrip()))
    return sorted(found)
