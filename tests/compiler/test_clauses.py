"""Clauses that no stage does yet: proved, pinned, in the IR, and refused by the stage that carries them."""

import shutil
from pathlib import Path

import pytest
from base import CASES, whole

from charter.compiler.compile import check_charter, compile_charter
from charter.compiler.ir import IR, Requirement, RetirementCriterion
from charter.compiler.not_run import is_refused
from charter.compiler.passes.tuning import SEARCHED
from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.parameters import read_parameters

WHOLE = CASES.parent / "credit-whole"

FEEDBACK = """dataset feedback of production {
  labels  csv "data/recent.csv" after 30 days
  join on application_id
}
"""
HOLDOUT = "evaluation holdout of scorecard on applications.test {{\n  require roc_auc >= 0.75\n  {}\n}}\n"
PRODUCTION = "deployment production of scorecard {{\n  after release\n  {}\n}}\n"
MONITOR = "monitor drift of production every 1 day {{\n  {}\n}}\n"
PSI = "require psi of each feature <= 0.2"
SPLIT = "split train 60%, validation 20%, test 20% seed 7"
DATA = (
    f'dataset applications {{{{\n  source csv "data/applications.csv"\n  protected sex\n  target default\n  {SPLIT}\n'
)
TUNED = (
    DATA
    + "}}\nmodel scorecard {{\n  task binary-classification\n  train on applications.train\n"
    + "  validate on applications.validation\n  trainer builtin tabular-mlp\n  tune {}\n}}\n"
)
PREPARED = DATA + "  prepare {{\n    {}\n  }}\n}}\n"
SOURCE = (
    "dataset applications {{\n  source {}\n  protected sex\n  target default\n  split train 70%, test 30% seed 7\n}}\n"
)
RETIRED = MONITOR.replace("{}", PSI) + "retirement of scorecard {{\n  when {}\n}}\n"
RULES = 'lifecycle credit-risk {{\n  version "1"\n  owner "o@bank.example"\n  purpose "p"\n  risk limited\n  {}\n}}\n'


def errors(text: str) -> list[str]:
    found = compile_charter(CASES / "any.charter", as_text=whole(text)).diagnostics
    return [item.code for item in found]


def compiled(text: str, path: Path = CASES / "any.charter") -> IR:
    result = compile_charter(path, as_text=whole(text))
    assert result.ir is not None, result.diagnostics
    return result.ir


RIGHT = [
    (PRODUCTION.format("rollout 10% -> 50% -> 100% each 1 day"), ["deploy/production"]),
    (PRODUCTION.format("rollout 100%"), ["deploy/production"]),
    (PRODUCTION.format("rollback when error_rate > 2% for 10 minutes"), ["deploy/production"]),
    (PRODUCTION.format('fallback scorecard version "0.9"'), ["deploy/production"]),
    (PRODUCTION.format("package torchscript"), ["deploy/production"]),
    (PRODUCTION.format("package onnx quantise int8"), ["deploy/production"]),
    (PRODUCTION.format("serve kserve"), ["deploy/production"]),
    (HOLDOUT.format("require roc_auc under attack fgsm(eps: 0.05) >= 0.65"), ["evaluate/holdout"]),
    (HOLDOUT.format("require roc_auc not worse than champion by more than 1%"), ["evaluate/holdout"]),
    (HOLDOUT.format("require roc_auc not worse than champion"), ["evaluate/holdout"]),
    (HOLDOUT.format("report feature_attributions top 10"), ["evaluate/holdout"]),
    (TUNED.format("20 trials maximise roc_auc { learning-rate: 1e-4 .. 1e-2 log }"), ["train/scorecard"]),
    (TUNED.format("20 trials minimise brier_score { dropout: [0, 0.1] }"), ["train/scorecard"]),
    (PREPARED.format("redact pii in notes"), ["prepare/applications"]),
    (SOURCE.format('sql secret "LOANS_DB" query "select 1"'), ["acquire/applications"]),
    (FEEDBACK + MONITOR.format("require roc_auc on feedback >= 0.7"), ["acquire/feedback", "monitor/drift"]),
    (FEEDBACK + MONITOR.format(f"{PSI}\n  learn from feedback select random 5 review by risk-officer"),
     ["acquire/feedback", "monitor/drift"]),
    (MONITOR.format("require demographic_parity_ratio over sex >= 0.8"), ["monitor/drift"]),
    (MONITOR.format("require demographic_parity_difference over sex <= 0.1"), ["monitor/drift"]),
    (MONITOR.format("require selection_rate >= 0.1"), ["monitor/drift"]),
    (RETIRED.format("drift.selection_rate < 0.1"), ["monitor/drift"]),
    (MONITOR.format(f"{PSI} for 3 days"), ["monitor/drift"]),
    (RETIRED.format("drift.psi > 0.3 for 3 days"), ["retire/scorecard"]),
    (RETIRED.format("drift.psi of each feature > 0.3"), ["retire/scorecard"]),
    (RETIRED.format("drift.psi > 0.3 for 3 checks"), []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "refusing"), RIGHT)
def test_the_stage_that_carries_it_refuses(text: str, refusing: list[str]):
    ir = compiled(text)
    assert sorted(stage.id for stage in ir.stages if is_refused(stage.callable)) == refusing
    assert all(stage.spec["not_run"] for stage in ir.stages if is_refused(stage.callable))


WRONG = [
    (PRODUCTION.format("rollout 50% -> 10% -> 100% each 1 day"), "CH1701"),
    (PRODUCTION.format("rollout 10% -> 10% -> 100% each 1 day"), "CH1701"),
    (PRODUCTION.format("rollout 10% -> 90% each 1 day"), "CH1701"),
    (PRODUCTION.format("rollout 10% -> 110% each 1 day"), "CH1701"),
    (PRODUCTION.format("rollout 0% -> 100% each 1 day"), "CH1701"),
    (PRODUCTION.format("rollout 10 -> 100% each 1 day"), "CH1701"),
    (PRODUCTION.format("rollout 10% -> 100%"), "CH1701"),
    (PRODUCTION.format("rollout 10% -> 100% each 0 days"), "CH0211"),
    (PRODUCTION.format("rollback when roc_auc < 0.7"), "CH0203"),
    (PRODUCTION.format("rollback when demographic_parity_ratio over sex < 0.7"), "CH0203"),
    (PRODUCTION.format("rollback when eror_rate > 1%"), "CH0109"),
    (PRODUCTION.format("rollback when error_rate > 1% for 3 checks"), "CH0211"),
    (PRODUCTION.format("rollback when error_rate > 200%"), "CH0603"),
    (PRODUCTION.format("rollback when error_rate < 1%"), "CH0607"),
    (PRODUCTION.format("rollback when error_rate > 1% otherwise retrain"), "CH0213"),
    (PRODUCTION.format("fallback scorecard"), "CH1702"),
    (RETIRED.format("drift.perplexity > 3"), "CH0203"),
    (RETIRED.format("drift.roc_auc < 0.6"), "CH0203"),
    (PRODUCTION.format('fallback scorecard version "1"'), "CH1702"),
    (PRODUCTION.format('fallback scorecad version "0.9"'), "CH0101"),
    (PRODUCTION.format("package onnx quantise int3"), "CH0054"),
    (HOLDOUT.format("require roc_auc under attack fsgm(eps: 0.05) >= 0.65"), "CH1707"),
    (HOLDOUT.format("require roc_auc under attack fgsm(eps: -1) >= 0.65"), "CH1707"),
    (HOLDOUT.format("require roc_auc under attack fgsm(epsilon: 1) >= 0.65"), "CH1707"),
    (HOLDOUT.format("require roc_auc under attack pgd(eps: 0.1, steps: 1.5) >= 0.65"), "CH1707"),
    (HOLDOUT.format("require roc_auc not worse than last by more than 1%"), "CH1706"),
    (HOLDOUT.format("require selection_rate not worse than champion"), "CH1706"),
    ("parameter far = 3 days\n" + HOLDOUT.format("require roc_auc not worse than champion by more than far"), "CH0201"),
    (HOLDOUT.format("require roc_auc not worse than champion by more than -1%"), "CH0211"),
    (HOLDOUT.format("require roc_auc not worse than champion by more than 100%"), "CH0602"),
    (HOLDOUT.format("require roc_auc on applications.test >= 0.7"), "CH1706"),
    (HOLDOUT.format("report feature_attributions top 0"), "CH0211"),
    (HOLDOUT.format("report roc_auc top 3"), "CH0205"),
    (TUNED.format("0 trials maximise roc_auc { learning-rate: 1e-4 .. 1e-2 log }"), "CH1703"),
    (TUNED.format("9 trials minimise roc_auc { learning-rate: 1e-4 .. 1e-2 log }"), "CH0607"),
    (TUNED.format("9 trials maximise roc_acu { learning-rate: 1e-4 .. 1e-2 log }"), "CH0109"),
    (TUNED.format("9 trials maximise rows { learning-rate: 1e-4 .. 1e-2 log }"), "CH0203"),
    (TUNED.format("9 trials maximise demographic_parity_ratio { epochs: 1 .. 9 }"), "CH1703"),
    (TUNED.format("9 trials maximise roc_auc { learning-rat: 1e-4 .. 1e-2 }"), "CH1703"),
    (TUNED.format("9 trials maximise roc_auc { dropout: 0 .. 0.5 log }"), "CH1703"),
    (TUNED.format("9 trials maximise roc_auc { dropout: 0.1 .. 1.5 }"), "CH1703"),
    (TUNED.format("9 trials maximise roc_auc { dropout: 0.5 .. 0.1 }"), "CH1703"),
    (TUNED.format("9 trials maximise roc_auc { dropout: 0.5 }"), "CH1703"),
    (PREPARED.format("redact pii in default"), "CH0112"),
    (PREPARED.format("redact pii in sex"), "CH0112"),
    (PREPARED.format("drop columns notes\n    redact pii in notes"), "CH0111"),
    (SOURCE.format('sql secret "loans" query "select 1"'), "CH1604"),
    (SOURCE.format('csv secret "LOANS" query "select 1"'), "CH1708"),
    (FEEDBACK.replace("  join on application_id\n", "") + MONITOR.format(PSI), "CH1704"),
    (FEEDBACK.replace("recent.csv", "none.csv") + MONITOR.format("require roc_auc on feedback >= 0.7"), "CH0901"),
    (FEEDBACK.replace("30 days", "0 days") + MONITOR.format("require roc_auc on feedback >= 0.7"), "CH0211"),
    (FEEDBACK.replace(" of production", "") + MONITOR.format("require roc_auc on feedback >= 0.7"), "CH1704"),
    (FEEDBACK + MONITOR.format("require roc_auc on feedbak >= 0.7"), "CH0101"),
    (FEEDBACK + MONITOR.format("require error_rate on feedback <= 1%"), "CH0203"),
    (FEEDBACK + MONITOR.format("require demographic_parity_ratio over age on feedback >= 0.8"), "CH0212"),
    (FEEDBACK + MONITOR.format(f"{PSI}\n  learn from feedback select uncertain 0 review by risk-officer"), "CH0211"),
    (FEEDBACK + MONITOR.format(f"{PSI}\n  learn from feedback select certain 5 review by risk-officer"), "CH0054"),
    (
        FEEDBACK + MONITOR.format(f"{PSI}\n  learn from applications select random 5 review by risk-officer"),
        "CH1705",
    ),
    (MONITOR.format("require roc_auc on applications.train >= 0.7"), "CH0501"),
    (MONITOR.format("require roc_auc under attack fgsm(eps: 0.1) on applications.test >= 0.7"), "CH1706"),
    (RETIRED.format("drift.demographic_parity_ratio over sex < 0.7"), "CH0204"),
    (RULES.format('use policies from "rules"'), "CH0901"),
    (RULES.format('use policies from "data"'), "CH0904"),
    (RULES.format('use policies from "../.."'), "CH0902"),
]


@pytest.mark.parametrize(("text", "code"), WRONG)
def test_proofs(text: str, code: str):
    found = errors(text)
    assert set(found) - {"CH0405"} == {code}, found


def test_an_attack_is_no_bound_on_the_same_value():
    """A lower bound under attack neither contradicts the plain one nor accepts what a monitor calls a breach."""
    text = HOLDOUT.format("require roc_auc under attack fgsm(eps: 0.05) >= 0.65")
    assert errors(text + FEEDBACK + MONITOR.format("require roc_auc on feedback >= 0.7")) == []
    assert "CH0601" in errors(HOLDOUT.format("require roc_auc <= 0.65"))
    text = text.replace(">= 0.75", ">= 0.6")
    assert errors(text + FEEDBACK + MONITOR.format("require roc_auc on feedback >= 0.62")) == ["CH0605"]


def test_what_is_measured_anew_has_a_name_that_no_evidence_has():
    ir = compiled(HOLDOUT.format("require brier_score not worse than champion by more than 1%"))
    bound = next(item for item in ir.controls if item.id == "holdout.brier_score.against.champion")
    assert isinstance(bound, Requirement)
    assert (bound.metric, bound.comparison, bound.bound) == ("brier_score minus champion", "<=", 0.01)
    ir = compiled(HOLDOUT.format("require roc_auc under attack fgsm(eps: 0.05) >= 0.65"))
    bound = next(item for item in ir.controls if item.id == "holdout.roc_auc.under.fgsm")
    assert isinstance(bound, Requirement)
    assert bound.attack == {"name": "fgsm", "arguments": {"eps": 0.05}}
    assert {
        measure.attack is None for stage in ir.stages for measure in stage.measures if measure.metric == "roc_auc"
    } == {
        True,
        False,
    }


def test_every_number_of_a_clause_is_part_of_the_meaning():
    def meaning(clause: str) -> str:
        return compiled(PRODUCTION.format(clause)).meaning

    assert meaning("rollout 10% -> 100% each 1 day") == meaning("rollout 0.1 -> 1.0 each 24 hours")
    assert meaning("rollout 10% -> 100% each 1 day") != meaning("rollout 10% -> 100% each 2 days")
    assert meaning("rollback when error_rate > 2% for 10 minutes") != meaning("rollback when error_rate > 2%")
    assert meaning('fallback scorecard version "0.9"') != meaning('fallback scorecard version "0.8"')


def test_feedback_waits_for_its_deployment_and_its_outcomes_are_pinned():
    ir = compiled(FEEDBACK + MONITOR.format("require roc_auc on feedback >= 0.7"))
    stages = {stage.id: stage for stage in ir.stages}
    assert stages["acquire/feedback"].after == ("deploy/production",)
    assert stages["acquire/feedback"].spec["labels"]["after"] == 30 * 86_400
    assert stages["acquire/feedback"].spec["target"] == "default"
    assert "feedback" in {item.name for item in stages["monitor/drift"].inputs}
    assert "data/recent.csv" in ir.pins


def test_feedback_is_as_confidential_as_what_its_model_has_learnt_from():
    special = DATA.format() + "  class special-category\n  basis consent\n  condition explicit-consent\n}\n"
    cleared = "model scorecard {\n  task binary-classification\n  train on applications.train\n"
    cleared += "  trainer builtin tabular-mlp\n  cleared for special-category\n}\n"
    found = errors(special + cleared + FEEDBACK.replace("}\n", "  class internal\n}\n")
                   + PRODUCTION.format("cleared for special-category")
                   + MONITOR.format("require roc_auc on feedback >= 0.7"))  # fmt: skip
    assert found == ["CH1301"]


def test_a_duration_is_in_a_criterion():
    ir = compiled(RETIRED.format("drift.psi > 0.3 for 3 days"))
    (criterion,) = (item for item in ir.controls if isinstance(item, RetirementCriterion))
    assert criterion.lasting_seconds == 3 * 86_400
    assert criterion.text.endswith("for 3 days")


def test_rules_of_others_are_pinned_and_hold_every_stage_up(tmp_path: Path):
    (tmp_path / "data").mkdir()
    shutil.copy(CASES / "data" / "applications.csv", tmp_path / "data")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "more.rego").write_text("package more\n\nimport rego.v1\n\ndeny contains 1 if false\n")
    ir = compiled(RULES.format('use policies from "rules"'), tmp_path / "a.charter")
    assert all(is_refused(stage.callable) for stage in ir.stages)
    assert "rules/more.rego" in ir.pins
    (tmp_path / "rules" / "more.rego").write_text("package more\n\ndeny contains { if\n")
    found = compile_charter(tmp_path / "a.charter", as_text=whole(RULES.format('use policies from "rules"')))
    assert [item.code for item in found.diagnostics] == ["CH0904"]


def test_the_whole_example_of_the_language(tmp_path: Path):
    shutil.copytree(WHOLE, tmp_path / "whole")
    path = tmp_path / "whole" / "credit-risk" / "credit-risk.charter"
    assert [item.code for item in check_charter(path).diagnostics] == []
    ir = compile_charter(path).ir
    assert ir is not None
    assert {stage.id for stage in ir.stages if is_refused(stage.callable)} == {
        "acquire/feedback",
        "deploy/production",
        "evaluate/holdout",
        "monitor/drift",
        "prepare/applications",
        "train/scorecard",
    }


def test_what_is_searched_is_what_the_trainer_takes():
    for name, ends in SEARCHED.items():
        whole_number = name in ("epochs", "batch-size")
        for end in ends:
            given = int(end) if whole_number else float(end)
            if name == "fairness-penalty":
                read_parameters({name: given, "fairness-over": "sex"}, ["sex"])
            else:
                read_parameters({name: given}, [])
        beyond = int(ends[1]) + 1 if whole_number else float(ends[1]) * 1.01
        with pytest.raises(StageRefused):
            read_parameters({name: beyond, "fairness-over": "sex"}, ["sex"])
