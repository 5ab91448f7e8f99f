"""Every code has a page, and the examples on it are true."""

import re
from pathlib import Path

import pytest

from charter.dsl.codes import SUMMARIES, explain_page
from charter.dsl.parse import parse
from charter.dsl.source import Source

# These are about files, not about what is written in them; test_load and test_hostile trigger them.
WITHOUT_EXAMPLE = {"CH0001", "CH0002", "CH0003", "CH0004", "CH0005", "CH0040", "CH0041"}

_EXAMPLE = re.compile(r"^```charter (wrong|right)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHARACTER = re.compile(r"<U\+([0-9A-F]{4})>")


def examples(code: str) -> dict[str, str]:
    page = explain_page(code)
    assert page is not None
    return {kind: _CHARACTER.sub(lambda m: chr(int(m[1], 16)), text) for kind, text in _EXAMPLE.findall(page)}


@pytest.mark.parametrize("code", SUMMARIES)
def test_page_has_the_title_of_its_code(code: str) -> None:
    page = explain_page(code)
    assert page is not None
    assert page.startswith(f"# {code}: {SUMMARIES[code]}\n")


@pytest.mark.parametrize("code", sorted(set(SUMMARIES) - WITHOUT_EXAMPLE))
def test_wrong_example_has_the_code_and_only_that(code: str) -> None:
    _, found = parse(Source("wrong.charter", examples(code)["wrong"]))
    assert {item.code for item in found} == {code}
    assert all(item.summary == SUMMARIES[item.code] for item in found)


@pytest.mark.parametrize("code", sorted(set(SUMMARIES) - WITHOUT_EXAMPLE))
def test_right_example_has_no_mistake(code: str) -> None:
    tree, found = parse(Source("right.charter", examples(code)["right"]))
    assert found == ()
    assert tree.declarations


@pytest.mark.parametrize("code", sorted(WITHOUT_EXAMPLE))
def test_page_about_a_file_has_no_example(code: str) -> None:
    assert examples(code) == {}


def test_no_page_without_a_code() -> None:
    pages = Path(__file__).parents[2] / "dsl" / "pages"
    assert {page.stem for page in pages.iterdir()} == set(SUMMARIES)


@pytest.mark.parametrize("code", ["CH9999", "../codes", "CH00", "", "ch0010", "CH0010\n"])
def test_unknown_code_has_no_page(code: str) -> None:
    assert explain_page(code) is None


def test_further_directories_are_looked_into(tmp_path: Path) -> None:
    (tmp_path / "CH0999.md").write_text("# CH0999: made up\n")
    assert explain_page("CH0999", [tmp_path]) == "# CH0999: made up\n"


def test_summaries_follow_the_style() -> None:
    for summary in SUMMARIES.values():
        assert not summary.endswith(".")
        assert summary[0].islower() or summary.startswith(("UTF", "`"))
        assert len(summary.split()) <= 4
