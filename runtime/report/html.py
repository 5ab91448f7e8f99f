"""Renders a report as one self-contained HTML file: no script, no network, every text made harmless."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from charter.runtime.cli.inert import inert
from charter.runtime.report.view import Report


def render(report: Report) -> str:
    """The page. Values are escaped and their control and bidirectional characters are spelled out."""
    folder = files("charter.runtime.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_harmless, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = _words
    template = environment.from_string(folder.joinpath("report.html.j2").read_text("utf-8"))
    # The style sheet is ours and goes in as it is.
    style = Markup(folder.joinpath("report.css").read_text("utf-8"))  # noqa: S704
    return template.render(report=report, style=style)


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
