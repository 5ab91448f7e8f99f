"""Charters of models that make text: proved and in the IR, whole, and named as what cannot be run yet."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from charter.compiler.account import not_checked
from charter.compiler.compile import check_charter, compile_charter
from charter.compiler.ir import IR, Requirement
from charter.compiler.not_run import is_refused
from charter.dsl.diagnostics import Severity

CHARTER = """charter 1

lifecycle loan-answers {
  version "1"
  owner   "credit-models@bank.example"
  purpose "Answer customers' questions about loans."
  risk    limited
}

role risk-officer {
  members at least 3
}

dataset questions {
  source csv "data/questions.csv"
  target answer
  split  train 60%, preferred 20%, test 20% seed 7
}

prompt loan-questions {
  version "3"
  system  "You answer questions about loans. You never promise one."
  user    "A customer asks:"
}

model own {
  task            text-generation
  train on        questions.train
  fine-tuned from "checkpoints/base" with lora
  aligned with    questions.preferred
  prompted by     loan-questions
}

model hosted {
  task        text-generation
  hosted at   "https://models.bank.example/v1" model "chat-large" secret "MODEL_KEY"
  prompted by loan-questions
}

evaluation answers of own on questions.test {
  require perplexity <= 20
  require groundedness >= 90% with confidence 95%
  report  rouge
}

evaluation polite of hosted on questions.test {
  require toxicity <= 1%
}

approval release of own {
  by    risk-officer quorum 2
  after answers
}

deployment production of own {
  after release
}

monitor drift of production on questions.test every 1 day {
  require refusal_rate <= 10% otherwise alert risk-officer
}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "questions.csv").write_text("question,answer\na,b\n")
    base = tmp_path / "checkpoints" / "base"
    (base / "deep").mkdir(parents=True)
    (base / "weights.safetensors").write_bytes(b"weights")
    (base / "deep" / "config.json").write_text("{}")
    (tmp_path / "a.charter").write_text(CHARTER)
    return tmp_path / "a.charter"


def compiled(path: Path, old: str = "", new: str = "") -> IR:
    assert old in CHARTER
    result = compile_charter(path, as_text=CHARTER.replace(old, new))
    assert result.ir is not None, result.diagnostics
    return result.ir


def errors(path: Path, old: str, new: str) -> list[str]:
    assert old in CHARTER
    found = check_charter(path, as_text=CHARTER.replace(old, new)).diagnostics
    return [item.code for item in found if item.severity is Severity.ERROR]


def test_what_a_base_from_elsewhere_has_learnt_is_unknown(path: Path):
    said = compiled(path, "  target answer\n", '  target answer\n  license "CC0-1.0"\n  class public\n')
    own, hosted = said.models["own"], said.models["hosted"]
    assert (own.fine_tuned_from, own.aligned_with and own.aligned_with.part) == ("checkpoints/base", "preferred")
    assert (own.class_, own.class_known, own.licenses, own.commercial_use) == (
        "public", False, ("CC0-1.0",), "unknown",
    )  # fmt: skip
    assert (hosted.trainer, hosted.hosted_at, hosted.learnt_from) == (None, "https://models.bank.example/v1", ())
    assert (hosted.class_, hosted.class_known, hosted.commercial_use) == (None, False, "unknown")


def test_everything_is_in_the_ir(path: Path):
    ir = compiled(path)
    stages = {stage.id: stage for stage in ir.stages}
    own, hosted = stages["train/own"], stages["train/hosted"]
    assert own.spec["fine-tuned from"] == {"checkpoint": "checkpoints/base", "method": "lora"}
    assert own.spec["aligned with"] == "questions.preferred"
    assert {(item.name, item.artifact) for item in own.inputs} == {("train", "train"), ("preferences", "preferred")}
    assert hosted.spec["hosted at"] == {
        "address": "https://models.bank.example/v1",
        "model": "chat-large",
        "secret": "MODEL_KEY",
    }
    assert hosted.inputs == ()
    (prompt,) = hosted.spec["prompts"]
    assert prompt["system"].startswith("You answer") and prompt["user"] == "A customer asks:"
    assert prompt["digest"].startswith("sha256:")
    assert stages["evaluate/answers"].spec["prompts"] == own.spec["prompts"] == [prompt]
    assert ir.declarations["prompt/loan-questions"].body["version"] == "3"
    assert {path for path in ir.pins if path.startswith("checkpoints")} == {
        "checkpoints/base/weights.safetensors",
        "checkpoints/base/deep/config.json",
    }
    units = {item.metric: item.unit for item in ir.controls if isinstance(item, Requirement)}
    assert (units["perplexity"], units["groundedness"], units["toxicity"]) == ("number", "ratio", "ratio")
    assert "package_difference" not in units


def test_a_prompt_is_hashed_like_code(path: Path):
    """Another word in it is another meaning, and another result of everything that uses it."""
    before, after = compiled(path), compiled(path, "You never promise one.", "You may promise one.")
    assert before.meaning != after.meaning
    changed = {old.id for old, new in zip(before.stages, after.stages, strict=True) if old.spec != new.spec}
    assert changed == {"train/own", "train/hosted", "evaluate/answers", "evaluate/polite", "deploy/production",
                       "monitor/drift"}  # fmt: skip
    again = compiled(path, 'version "3"', 'version "4"')
    assert [stage.spec for stage in again.stages] == [stage.spec for stage in before.stages]


def test_a_checkpoint_is_pinned_file_by_file(path: Path):
    before = compiled(path)
    (path.parent / "checkpoints" / "base" / "deep" / "config.json").write_text("{ }")
    assert before.pins != compiled(path).pins


@pytest.mark.parametrize("kind", ["empty", "link", "outside", "pipe", "whole project", "no text"])
def test_a_checkpoint_that_hides_something_is_refused(path: Path, kind: str):
    base = path.parent / "checkpoints" / "base"
    old, new, code = "", "", "CH0901"
    match kind:
        case "empty":
            (path.parent / "checkpoints" / "none").mkdir()
            old, new = '"checkpoints/base"', '"checkpoints/none"'
        case "link":
            (base / "more").symlink_to(path.parent)
            code = "CH0902"
        case "outside":
            (base / "more").symlink_to("/etc/passwd")
            code = "CH0902"
        case "pipe":
            os.mkfifo(base / "pipe")
        case "whole project":
            old, new = '"checkpoints/base"', '"."'
        case "no text":
            Path(os.fsdecode(os.fsencode(base) + b"/\xff")).touch()
            code = "CH0907"
    result = compile_charter(path, as_text=CHARTER.replace(old, new) if old else CHARTER)
    assert [item.code for item in result.diagnostics if item.severity is Severity.ERROR] == [code]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("questions.preferred\n", "questions.test\n", "CH0501"),
        ("require perplexity <= 20\n", "require roc_auc >= 0.8\n", "CH0203"),
        ("prompted by     loan-questions", "prompted by     loan-question", "CH0101"),
        ("prompted by     loan-questions", "prompted by     own", "CH0103"),
        ("require perplexity <= 20\n", "require perplexity <= 0.5\n", "CH0603"),
        ("require refusal_rate <= 10%", "require psi of each feature <= 0.2", "CH0203"),
        ("  target answer\n", "", "CH0214"),
        ('"MODEL_KEY"', '"sk-1234"', "CH1604"),
        ("https://models.bank.example/v1", "https://models.bank.example/v1?key=1", "CH1603"),
        ("https://models.bank.example/v1", "https://[::1", "CH1603"),
        ("https://models.bank.example/v1", "ftp://models.bank.example", "CH1603"),
        ("https://models.bank.example/v1", "https://a:b@models.bank.example", "CH1603"),
        ("https://models.bank.example/v1", "http://0x7f000001/v1", "CH1603"),
        ("https://models.bank.example/v1", "https://mod\u0435ls.bank.example/v1", "CH1603"),
    ],
)
def test_proofs(path: Path, old: str, new: str, code: str):
    assert code in errors(path, old, new)


def test_a_misspelt_task_is_one_mistake(path: Path):
    # What the model is for is not known, so neither is what would fit it.
    assert errors(path, "task            text-generation", "task            text-generatoin") == ["CH0054"]


def test_what_needs_no_reference_needs_no_target(path: Path):
    text = CHARTER.replace("  target answer\n", "").replace("require perplexity <= 20\n", "")
    text = text.replace("  report  rouge\n", "")
    found = [item for item in check_charter(path, as_text=text).diagnostics if item.severity is Severity.ERROR]
    # The model is still to learn what it should write.
    assert [(item.code, "questions" in item.detail) for item in found] == [("CH0214", True)]


def test_a_prompt_that_nobody_uses_is_said(path: Path):
    text = CHARTER + '\nprompt forgotten {\n  system "x"\n}\n'
    found = check_charter(path, as_text=text).diagnostics
    assert [item.code for item in found if "forgotten" in item.detail] == ["CH0405"]


def test_a_check_passes_and_says_what_is_not_run_yet(path: Path):
    charter = check_charter(path).charter
    assert charter is not None
    told = [item.text for item in not_checked(charter) if item.area == "run"]
    idle = [stage.id for stage in compiled(path).stages if is_refused(stage.callable)]
    assert "train/hosted" in idle
    assert all(any(f"`{name}`" in text and "not run yet" in text for text in told) for name in idle)
    assert len(told) == len(idle)


def test_a_trainer_of_the_teams_own_runs(path: Path):
    (path.parent / "writer.py").write_text("def fit(context):\n    ...\n")
    old = '  fine-tuned from "checkpoints/base" with lora\n  aligned with    questions.preferred\n'
    ir = compiled(path, old, '  trainer python "writer:fit"\n')
    stages = {stage.id: stage for stage in ir.stages}
    assert stages["train/own"].callable == "writer:fit"
    assert stages["train/own"].project_code
    assert is_refused(stages["evaluate/answers"].callable)


def test_a_split_looks_for_classes_only_where_there_are_any(path: Path):
    targets = {stage.id: stage.spec.get("target") for stage in compiled(path).stages}
    assert (targets["split/questions"], targets["train/own"]) == (None, "answer")
    both = (
        "model scorecard {\n  task binary-classification\n  train on questions.train\n  trainer builtin tabular-mlp\n}"
    )
    targets = {
        stage.id: stage.spec.get("target") for stage in compiled(path, "model hosted", f"{both}\nmodel hosted").stages
    }
    assert targets["split/questions"] == "answer"


def command(arguments: list[str], code: int) -> str:
    program = [sys.executable, "-m", "charter.runtime.main", *arguments]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_check_plan_and_run_say_it_by_name(path: Path):
    found = json.loads(command(["check", "--format", "json", str(path)], 0))
    told = " ".join(item["text"] for item in found["not_checked"] if item["area"] == "run")
    assert "not run yet" in told and "`evaluate/answers`" in told
    (path.parent / "data" / "questions.csv").write_text("question,answer\n" + "a,b\nc,d\n" * 20)
    idle = ["train/hosted", "evaluate/polite", "train/own", "evaluate/answers", "deploy/production", "monitor/drift"]
    assert json.loads(command(["plan", "--json", str(path)], 0))["not_run_yet"] == idle
    planned = command(["plan", str(path)], 0)
    assert all(f"not run yet: {name}, which asks for" in planned for name in idle)
    shown = command(["run", str(path)], 1)
    assert "split/questions" in shown and "failed   split/questions" not in shown
    assert "failed   train/own: not run yet" in shown
    assert "`hosted` asks for `hosted at`" in shown
    assert "✓ train" not in shown and "✓ evaluate" not in shown
