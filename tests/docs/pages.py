"""Reads the Markdown pages: their code blocks and their links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md"))
    if "workspace" not in path.parts
)

_BLOCK = re.compile(r"^```(?P<language>\S*)[ ]?(?P<rest>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.M)


@dataclass(frozen=True)
class Block:
    """A fenced block; `rest` is what follows the language on its first line."""

    page: Path
    language: str
    rest: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.text.splitlines()[0][:40] if self.text else ''}"


@cache
def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The page's blocks of these languages, in order."""
    for found in _BLOCK.finditer(text_of(page)):
        if not languages or found["language"] in languages:
            yield Block(page, found["language"], found["rest"].strip(), found["text"])


def links(page: Path) -> list[str]:
    """The targets of all links outside code."""
    return [found["target"] for found in _LINK.finditer(_BLOCK.sub("", text_of(page)))]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the page's headings."""
    titles = [found["title"] for found in _HEADING.finditer(_BLOCK.sub("", text_of(page)))]
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-") for title in titles}
