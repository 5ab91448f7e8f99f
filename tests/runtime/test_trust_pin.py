"""The trust root that a run went by cannot be swapped for another one, nor taken away."""

from sandbox import Sandbox

from charter.runtime.failure import ExitCode

APPROVED = """charter 1

lifecycle small {
  version "1"
  owner "ann@example.org"
  purpose "Test."
  risk minimal
  use policies core
}

role officer {
  members at least 1
}

dataset rows {
  source csv "rows.csv"
  class public
  target y
  split train 70%, test 30% stratified by y seed 1
}

model net {
  task binary-classification
  train on rows.train
  trainer python "steps:fit"
}

evaluation holdout of net on rows.test {
  require roc_auc >= 0.1
}

approval release of net {
  by officer quorum 1
  after holdout
}
"""


def _trust(sandbox: Sandbox, person: str) -> None:
    assert sandbox.charter("keys", "new", f"{person}.key").code == 0
    key = f"{person}.key.pub"
    arguments = ["--person", f"{person}@example.org", "--name", person, "--key", key, "--sign-with", f"{person}.key"]
    done = sandbox.charter("trust", "init", *arguments)
    assert done.code == 0, done


def test_a_replaced_or_removed_trust_root_is_refused(sandbox: Sandbox) -> None:
    sandbox.write("rows.csv", "x,y\n" + "".join(f"{number},{number % 2}\n" for number in range(100)))
    sandbox.steps("\ndef fit(context):\n    raise ValueError('never mind')\n")
    sandbox.write("small.charter", APPROVED)
    _trust(sandbox, "ann")
    sandbox.charter("run", "--key", "ann.key")
    assert sandbox.of_kind("run.opened")[0].body["trust"].startswith("sha256:")
    root = sandbox.root / "charter.trust.json"
    root.unlink()
    done = sandbox.charter("run")
    assert done.code != 0
    assert "trust root" in done.err
    _trust(sandbox, "eve")
    done = sandbox.charter("run", "--key", "eve.key")
    assert done.code == ExitCode.DENIED
    assert "replaced" in done.err
    assert len(sandbox.of_kind("run.opened")) == 1
