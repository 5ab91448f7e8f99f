"""What each stage of the spine is told: callable, spec, limits, evidence, controls."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from charter.compiler.compile import compile_charter
from charter.compiler.ir import IR, Stage

SPINE = Path(__file__).parent.parent / "cases" / "credit-spine" / "credit-spine.charter"
COLUMNS = {"target": "default", "protected": ["sex", "age_group"], "personal": ["applicant_name", "email"]}
PARTS = {"train": 0.7, "validation": 0.15, "test": 0.15}
SPECS: dict[str, dict[str, Any]] = {
    "define/fair-lending": {},
    "acquire/applications": {
        "format": "csv",
        "location": "data/applications.csv",
        "columns": ["applicant_name", "default", "email", "sex"],  # `age_group` is made by `bin`
    },
    "acquire/recent": {"format": "csv", "location": "data/recent.csv", "columns": ["age_group", "default", "sex"]},
    "prepare/applications": {
        "steps": [
            {"do": "drop duplicates"},
            {"do": "drop columns", "columns": ["applicant_name", "email"]},
            {"do": "bin", "column": "age", "into": "age_group", "at": [25, 40, 60]},
            {"do": "impute", "columns": ["income"], "with": "median"},
            {"do": "encode", "columns": ["occupation"], "with": "one-hot"},
        ],
        "split": {"parts": PARTS, "stratified_by": "default", "seed": 7},
        **COLUMNS,
    },
    "split/applications": {"parts": PARTS, "stratified_by": "default", "seed": 7, "target": "default"},
    "train/scorecard": {
        "task": "binary-classification",
        "parameters": {"hidden": [64, 32], "dropout": 0.1, "epochs": 20, "learning-rate": 0.001, "seed": 7},
        **COLUMNS,
    },
    "evaluate/holdout": {"task": "binary-classification", **COLUMNS},
    "evaluate/parity": {"task": "binary-classification", **COLUMNS},
    "approve/release": {},
    "deploy/production": {
        "package": "onnx",
        "serve": "http",
        "model": "scorecard",
        "task": "binary-classification",
        **COLUMNS,
    },
    "monitor/drift": {
        "deployment": "production",
        "task": "binary-classification",
        "source": "dataset",
        **COLUMNS,
    },
    "retire/scorecard": {
        "model": "scorecard",
        "archive": {"what": ["model", "evidence", "ledger"], "seconds": 315569520},
        "erase": [{"dataset": "applications", "after_seconds": 157784760}],
        "lessons": "docs/lessons.md",
        "notify": ["model-inventory@bank.example"],
        "deployments": ["production"],
    },
}


@pytest.fixture(scope="module")
def ir() -> IR:
    compiled = compile_charter(SPINE).ir
    assert compiled is not None
    return compiled


@pytest.fixture(scope="module")
def stages(ir: IR) -> dict[str, Stage]:
    return {stage.id: stage for stage in ir.stages}


@pytest.mark.parametrize("stage", SPECS)
def test_spec(stages: dict[str, Stage], stage: str):
    assert stages[stage].spec == SPECS[stage]


def test_every_stage_is_looked_at(stages: dict[str, Stage]):
    assert set(stages) - set(SPECS) == {"validate/applications"}
    spec = dict(stages["validate/applications"].spec)
    assert spec.pop("schema")["properties"]["age"] == {"type": "integer", "minimum": 18}
    assert spec == COLUMNS


def test_callables(stages: dict[str, Stage]):
    assert {stage.callable for stage in stages.values() if stage.callable is None or stage.project_code} == {None}
    for stage in stages.values():
        if stage.kind == "train":
            assert stage.callable == "charter.runtime.stages.train:tabular_mlp"
        elif stage.kind not in ("define", "approve"):
            assert stage.callable == f"charter.runtime.stages.{stage.kind}:{stage.kind}"


def test_limits_seeds_and_periods(stages: dict[str, Stage]):
    train, monitor = stages["train/scorecard"], stages["monitor/drift"]
    assert (train.limits.seconds, train.limits.memory_bytes, train.limits.gpus) == (600.0, 4_000_000_000, 0)
    assert (monitor.limits.seconds, monitor.limits.memory_bytes) == (300.0, 4 * 2**30)
    assert (train.seed, stages["split/applications"].seed, monitor.every_seconds) == (7, 7, 86_400)
    limited = SPINE.read_text("utf-8").replace("time: 10 minutes, memory: 4 GB, gpus: 0", "time: 1 minute, gpus: 1")
    result = compile_charter(SPINE, as_text=limited)
    assert result.ir is not None
    limits = next(stage.limits for stage in result.ir.stages if stage.kind == "train")
    assert (limits.seconds, limits.memory_bytes, limits.gpus) == (60.0, 4 * 2**30, 1)


def test_artifacts(stages: dict[str, Stage]):
    def flowing(stage: str) -> dict[str, str]:
        return {item.name: f"{item.stage}.{item.artifact}" for item in stages[stage].inputs}

    assert stages["split/applications"].outputs == ("train", "validation", "test")
    assert flowing("train/scorecard") == {
        "train": "split/applications.train",
        "validation": "split/applications.validation",
    }
    assert flowing("evaluate/holdout") == {"model": "train/scorecard.model", "data": "split/applications.test"}
    reference = {"model": "train/scorecard.model", "reference": "split/applications.train"}
    assert flowing("deploy/production") == reference
    assert flowing("monitor/drift") == {**reference, "current": "acquire/recent.data"}
    assert flowing("retire/scorecard") == {"model": "train/scorecard.model"}


def test_evidence_that_is_asked_for(stages: dict[str, Stage]):
    def asked(stage: str) -> set[tuple[str, str | None, str | None, float | None]]:
        return {(m.metric, m.each, m.over, m.confidence) for m in stages[stage].measures}

    assert asked("validate/applications") == {
        ("rows", None, None, None),
        ("missing", None, None, None),
        ("share", "sex", None, None),
        ("schema_violations", None, None, None),
    }
    assert asked("evaluate/holdout") == {
        ("roc_auc", None, None, 0.95),
        ("expected_calibration_error", None, None, None),
        ("accuracy", None, None, None),
        ("f1", None, None, None),
    }
    assert asked("deploy/production") == {("smoke_test", None, None, None), ("package_difference", None, None, None)}


def test_a_monitor_measures_what_a_retirement_asks():
    text = SPINE.read_text("utf-8").replace("  require roc_auc >= 0.72 otherwise alert risk-officer\n", "")
    result = compile_charter(SPINE, as_text=text)
    assert result.ir is not None
    monitor = next(stage for stage in result.ir.stages if stage.kind == "monitor")
    assert {m.metric for m in monitor.measures} == {"psi", "roc_auc"}
    (psi,) = (m for m in monitor.measures if m.metric == "psi")
    assert psi.each == "feature"


def test_controls(ir: IR):
    controls = {control.id: msgspec.to_builtins(control) for control in ir.controls}
    for control in controls.values():
        del control["place"]
    assert controls["holdout.roc_auc"] == {
        "kind": "requirement",
        "id": "holdout.roc_auc",
        "gate": "evaluate/holdout:exit",
        "subject": "evaluation/holdout",
        "metric": "roc_auc",
        "comparison": ">=",
        "bound": 0.75,
        "unit": "ratio",
        "text": "roc_auc >= 0.75 with confidence 95%",
        "each": None,
        "over": None,
        "on": None,
        "attack": None,
        "confidence": 0.95,
        "checks": None,
        "lasting_seconds": None,
        "reaction": None,
        "reaction_to": None,
        "enforce": "mandatory",
        "least_grade": "measured",
    }
    assert controls["parity.equalized_odds_difference.over.age_group"]["enforce"] == "advisory"
    drift = controls["drift.roc_auc"]
    assert (drift["gate"], drift["reaction"], drift["reaction_to"]) == ("monitor/drift:exit", "alert", "risk-officer")
    release = controls["release"]
    assert (release["role"], release["quorum"], release["valid_seconds"]) == ("risk-officer", 2, 30 * 86_400)
    assert release["excluding"] == ("owner", "trainer")
    policy = controls["no-proxy-features"]
    assert (policy["package"], policy["gate"]) == ("project.no_proxy", "train/scorecard:entry")
    assert policy["satisfies"] == ("eu-ai-act Art. 10(2)(f)",)
    retire = controls["scorecard.drift.roc_auc"]
    assert (retire["monitor"], retire["metric"], retire["checks"], retire["bound"]) == ("drift", "roc_auc", 3, 0.7)
    age = controls["scorecard.age"]
    assert (age["monitor"], age["unit"], age["bound"]) == (None, "seconds", 63_113_904.0)
    for metric in ("smoke_test", "package_difference"):
        assert controls[f"production.{metric}"]["gate"] == "deploy/production:exit"
    assert controls["applications.schema_violations"]["bound"] == 0


def test_each_control_stands_at_its_gate(ir: IR):
    gates = {gate.id: gate for stage in ir.stages for gate in (stage.entry, stage.exit)}
    assert {(c.gate, c.id) for c in ir.controls} == {(g.id, c) for g in gates.values() for c in g.controls}
    assert len({control.id for control in ir.controls}) == len(ir.controls)


def test_places_underline_what_was_written(ir: IR):
    lines = SPINE.read_text("utf-8").splitlines()
    for control in ir.controls:
        place = control.place
        assert place.file == SPINE.name
        text = lines[place.line - 1][place.column - 1 : place.end_column - 1]
        if control.id == "holdout.roc_auc":
            assert text == "roc_auc >= min-auc with confidence 95%"
        assert text.strip() == text != ""


def test_a_policy_before_several_stages_is_one_control_each():
    text = SPINE.read_text("utf-8").replace("  before    train\n", "  before    train, evaluate\n")
    result = compile_charter(SPINE, as_text=text)
    assert result.ir is not None
    assert {c.id for c in result.ir.controls if c.id.startswith("no-proxy")} == {
        "no-proxy-features@train/scorecard",
        "no-proxy-features@evaluate/holdout",
        "no-proxy-features@evaluate/parity",
    }


def test_bounds_on_one_metric_have_ids_of_their_own():
    text = SPINE.read_text("utf-8").replace(
        "  require expected_calibration_error <= 5%\n",
        "  require expected_calibration_error <= 5%\n  require roc_auc <= 0.99\n"
        "  require roc_auc >= 0.85 enforce advisory\n",
    )
    result = compile_charter(SPINE, as_text=text)
    assert result.ir is not None
    assert {c.id for c in result.ir.controls if ".roc_auc" in c.id and c.id.startswith("holdout")} == {
        "holdout.roc_auc.min",
        "holdout.roc_auc.max",
        "holdout.roc_auc.min.2",
    }
