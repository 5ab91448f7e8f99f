"""Renders a report or a review packet as one self-contained HTML file: no script, no network, nothing alive in it."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from charter.runtime.cli.inert import inert
from charter.runtime.erased import lost
from charter.runtime.report.numbers import size
from charter.runtime.report.packet import Packet
from charter.runtime.report.source import Source
from charter.runtime.report.view import Report


def render(report: Report) -> str:
    """The page of a report."""
    return _page("report.html.j2", report=report)


def render_packet(packet: Packet, source: Source) -> str:
    """The page of a review packet."""
    gone = [lost(gap) for gap in source.state.gaps.values()]
    return _page("packet.html.j2", packet=packet, head=source.ir.lifecycle, made=source.now, gone=gone)


def _page(template: str, **values: Any) -> str:
    """A page with our style; values are escaped, their control and bidirectional characters spelled out."""
    folder = files("charter.runtime.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_harmless, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = _words
    environment.filters["size"] = size
    made = environment.from_string(folder.joinpath(template).read_text("utf-8"))
    # The style sheet is ours and goes in as it is.
    style = Markup(folder.joinpath("report.css").read_text("utf-8"))  # noqa: S704
    return made.render(style=style, **values)


def _words(text: str) -> Markup:
    """Text with its `quoted names` set as code."""
    parts = inert(text).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)
    )


def _harmless(value: Any) -> Any:
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value
