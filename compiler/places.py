"""From spans to places: lines and columns that people can find."""

from collections.abc import Mapping
from pathlib import PurePath

from charter.compiler.ir import Place
from charter.dsl.source import Source, Span


class Places:
    """Turns spans into places; a file is called by its name, wherever the compiler was started."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    def of(self, span: Span) -> Place:
        """The place of a span; its end is the position behind the last character."""
        source = self._sources[span.path]
        start, end = source.position(span.start), source.position(span.end)
        return Place(
            file=PurePath(span.path).name,
            line=start.line,
            column=start.column,
            end_line=end.line,
            end_column=end.column,
        )
