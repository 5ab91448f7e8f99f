"""People around a real model: who changed the charter does not agree to it, and who measures an evaluation again."""

import random

import pytest
from sandbox import Sandbox

pytestmark = pytest.mark.ml

CHARTER = """charter 1

lifecycle small {
  version "1"
  owner   "olga@bank.example"
  purpose "Test who may agree to a change."
  risk    minimal
}

role officer {
  members at least 3
}

dataset loans {
  source  csv "loans.csv"
  class   internal
  origin  "Made up"
  license "CC0-1.0"
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
  require accuracy >= 0.2
}

approval release of scorecard {
  by        officer quorum 1
  excluding owner, trainer, author
  after     holdout
}

deployment production of scorecard {
  after release
  serve directory
}
"""


@pytest.fixture
def project(tmp_path) -> Sandbox:
    sandbox = Sandbox(tmp_path)
    chance = random.Random(7)
    rows = ["income,debt,repaid"]
    for _ in range(400):
        income, debt = chance.gauss(40, 12), chance.gauss(15, 8)
        rows.append(f"{income:.2f},{debt:.2f},{int(income - debt > 25)}")
    sandbox.write("loans.csv", "\n".join(rows) + "\n")
    sandbox.write("small.charter", CHARTER)
    for name in ("olga", "tom", "bob", "carol"):
        assert sandbox.charter("keys", "new", f"{name}.key").code == 0
    by = ("--sign-with", "olga.key")
    person = ("--person", "olga@bank.example", "--name", "Olga", "--key", "olga.key.pub")
    assert sandbox.charter("trust", "init", *person, *by).code == 0
    for name in ("tom", "bob", "carol"):
        added = (f"{name}@bank.example", "--name", name.title(), "--key", f"{name}.key.pub", "--role", "officer")
        assert sandbox.charter("trust", "add", *added, *by).code == 0
    return sandbox


def test_who_changed_the_charter_does_not_agree_to_it(project: Sandbox) -> None:
    first = project.charter("run", "--key", "tom.key", timeout=180)
    assert first.code == 5, first
    # Bob lowers the bound; nothing is trained again, so Tom stays the trainer.
    project.write("small.charter", CHARTER.replace("accuracy >= 0.2", "accuracy >= 0.1"))
    assert project.charter("run", "--key", "bob.key", timeout=180).code == 5
    for name, word in (("tom", "trainer"), ("bob", "author")):
        refused = project.charter("approve", "release", "--key", f"{name}.key", "--yes")
        assert refused.code == 1, refused
        assert word in refused.err
    assert project.charter("approve", "release", "--key", "carol.key", "--yes").code == 0
    done = project.charter("run", "--key", "bob.key", timeout=180)
    assert done.code == 0, done


def test_a_change_that_nobody_signed_for_is_nobodys(project: Sandbox) -> None:
    unknown = project.charter("run", timeout=180)
    assert "excludes the author" in unknown.out
    assert "nobody is known to be `author`" in unknown.out


def test_an_evaluation_that_must_be_reproduced_waits_for_somebody_else(project: Sandbox) -> None:
    project.write(
        "small.charter", CHARTER.replace("accuracy >= 0.2", "accuracy >= 0.2 with confidence 95% graded reproduced")
    )
    denied = project.charter("run", "--key", "tom.key", timeout=180)
    assert denied.code == 1, denied
    assert "`accuracy` is only measured, must be reproduced or better" in " ".join(denied.out.split())
    own = project.charter("reproduce", "evaluate/holdout", "--key", "tom.key", "--yes", timeout=180)
    assert own.code == 1, "who measured it has not measured it twice, independently"
    again = project.charter("reproduce", "evaluate/holdout", "--key", "bob.key", "--yes", timeout=180)
    assert again.code == 0, again
    assert project.charter("run", "--key", "tom.key", timeout=180).code == 5, "only the approval is missing now"
