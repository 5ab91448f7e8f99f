"""What a mistake of syntax hides: the findings that may only follow from it, and no others."""

import re
from pathlib import Path

import pytest
from base import CASES
from marks import day_of, overrides_of

from charter.compiler.compile import check_charter

TOLD_LAST = {
    "CH0411": "what is left open is told once the rest is sound",
    "CH1501": "what is left open is told once the rest is sound",
}
"""Codes that an unknown clause of the lifecycle hides, and why; it has no clause whose loss makes a finding."""
_LIFECYCLE = re.compile(r"(\nlifecycle [^\n]*\{\n)")
PATHS = [path for path in sorted(CASES.glob("CH*.charter")) if _LIFECYCLE.search(path.read_text("utf-8"))]


def _codes(path: Path, text: str) -> set[str]:
    found = check_charter(path, as_text=text, overrides=overrides_of(text), as_of=day_of(text))
    return {item.code for item in found.diagnostics}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_unknown_clause_of_the_lifecycle_hides_nothing(path: Path):
    text = path.read_text("utf-8")
    before = _codes(path, text)
    after = _codes(path, _LIFECYCLE.sub(r'\1  ownr "x"\n', text, count=1))
    assert "CH0050" in after
    assert before - after <= TOLD_LAST.keys()


HEAD = """charter 1
{imports}lifecycle loans {{
  version "1"
  owner "Ada <ada@example.org>"
  purpose "Lends."
  risk minimal
}}
role board {{
  members at least 1
}}
dataset rows {{
  source csv "rows.csv"
  license "CC-BY-NC-4.0"
  class personal
  target y
  split train 70%, test 30% seed 7
}}
model scorer {{
  task binary-classification
  train on rows.train
  trainer builtin tabular-mlp
{model}}}
evaluation holdout of scorer on rows.test {{
{evaluation}}}
approval sign of scorer {{
  by board quorum 2
  excluding owner, trainer
  after holdout
}}
deployment live of scorer {{
  after {after}
{deployment}}}
"""


def _found(tmp_path: Path, **parts: str) -> set[str]:
    filled = {
        "imports": "",
        "model": "",
        "evaluation": "  require roc_auc >= 0.7\n",
        "after": "sign",
        "deployment": "",
    } | parts
    return _codes(tmp_path / "loans.charter", HEAD.format(**filled))


def test_a_damaged_evaluation_doubts_the_way_to_the_deployment_alone(tmp_path: Path):
    codes = _found(tmp_path, evaluation="  requre roc_auc >= 0.7\n")
    assert {"CH0050", "CH0701", "CH1305", "CH1308"} <= codes
    assert not {"CH0402", "CH0404", "CH0407"} & codes


def test_a_deployment_that_may_say_more_is_not_called_commercial(tmp_path: Path):
    codes = _found(tmp_path, deployment="  usse non-commercial\n")
    assert {"CH0050", "CH0701", "CH1305"} <= codes
    assert not {"CH0402", "CH1308"} & codes


def test_a_damaged_model_hides_no_missing_bound(tmp_path: Path):
    assert {"CH0050", "CH0407"} <= _found(tmp_path, model="  sed 1\n", evaluation="")


def test_behind_a_missing_import_only_what_it_could_hold_is_in_doubt(tmp_path: Path):
    codes = _found(tmp_path, imports='import "gone.charter"\n', evaluation="", after="elsewhere")
    assert {"CH0901", "CH0407", "CH0701", "CH1305"} <= codes
    assert not {"CH0101", "CH0402", "CH0405"} & codes


def test_a_misspelt_clause_in_an_imported_file_hides_no_unknown_name(tmp_path: Path):
    (tmp_path / "more.charter").write_text("charter 1\nrole others {\n  membrs at least 1\n}\n", "utf-8")
    codes = _found(tmp_path, imports='import "more.charter"\n', after="elsewhere")
    assert {"CH0050", "CH0101", "CH1305"} <= codes


def test_behind_a_missing_baseline_any_clause_may_stand(tmp_path: Path):
    text = HEAD.format(imports="", model="", evaluation="", after="sign", deployment="")
    pin = f'  extends "gone.charter" digest "sha256:{"0" * 64}"\n'
    codes = _codes(tmp_path / "loans.charter", text.replace("  purpose", f"{pin}  purpose", 1))
    assert "CH0901" in codes
    assert not {"CH0407", "CH0701", "CH1305"} & codes
