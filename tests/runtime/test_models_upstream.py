"""A real run on both engines: the team's Rego denies the deployment of a model for the licence of its data."""

import json
import random
from pathlib import Path

import pytest
from sandbox import Sandbox

from charter.runtime.ledger.ledger import Ledger

pytestmark = pytest.mark.ml

CHARTER = """charter 1

lifecycle small {
  version "1"
  owner   "owner@example.org"
  purpose "Test what a policy is told of models."
  risk    minimal
}

dataset loans {
  source  csv "loans.csv"
  class   internal
  origin  "Made up"
  license "LICENCE"
  target  repaid
  split   train 70%, test 30% stratified by repaid seed 7
}

model scorecard {
  task       binary-classification
  train on   loans.train
  trainer    builtin tabular-mlp
  parameters { hidden: [4], epochs: 2, seed: 7 }
}

evaluation holdout of scorecard on loans.test {
  require accuracy >= 0.1
}

policy licences {
  rego   "licences.rego"
  before deploy
}

deployment production of scorecard {
  after holdout
  use   non-commercial
  serve directory
}
"""
PAGE = Path(__file__).parents[2] / "docs" / "policy-input.md"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The model, trained; its deployment is denied."""
    sandbox = Sandbox(tmp_path_factory.mktemp("models"))
    chance = random.Random(7)
    rows = ["income,debt,repaid"]
    for _ in range(400):
        income, debt = chance.gauss(40, 12), chance.gauss(15, 8)
        rows.append(f"{income:.2f},{debt:.2f},{int(income - debt > 25)}")
    sandbox.write("loans.csv", "\n".join(rows) + "\n")
    sandbox.write(
        "licences.rego", "package project" + PAGE.read_text().split("```rego\npackage project")[-1].split("```")[0]
    )
    sandbox.write("small.charter", CHARTER.replace("LICENCE", "CC-BY-NC-4.0"))
    done = sandbox.charter("run", timeout=180)
    assert done.code == 1, done
    assert "`scorecard` has learnt from data under CC-BY-NC-4.0; commercial use: forbidden" in done.out
    return sandbox


def inputs(sandbox: Sandbox) -> dict[str, dict[str, object]]:
    """The latest policy input of every gate."""
    with Ledger.open_read_only(sandbox.root / ".charter" / "ledger.db") as ledger:
        return {
            str(event.body["gate"]): json.loads(ledger.attachment(event.body["input"]) or b"")
            for event in ledger.events(kinds={"gate.decided"})
        }


def test_every_gate_is_told_of_the_models_before_it(trained: Sandbox) -> None:
    (made,) = [event for event in trained.of_kind("stage.finished") if event.body["stage"] == "train/scorecard"]
    digest = made.body["artifacts"]["model"]["digest"]
    told = {
        gate: [(model["name"], model["digest"]) for model in said["models"]]  # type: ignore[attr-defined,index]
        for gate, said in inputs(trained).items()
    }
    assert told["split/loans:exit"] == []
    assert told["train/scorecard:entry"] == [("scorecard", None)]
    assert told["train/scorecard:exit"] == [("scorecard", digest)]
    assert told["evaluate/holdout:entry"] == told["evaluate/holdout:exit"] == [("scorecard", digest)]
    assert told["deploy/production:entry"] == [("scorecard", digest)]
    (model,) = inputs(trained)["deploy/production:entry"]["models"]  # type: ignore[misc]
    assert model["trained_on"] == {"dataset": "loans", "part": "train"}
    assert (model["class"], model["licenses"], model["trainer"]) == ("internal", ["CC-BY-NC-4.0"], "tabular-mlp")


@pytest.mark.opa
def test_another_licence_opens_the_gate_and_opa_says_the_same(trained: Sandbox, opa: str) -> None:
    denied = trained.charter("run", "--engine", "opa", timeout=180)
    assert denied.code == 1, denied
    assert "commercial use: forbidden" in denied.out
    trained.write("small.charter", CHARTER.replace("LICENCE", "CC0-1.0"))
    done = trained.charter("run", "--engine", "opa", timeout=180)
    assert done.code == 0, done
