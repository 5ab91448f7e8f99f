"""Every code this layer can report: code to summary, and the pages that explain them."""

import re
from collections.abc import Iterable
from pathlib import Path

from charter.dsl.diagnostics import Diagnostic, Related, Severity
from charter.dsl.source import Span

SUMMARIES: dict[str, str] = {
    # The file itself.
    "CH0001": "cannot read file",
    "CH0002": "not a regular file",
    "CH0003": "file too large",
    "CH0004": "not a text file",
    "CH0005": "not UTF-8",
    "CH0006": "empty charter",
    "CH0007": "hidden character",
    # Words, numbers and quotes.
    "CH0010": "unexpected character",
    "CH0011": "unclosed quote",
    "CH0012": "unclosed long text",
    "CH0013": "unknown escape",
    "CH0014": "number out of range",
    "CH0015": "space before `%`",
    "CH0016": "letter outside a-z",
    # Braces, lines and declarations.
    "CH0020": "missing `}`",
    "CH0021": "stray `}`",
    "CH0022": "missing `{`",
    "CH0023": "unclosed bracket",
    "CH0024": "unexpected text",
    "CH0025": "nested too deeply",
    "CH0026": "missing edition",
    "CH0027": "unknown edition",
    "CH0028": "no block here",
    "CH0030": "unknown declaration",
    "CH0031": "clause outside a block",
    "CH0032": "something else expected",
    "CH0033": "unfinished line",
    "CH0040": "too many mistakes",
    "CH0041": "too much text",
    # What the vocabulary knows.
    "CH0050": "unknown clause",
    "CH0051": "misplaced clause",
    "CH0052": "repeated clause",
    "CH0053": "missing clause",
    "CH0054": "unknown word",
    "CH0055": "repeated key",
}
"""Code to summary. A code never changes its meaning and is never given again."""

_PAGES = Path(__file__).with_name("pages")
_CODE = re.compile(r"CH\d{4}")


def error(code: str, span: Span | None, detail: str, *related: Related) -> Diagnostic:
    """A finding of this layer that stops the compiler; its summary is the code's own."""
    return Diagnostic(code, Severity.ERROR, SUMMARIES[code], detail, span, related)


def explain_page(code: str, more: Iterable[Path] = ()) -> str | None:
    """The Markdown page of a code, from here or from the directories `more`; None if there is none."""
    if not _CODE.fullmatch(code):
        return None
    for directory in (_PAGES, *more):
        page = directory / f"{code}.md"
        if page.is_file():
            return page.read_text("utf-8")
    return None
