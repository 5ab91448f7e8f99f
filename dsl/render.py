"""Diagnostics for people, as text with the place underlined, and for programs, as JSON."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from unicodedata import combining, east_asian_width

from charter.dsl.diagnostics import Diagnostic, Severity
from charter.dsl.hidden import HIDDEN
from charter.dsl.source import Source, Span

_WIDTH = 100
_TAB = 4
_NOT_PRINTED = re.compile(rf"{HIDDEN}|[\r\n]")
_QUOTED = re.compile(r"`[^`\n]{1,60}`")
_GLUE = "\ue000"

_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_COLORS = {Severity.ERROR: "\x1b[31m", Severity.WARNING: "\x1b[33m", Severity.NOTE: "\x1b[36m"}


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], *, color: bool) -> str:
    """One paragraph a finding: place, code and summary; the line with its place underlined; what to do.

    `sources` are the files by the path in their spans; of a file that is not among them no line is shown.
    Characters that a terminal would obey are shown as their code points.
    """
    return "\n".join(_paragraph(item, sources, color) for item in diagnostics)


def render_json(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """An array of objects: code, severity, summary, detail, path, start, end, related.

    `start` and `end` hold line, column (both from 1) and offset, in characters; null where there is no place.
    """
    items = [
        {
            "code": item.code,
            "severity": item.severity.value,
            "summary": item.summary,
            "detail": item.detail,
            **_place(item.span, sources),
            "related": [{"message": related.message, **_place(related.span, sources)} for related in item.related],
        }
        for item in diagnostics
    ]
    return json.dumps(items, indent=2)


def inert(text: str) -> str:
    """The text without anything that a terminal obeys or that hides or reorders what is read."""
    return _NOT_PRINTED.sub(lambda match: f"<U+{ord(match[0]):04X}>", text).replace("\t", " " * _TAB)


def _place(span: Span | None, sources: Mapping[str, Source]) -> dict[str, object]:
    if span is None:
        return {"path": None, "start": None, "end": None}
    source = sources.get(span.path)
    return {
        "path": span.path,
        "start": _point(source, span.start),
        "end": _point(source, span.end),
    }


def _point(source: Source | None, offset: int) -> dict[str, int] | None:
    if source is None:
        return None
    position = source.position(offset)
    return {"line": position.line, "column": position.column, "offset": offset}


def _paragraph(item: Diagnostic, sources: Mapping[str, Source], color: bool) -> str:
    paint = _COLORS[item.severity] if color else ""
    bold, reset = (_BOLD, _RESET) if color else ("", "")
    where = f"{_where(item.span, sources)}: " if item.span is not None else ""
    head = f"{where}{bold}{paint}{item.severity.value} {item.code}{reset}{bold}: {inert(item.summary)}{reset}"
    lines = [head, *_excerpt(item.span, sources, paint, color)]
    for paragraph in item.detail.split("\n"):
        lines += _wrapped(inert(paragraph))
    for related in item.related:
        lines.append(f"  {_where(related.span, sources)}: {inert(related.message)}")
        lines += _excerpt(related.span, sources, _COLORS[Severity.NOTE] if color else "", color)
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    # What stands in backticks is not torn apart.
    lines = textwrap.wrap(
        _QUOTED.sub(lambda match: match[0].replace(" ", _GLUE), text),
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]


def _where(span: Span, sources: Mapping[str, Source]) -> str:
    source = sources.get(span.path)
    if source is None:
        return inert(span.path)
    position = source.position(span.start)
    return f"{inert(span.path)}:{position.line}:{position.column}"


def _excerpt(span: Span | None, sources: Mapping[str, Source], paint: str, color: bool) -> list[str]:
    """The first line of a span, and `^` under what belongs to the span."""
    source = sources.get(span.path) if span is not None else None
    if span is None or source is None or not source.text:
        return []
    position = source.position(span.start)
    text = source.line(position.line)
    first = position.column - 1
    last = first + max(span.end - span.start, 1)
    shown, before, marked = _shown(text, first, last)
    dim, reset = (_DIM, _RESET) if color else ("", "")
    number = str(position.line)
    margin = " " * len(number)
    return [
        f"  {dim}{number} |{reset} {shown}".rstrip(),
        f"  {dim}{margin} |{reset} {' ' * before}{paint}{'^' * marked}{reset}",
    ]


def _shown(text: str, first: int, last: int) -> tuple[str, int, int]:
    """What is shown of a line, the cells before the mark and the cells of the mark.

    Of a long line only the surroundings of the mark are shown.
    """
    last = min(last, max(len(text), first + 1))
    start = max(0, first - _WIDTH // 2) if last > _WIDTH else 0
    end = min(len(text), start + _WIDTH)
    lead = "…" if start else ""
    trail = "…" if end < len(text) else ""
    before = lead + inert(text[start:first])
    marked = inert(text[first : min(last, end)])
    after = inert(text[min(last, end) : end]) + trail
    return before + marked + after, _cells(before), max(_cells(marked), 1)


def _cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)
