"""The commands of docs/auditing.md run as they stand there, on the frozen lifecycle."""

import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))


def test_the_page_for_auditors(own, monkeypatch):
    from console import play
    from pages import blocks

    monkeypatch.delenv("OPA_BIN", raising=False)
    assert play(blocks(DOCS / "auditing.md", "console", "csv"), own.root) == 13
