"""From spans to places: lines and columns that people can find."""

import os
from collections.abc import Mapping
from pathlib import PurePath

import msgspec

from charter.compiler.ir import Place
from charter.dsl.source import Source, Span


class Places:
    """Turns spans into places; a file is called by its path from the charter, wherever the compiler was started."""

    def __init__(self, sources: Mapping[str, Source], charter: str) -> None:
        self._sources = sources
        home = PurePath(charter).parent
        self._names = {path: os.path.relpath(path, home).replace(os.sep, "/") for path in sources}

    def of(self, span: Span) -> Place:
        """The place of a span; its end is the position behind the last character."""
        return msgspec.structs.replace(place_in(self._sources, span), file=self._names[span.path])


def place_in(sources: Mapping[str, Source], span: Span) -> Place:
    """The place of a span, in a file that is called as people gave it."""
    source = sources[span.path]
    start, end = source.position(span.start), source.position(span.end)
    return Place(file=span.path, line=start.line, column=start.column, end_line=end.line, end_column=end.column)
