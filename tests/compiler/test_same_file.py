"""One file under several names: what is proved of it holds for the file, not for a name."""

import os
import shutil
from pathlib import Path

import pytest
from base import CASES, whole

from charter.compiler import same_file
from charter.compiler.account import not_checked
from charter.compiler.compile import CompileResult, check_charter, compile_charter

SEEN = """
dataset other {
  source csv "OTHER"
  target default
  split  train 50%, test 50% seed 8
}

evaluation again of scorecard on other.test {
  require roc_auc >= 0.75
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(CASES / "data", tmp_path / "data")
    return tmp_path


def errors(result: CompileResult) -> list[str]:
    return sorted(item.code for item in result.diagnostics if item.severity == "error")


@pytest.mark.parametrize("how", ["link", "hard link", "copy", "spelling"])
@pytest.mark.parametrize("will_run", [False, True])
def test_rows_of_one_file_are_seen_under_any_name(project: Path, how: str, will_run: bool):
    data, name = project / "data" / "applications.csv", "data/other.csv"
    match how:
        case "link":
            (project / name).symlink_to(data)
        case "hard link":
            os.link(data, project / name)
        case "copy":
            shutil.copy(data, project / name)
        case _:
            name = "./data//applications.csv"
    compiles = compile_charter if will_run else check_charter
    result = compiles(project / "x.charter", as_text=whole(SEEN.replace("OTHER", name)))
    assert errors(result) == ["CH0502"]


def test_another_file_of_the_same_size_is_another(project: Path):
    text = (project / "data" / "applications.csv").read_text("utf-8")
    (project / "data" / "other.csv").write_text(text.swapcase(), "utf-8")
    result = check_charter(project / "x.charter", as_text=whole(SEEN.replace("OTHER", "data/other.csv")))
    assert errors(result) == []
    assert any("share rows: files were compared as wholes only" in text for text in _open(result))


@pytest.mark.parametrize("why", ["absent", "large"])
def test_what_is_not_compared_is_said(project: Path, why: str, monkeypatch: pytest.MonkeyPatch):
    if why == "large":
        shutil.copy(project / "data" / "applications.csv", project / "data" / "other.csv")
        monkeypatch.setattr(same_file, "MOST_READ", 3)
    result = check_charter(project / "x.charter", as_text=whole(SEEN.replace("OTHER", "data/other.csv")))
    assert errors(result) == []
    assert any("is a copy of another file" in text and "data/other.csv" in text for text in _open(result))


def _open(result: CompileResult) -> list[str]:
    assert result.charter is not None
    return [item.text for item in not_checked(result.charter) if item.area == "leakage"]


TWICE = """
dataset applications {
  source    csv "data/applications.csv"
  class     special-category
  basis     consent
  condition research
  license   "CC-BY-NC-4.0"
  protected sex
  target    default
}

dataset other {
  source csv "data/applications.csv"
  CLAUSES
  target default
  split  train 70%, test 30% seed 7
}

model scorecard {
  task     binary-classification
  train on other.train
  trainer  builtin tabular-mlp
}

evaluation holdout of scorecard on other.test {
  require roc_auc >= 0.75
}
"""


@pytest.mark.parametrize(
    ("clauses", "contradictions"),
    [("", 0), ("class public", 1), ('class special-category\n license "MIT"\n basis consent\n condition research', 1)],
)
def test_what_is_said_of_a_file_holds_for_all_that_read_it(project: Path, clauses: str, contradictions: int):
    found = check_charter(project / "x.charter", as_text=whole(TWICE.replace("CLAUSES", clauses)))
    codes = errors(found)
    assert codes.count("CH1310") == contradictions
    assert codes.count("CH1304") == 3  # the training, the evaluation and the deployment
    assert codes.count("CH1308") == 1


def test_a_column_that_identifies_is_in_the_file_for_all(project: Path):
    """It is not gone because the dataset that drops nothing of it does not name it."""
    clauses = "class special-category\n basis consent\n condition research\n attested as public by risk-officer"
    text = whole(TWICE.replace("CLAUSES", clauses).replace("  protected sex\n", "  protected sex\n  personal name\n"))
    refused = [item.detail for item in check_charter(project / "x.charter", as_text=text).diagnostics]
    assert any("what identifies a person is still there (`name`)" in detail for detail in refused)


def test_each_file_is_listed_once():
    result = check_charter(CASES / "x.charter", as_text=whole(SEEN.replace("OTHER", "data/applications.csv")))
    assert result.charter is not None
    (item,) = [item.text for item in not_checked(result.charter) if item.area == "data"]
    assert item.count("applications.csv") == 1
