"""`graded`: the least grade of evidence that a bound accepts, from the text to the IR, and what is less than what."""

from pathlib import Path

import pytest
from base import CASES, whole
from test_diff import DAY, HOLDOUT, TEXT, version
from test_several_files import BANK, OWN, codes, extending, home

from charter.compiler.compile import CompileResult, check_charter, compile_charter
from charter.compiler.diff import differences
from charter.compiler.ir import IR, Requirement

__all__ = ["home"]


def holdout(*bounds: str) -> str:
    lines = "".join(f"  require {bound}\n" for bound in bounds)
    return "evaluation holdout of scorecard on applications.test {\n" + lines + "}\n"


def compiled(*bounds: str) -> IR:
    result = compile_charter(CASES / "any.charter", as_text=whole(holdout(*bounds)))
    assert result.ir is not None, [item.detail for item in result.diagnostics]
    return result.ir


def requirement(ir: IR) -> Requirement:
    (found,) = [item for item in ir.controls if item.gate == "evaluate/holdout:exit"]
    assert isinstance(found, Requirement)
    return found


@pytest.mark.parametrize("grade", ["attested", "reproduced"])
def test_it_is_compiled(grade: str) -> None:
    ir = compiled(f"roc_auc >= 0.75 with confidence 95% graded {grade}")
    found = requirement(ir)
    assert (found.least_grade, found.text) == (grade, f"roc_auc >= 0.75 with confidence 95% graded {grade}")
    assert ir.declarations["evaluation/holdout"].body["require"][0]["graded"] == grade
    assert f'"least_grade": "{grade}"' in ir.bundle.modules["charter/controls.rego"]
    remedy = ir.bundle.data["charter"]["plan"]["controls"]["holdout.roc_auc"]["remedy"]
    assert "run again" in remedy


def test_measured_goes_without_saying() -> None:
    plain, said = compiled("roc_auc >= 0.75"), compiled("roc_auc >= 0.75 graded measured")
    assert requirement(plain).least_grade == "measured"
    assert "graded" not in said.declarations["evaluation/holdout"].body["require"][0]
    assert said.meaning == plain.meaning
    assert compiled("roc_auc >= 0.75 graded attested").meaning != plain.meaning


def test_it_may_begin_a_line_of_its_own_and_stand_in_any_order() -> None:
    for text in (
        "roc_auc >= 0.75\n    graded attested\n    with confidence 95%",
        "roc_auc >= 0.75 enforce mandatory graded attested with confidence 95%",
    ):
        assert requirement(compiled(text)).text == "roc_auc >= 0.75 with confidence 95% graded attested"


def test_nobody_could_attest_without_a_role() -> None:
    text = whole(holdout("roc_auc >= 0.75 graded attested"), without=("role risk-officer", "approval release"))
    found = check_charter(CASES / "any.charter", as_text=text.replace("after release", "after holdout"))
    assert codes(found) == ["CH0219"]
    again = text.replace("after release", "after holdout").replace("graded attested", "graded reproduced")
    assert codes(check_charter(CASES / "any.charter", as_text=again)) == []


def test_declared_is_refused_with_the_reason() -> None:
    found = check_charter(CASES / "any.charter", as_text=whole(holdout("roc_auc >= 0.75 graded declared"))).diagnostics
    (item,) = [item for item in found if item.severity == "error"]
    assert item.code == "CH0219"
    assert "a team's own code says of itself" in item.detail


@pytest.mark.parametrize(
    "text",
    [
        "deployment production of scorecard {\n  after release\n"
        "  rollback when error_rate > 2% for 10 minutes graded attested\n}\n",
        'objective fair {\n  problem "p"\n  kpi accuracy >= 0.5 graded attested\n}\n',
    ],
)
def test_it_stands_only_where_a_gate_can_wait(text: str) -> None:
    assert "CH0219" in codes(check_charter(CASES / "any.charter", as_text=whole(text)))


def test_bounds_of_different_grades_are_not_redundant() -> None:
    two = whole(holdout("roc_auc >= 0.75", "roc_auc >= 0.70 graded attested"))
    found = check_charter(CASES / "any.charter", as_text=two).diagnostics
    assert "CH0604" not in {item.code for item in found}


GRADES = ("", " graded attested", " graded reproduced")


@pytest.mark.parametrize(("less", "more"), [(0, 1), (0, 2), (1, 2)])
def test_a_lower_grade_is_less(less: int, more: int) -> None:
    lower, higher = (version(TEXT.replace(HOLDOUT, HOLDOUT + GRADES[grade])) for grade in (less, more))
    found = [item for item in differences(higher, lower, DAY).weakened if item.id == "holdout.roc_auc"]
    assert [(item.verdict.value, [side.name for side in item.aspects]) for item in found] == [("weakened", ["grade"])]
    assert found[0].old_text is not None and found[0].old_text.endswith(GRADES[more])
    back = differences(lower, higher, DAY)
    assert not back.weakened
    assert [item.verdict.value for item in back.differences if item.control] == ["strengthened"]


STRICT_BANK = BANK.replace("least-auc\n}", "least-auc graded attested\n}")


def at_holdout(result: CompileResult) -> list[str]:
    assert result.draft is not None
    return [item.text for item in result.draft.controls if item.gate == "evaluate/holdout:exit"]


def test_what_a_baseline_wants_attested_stays_so(home: Path) -> None:
    """A stricter bound does not stand for a higher grade: both are asked for."""
    result = extending(home, STRICT_BANK, evaluation=OWN["evaluation"].replace("0.80", "0.90"))
    assert codes(result) == []
    assert at_holdout(result) == ["roc_auc >= 0.9", "roc_auc >= 0.75 graded attested"]


def test_a_lower_grade_than_the_baselines_is_refused(home: Path) -> None:
    result = extending(home, STRICT_BANK, evaluation=OWN["evaluation"].replace("0.80", "0.75 graded measured"))
    assert codes(result) == ["CH1201"]
    (detail,) = [item.detail for item in result.diagnostics if item.code == "CH1201"]
    assert "has grade `measured` here, and `bank.charter` demands grade `attested`" in detail


def test_a_higher_grade_than_the_baselines_is_welcome(home: Path) -> None:
    result = extending(home, STRICT_BANK, evaluation=OWN["evaluation"].replace("0.80", "0.90 graded reproduced"))
    assert codes(result) == []
    assert at_holdout(result) == ["roc_auc >= 0.9 graded reproduced"]
