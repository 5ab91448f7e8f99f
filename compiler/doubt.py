"""What mistakes of syntax leave in doubt: findings that would only follow from them are not shown."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Severity
from charter.dsl.source import Source, Span

ABOUT_ABSENCE = frozenset({"CH0101", "CH0106", "CH0110", "CH0801"})
"""What is said of a name that is not there."""
_ABOUT_NAMES = ABOUT_ABSENCE | {"CH0103"}


class Doubt(Struct, frozen=True):
    """What could not be read for certain.

    Attributes:
        sources: the texts, by path.
        lines: lines with a mistake of syntax.
        declarations: declarations whose first line has one: their name, and what they are of, may be another.
        names: whether a name that is not there may be one of those.
    """

    sources: Mapping[str, Source]
    lines: frozenset[tuple[str, int]]
    declarations: tuple[Span, ...]
    names: bool

    def covers(self, finding: Diagnostic) -> bool:
        """Whether a finding of the passes may be nothing but the consequence of a mistake of syntax."""
        span = finding.span
        if span is None or not self.lines:
            return False
        if self.names and finding.code in _ABOUT_NAMES:
            return True
        within = any(item.path == span.path and item.start <= span.start < item.end for item in self.declarations)
        return within or _line(self.sources, span) in self.lines


def doubt_of(tree: ast.CharterFile, sources: Mapping[str, Source], syntax: Iterable[Diagnostic]) -> Doubt:
    """What the mistakes of syntax leave in doubt of a tree."""
    errors = [item for item in syntax if item.severity is Severity.ERROR and item.span is not None]
    lines = frozenset(_line(sources, item.span) for item in errors if item.span is not None)
    damaged = tuple(node.span for node in tree.declarations if lines and _line(sources, node.header_span) in lines)
    unknown = any(item.code in _HIDES_A_DECLARATION for item in errors)
    return Doubt(sources, lines, damaged, names=bool(damaged) or unknown)


_HIDES_A_DECLARATION = frozenset({"CH0024", "CH0030", "CH0051"})
"""Mistakes behind which a declaration may have gone unread."""


def _line(sources: Mapping[str, Source], span: Span) -> tuple[str, int]:
    source = sources.get(span.path)
    return (span.path, source.position(span.start).line) if source is not None else ("", 0)
