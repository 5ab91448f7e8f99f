"""Recalls: what they reach in the frozen lifecycle, and that gates refuse what was recalled in a live one."""

import json

import pytest

from charter.runtime.audit.past import read_past
from charter.runtime.audit.recall import reach
from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Event, Ledger
from charter.runtime.project import Project
from charter.runtime.state import fold
from charter.runtime.store import ArtifactStore

FROM_EVALUATION = {"evaluate/holdout", "approve/release", "deploy/production"}
ALL = {"acquire/loans", "validate/loans", "split/loans", "train/scorecard", *FROM_EVALUATION}

STEPS = '''
from charter.runtime.stages.api import Evidence, StageContext, StageResult

def step(context: StageContext) -> StageResult:
    """Passes on what came in, and what stands in a file."""
    text = "".join(path.read_text() for path in context.inputs.values()) or (context.project / "raw").read_text()
    path = context.out / "data"
    path.write_text(text)
    return StageResult({"data": path}, [Evidence("rows", 1)])
'''
CHAIN = """charter 1

lifecycle chain {
  version "1"
  owner "oda@bank.example"
  purpose "Test."
  risk minimal
  use policies core
}

dataset first {
  source python "steps:step"
}

dataset second {
  source python "steps:step" from first
}
"""


@pytest.fixture
def charter(capsys, monkeypatch):
    def call(project: Project, *arguments):
        monkeypatch.chdir(project.root)
        try:
            code = run_command_line(list(map(str, arguments)))
        except SystemExit as end:
            code = end.code
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, output.out, output.err

    return call


@pytest.mark.parametrize(
    ("subject", "name", "stages", "live"),
    [
        ("loans", "dataset/loans", ALL, True),
        ("model/scorecard", "model/scorecard", {"train/scorecard", *FROM_EVALUATION}, True),
        ("holdout", "evaluation/holdout", FROM_EVALUATION, True),
        ("rita@bank.example", "person/rita@bank.example", {"approve/release", "deploy/production"}, True),
        ("163d34af", "digest/sha256:163d34af", FROM_EVALUATION, True),
        ("emil@bank.example", "", set(), False),
        ("loan", "", set(), False),
    ],
)  # fmt: skip
def test_what_a_recall_reaches(charter, own, subject, name, stages, live):
    code, out, errors = charter(
        own, "recall", subject, "--key", "keys/emil.key", "--comment", "wrong rows", "--yes", "--json"
    )
    if not name:
        assert (code, "nothing by that name" in errors) == (2, True)
        return
    found = json.loads(out)
    assert (code, found["subject"].startswith(name)) == (0, True)
    assert {item["stage"] for item in found["results"]} == stages
    assert [item["live"] for item in found["deployments"]] == [live]
    with Ledger.open_read_only(own.ledger_path) as ledger:
        past = read_past(ledger, ArtifactStore(own.store))
        # From now on it is not live by right: the decision that let it go live is suspended, or what it rests on is.
        state = fold(ledger.events())
        assert reach(past, found["subject"]).results
    own_stage = {"dataset": "acquire/loans", "model": "train/scorecard", "person": "approve/release"}.get(
        name.partition("/")[0], "evaluate/holdout"
    )
    assert state.stage(own_stage).exit is None
    if name.startswith("person/"):
        assert (found["signatures"], state.signed) == ([58], [])


def test_only_administrators_lift_a_recall(charter, own):
    assert charter(own, "recall", "loans", "--key", "keys/oda.key", "--lift", "--yes")[0] == 2
    assert charter(own, "recall", "loans", "--key", "keys/rita.key", "--yes")[0] == 2  # no reason
    code, out, _ = charter(own, "recall", "loans", "--key", "keys/rita.key", "--comment", "stolen", "--yes")
    assert code == 0
    assert "live" in out
    assert charter(own, "recall", "loans", "--key", "keys/rita.key", "--lift", "--yes")[0] == 1
    assert charter(own, "recall", "loans", "--key", "keys/oda.key", "--lift", "--yes")[0] == 0
    code, out, _ = charter(own, "recall", "rita@bank.example", "--key", "keys/oda.key", "--comment", "x", "--yes")
    assert (code, "voids" in out) == (0, True)
    assert charter(own, "recall", "rita@bank.example", "--key", "keys/oda.key", "--lift", "--yes")[0] == 2
    assert charter(own, "recall", "loans", "--key", "nowhere.key", "--comment", "x", "--yes")[0] in {2, 4}


def test_gates_refuse_what_was_recalled_until_it_is_reinstated_or_made_anew(charter, loans, tmp_path, monkeypatch):
    project = Project(tmp_path)
    (tmp_path / "steps.py").write_text(STEPS)
    (tmp_path / "chain.charter").write_text(CHAIN)
    (tmp_path / "raw").write_text("one")
    (tmp_path / "charter.trust.json").write_bytes(loans.trust_root_path.read_bytes())
    keys = loans.root / "keys"

    def run():
        code, out, _ = charter(project, "run", "--key", keys / "emil.key", "--json")
        return code, {item["stage"]: item["status"] for item in json.loads(out)["stages"]}

    assert run()[0] == 0
    assert charter(project, "recall", "first", "--key", keys / "emil.key", "--comment", "stolen", "--yes")[0] == 0
    code, stages = run()
    assert (code, stages["acquire/first"], stages["acquire/second"]) == (1, "denied", "blocked")
    assert run()[0] == 1
    _, out, _ = charter(project, "audit", "log", "--denied")
    assert "`dataset/first` was recalled by emil@bank.example" in out
    assert ": stolen" in out
    # A recall is no policy's to decide: a replay has nothing to compare there, and says so.
    code, out, _ = charter(project, "audit", "replay")
    assert (code, "denied by the gate itself" in out) == (0, True)
    # Somebody who may not lift it signs an act that says so, past the command: it is recorded, and does not count.
    with monkeypatch.context() as patched:
        patched.setattr("charter.runtime.cli.recall._check", lambda *_: None)
        assert charter(project, "recall", "first", "--lift", "--key", keys / "emil.key", "--yes")[0] == 0
    assert run()[0] == 1
    # Nor when the record says that an administrator signed it.
    with Ledger.open(project.ledger_path, key_path=project.ledger_key_path, origin="charter/chain") as ledger:
        body = dict(next(event.body for event in ledger.events() if event.body.get("act") == "reinstate"))
        envelope = ledger.attachment(body["envelope"])
        del body["attachments"]
        ledger.append([Event("act.signed", "x", {**body, "person": "oda@bank.example"}, None, {"e": envelope})])
    assert run()[0] == 1
    assert charter(project, "recall", "first", "--lift", "--key", keys / "oda.key", "--yes")[0] == 0
    assert run() == (0, {"acquire/first": "done", "acquire/second": "done"})
    # What came from other code since is other work: a recall is of what was there.
    assert charter(project, "recall", "second", "--key", keys / "emil.key", "--comment", "x", "--yes")[0] == 0
    assert run()[0] == 1
    (tmp_path / "steps.py").write_text(STEPS + "\n# mended\n")
    assert run()[0] == 0
