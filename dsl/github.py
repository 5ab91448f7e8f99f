"""Diagnostics as workflow commands, which GitHub Actions shows beside the line in a pull request.

Source: "Workflow commands for GitHub Actions", setting an error, warning or notice message.
"""

from collections.abc import Iterable, Mapping

from charter.dsl.diagnostics import Diagnostic, Severity
from charter.dsl.render import inert
from charter.dsl.source import Source, Span

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render_github(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """One line a finding; empty without any.

    `sources` are the files by the path in their spans; of a file that is not among them no line is named.
    """
    return "".join(
        command(
            _COMMANDS[item.severity],
            item.detail + "".join(f"\n{_where(related.span, sources)}{related.message}" for related in item.related),
            **_place(item.span, sources),
            title=f"{item.code} {item.summary}",
        )
        for item in diagnostics
    )


def command(kind: str, message: str, **properties: str) -> str:
    """One workflow command as a line; what is in it can neither end it nor begin another one."""
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {named}::{_data(message)}\n"


def _place(span: Span | None, sources: Mapping[str, Source]) -> dict[str, str]:
    if span is None:
        return {}
    source = sources.get(span.path)
    if source is None:
        return {"file": span.path}
    start, end = source.position(span.start), source.position(span.end)
    place = {"file": span.path, "line": str(start.line), "endLine": str(end.line), "col": str(start.column)}
    # A column to end at is known only on the line it begins on.
    return place | ({"endColumn": str(end.column)} if end.line == start.line else {})


def _where(span: Span, sources: Mapping[str, Source]) -> str:
    source = sources.get(span.path)
    return f"{span.path}:{source.position(span.start).line}: " if source is not None else f"{span.path}: "


def _data(text: str) -> str:
    return "%0A".join(inert(line).replace("%", "%25") for line in text.split("\n"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
