"""Files with mistakes: exactly those that are marked are found, where they are marked."""

from pathlib import Path

import pytest
from dsl_marks import expected_findings, findings_of

from charter.dsl.parse import parse
from charter.dsl.source import Source

CASES = Path(__file__).parents[1] / "cases"
PATHS = sorted((CASES / "syntax").glob("*.charter"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_case_has_exactly_the_marked_findings(path: Path, line_end: str) -> None:
    text = path.read_text("utf-8")
    source = Source(path.name, text.replace("\n", line_end))
    _, found = parse(source)
    assert findings_of(source, found) == expected_findings(text)


def test_the_whole_language_parses() -> None:
    path = CASES / "credit-full.charter"
    tree, found = parse(Source(path.name, path.read_text("utf-8")))
    assert found == ()
    assert len(tree.declarations) == 15
