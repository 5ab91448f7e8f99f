"""Links in the pages lead somewhere, and no page is left out of its index."""

from pathlib import Path

import pytest
from pages import PAGES, ROOT, anchors, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path):
    for link in links(page):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"`{link}` leads nowhere"
        assert target.is_relative_to(ROOT), f"`{link}` leads out of the repository"
        if anchor:
            assert anchor in anchors(target), f"`{link}`: no such heading"


@pytest.mark.parametrize("index", [ROOT / "docs" / "README.md", ROOT / "docs" / "decisions" / "README.md"], ids=str)
def test_an_index_names_every_page(index: Path):
    pages = {path.name for path in index.parent.glob("*.md")} - {index.name}
    assert pages <= set(links(index))
