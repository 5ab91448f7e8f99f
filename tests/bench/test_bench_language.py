"""The texts of the language's figures: a charter without findings, and the same in HCL, line by line."""

import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `pytest` does not put it there; `python -m pytest` does
    sys.path.append(str(ROOT))

from bench.charters import charter, count_declarations, hcl, lines_for, project  # noqa: E402
from bench.language import HCL2, _parsed, _row  # noqa: E402
from bench.lifecycle import peers_directory  # noqa: E402

from bench import language, mistakes  # noqa: E402
from charter.compiler.compile import check_charter  # noqa: E402
from charter.dsl.format import format_source  # noqa: E402
from charter.dsl.source import Source  # noqa: E402


def test_the_charter_compiles_without_findings(tmp_path: Path):
    result = check_charter(project(tmp_path / "p", 300))
    assert result.diagnostics == ()
    assert result.draft is not None


@pytest.mark.parametrize("lines", [300, 1_000, 50_000])
def test_both_texts_have_the_announced_length(lines: int):
    assert charter(lines).count("\n") == pytest.approx(lines, rel=0.01)
    assert hcl(lines).count("\n") == charter(lines).count("\n")


def test_the_charter_is_in_its_layout():
    text = charter(300).rstrip("\n") + "\n"
    assert format_source(Source("x", text)) == (text, ())


def test_both_parsers_read_their_text(tmp_path: Path):
    taken = _parsed(tmp_path, 300, 1)
    assert taken["Charter"] > 0
    if not (peers_directory() / "bin" / "python").exists():
        pytest.skip("python-hcl2 is not installed: `python -m bench --install-peers`")
    assert taken[HCL2] > 0


def test_without_the_peer_there_is_no_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(language, "peers_directory", lambda: tmp_path)
    row = _row(300, _parsed(tmp_path, 300, 1))
    assert row.ratio is None
    assert row.baseline is None


def test_a_charter_of_so_many_declarations_compiles(tmp_path: Path):
    path = project(tmp_path / "p", lines_for(40))
    assert count_declarations(path.read_text()) == 41  # and the lifecycle
    seconds, memory = language._told([sys.executable, str(ROOT / "bench" / "compile_file.py"), str(path)])
    assert 0 < seconds < 60
    assert memory > 2**20


@pytest.mark.parametrize("errors", [mistakes.parsed, mistakes.checked])
def test_planted_mistakes_are_found_on_their_lines_and_little_else(errors: mistakes.Errors):
    figures = mistakes.measured(errors, files=8)
    assert figures.lines == 8 * mistakes.MUTATIONS
    assert figures.reported >= 0.9 * figures.lines
    assert figures.spurious <= 0.3 * figures.files


def test_a_mutation_changes_one_line_and_counts_when_it_is_invalid_by_itself():
    path = mistakes.bases()[0]
    before = path.read_text("utf-8").split("\n")
    text, lines = mistakes.mutated(path, mistakes.parsed, random.Random(1))
    after = text.split("\n")
    assert {number for number, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]} == lines
    for line in lines:
        alone = [*before[: line - 1], after[line - 1], *before[line:]]
        assert mistakes.parsed(path, "\n".join(alone))
