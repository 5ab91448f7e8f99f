"""Every code has a charter that triggers it, marked where it is underlined."""

from pathlib import Path

import pytest
from base import CASES
from marks import day_of, expected_findings, findings_of, overrides_of

from charter.compiler.codes import SUMMARIES
from charter.compiler.compile import check_charter, compile_charter

PATHS = sorted(CASES.glob("*.charter"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_case_has_exactly_the_marked_findings(path: Path):
    text = path.read_text("utf-8")
    day = day_of(text)
    if day is not None:
        assert findings_of(check_charter(path, as_of=day)) == expected_findings(text)
        return
    result = compile_charter(path, overrides=overrides_of(text))
    # A finding may be in a file that the charter imports; there is its mark.
    expected = sorted(mark for source in result.sources.values() for mark in expected_findings(source.text))
    assert findings_of(result) == expected
    has_error = any(severity == "error" for _, severity, _, _ in expected)
    assert (result.ir is None) == has_error


def test_every_code_has_a_case():
    marked = {code for path in CASES.rglob("*.charter") for _, _, code, _ in expected_findings(path.read_text("utf-8"))}
    assert set(SUMMARIES) <= marked, f"without a case: {sorted(set(SUMMARIES) - marked)}"
