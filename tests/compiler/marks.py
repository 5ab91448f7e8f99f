"""Marks in charters: `# ERROR CH0101: text` at the end of a line says that `text` on it is underlined so.

A mark on a `# SET name=value` line is about the override, which has no place in the text. With `# AS OF date` dates
are judged for that day.
"""

import re
from datetime import date

from charter.compiler.compile import CompileResult
from charter.dsl.diagnostics import Severity

_MARK = re.compile(r"# (ERROR|WARNING) (CH\d{4}):[ ]?(.*)$")
_AS_OF = re.compile(r"^# AS OF (\S+)", re.M)
_SET = re.compile(r"^# SET (\S+?)=(\S+)", re.M)

Finding = tuple[int, str, str, str]


def expected_findings(text: str) -> list[Finding]:
    """(line, severity, code, underlined text) of every mark; line 0 for those about overrides."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        mark = _MARK.search(line)
        if mark:
            found.append((0 if line.startswith("# SET") else number, mark[1].lower(), mark[2], mark[3].rstrip()))
    return sorted(found)


def overrides_of(text: str) -> dict[str, str]:
    """The overrides that a case is compiled with."""
    return dict(_SET.findall(text))


def day_of(text: str) -> date | None:
    """The day for which a case's dates are judged."""
    found = _AS_OF.search(text)
    return date.fromisoformat(found[1]) if found else None


def findings_of(result: CompileResult) -> list[Finding]:
    """What was found, in the same form; of an underlined text the first line counts."""
    found = []
    for item in result.diagnostics:
        if item.severity is Severity.NOTE:
            continue
        if item.span is None:
            found.append((0, str(item.severity), item.code, ""))
            continue
        source = result.sources[item.span.path]
        underlined = source.text[item.span.start : item.span.end].split("\n")[0]
        found.append((source.position(item.span.start).line, str(item.severity), item.code, underlined))
    return sorted(found)
