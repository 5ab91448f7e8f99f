"""`charter audit trace`: lineage from the ledger alone."""

import json
import shutil

import pytest
from played import Played

from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Ledger
from charter.runtime.report.trace import find, index, trace


@pytest.fixture
def played(tmp_path) -> Played:
    made = Played(tmp_path / "p")
    made.run(deny={"evaluate/holdout:exit": "`roc_auc` is too low"})
    made.edit("epochs: 2", "epochs: 3")
    made.run(approvals_open=True)
    return made


def _trace(played: Played, subject: str, *more: str, capsys, code: int = 0):
    assert run_command_line(["audit", "trace", subject, "--project", str(played.root), *more]) == code
    return capsys.readouterr()


def _stages(out: str) -> list[str]:
    return [row["stage"] for tree in json.loads(out)["trees"] for row in tree if not row["seen_above"]]


def _model(played: Played, which: int) -> str:
    with Ledger.open_read_only(played.project.ledger_path) as ledger:
        trained = [
            event.body for event in ledger.events(kinds={"stage.finished"}) if event.body["stage"] == "train/scorecard"
        ]
    return trained[which]["artifacts"]["model"]["digest"]


def test_back_to_the_sources(played, capsys):
    out = _trace(played, "deploy/production", capsys=capsys).out
    assert out.startswith("deploy/production  iteration 1")
    assert f"model {_model(played, -1)[7:19]} of train/scorecard" in out
    assert "└─" in out and "├─" in out
    order = [out.index(name) for name in ("train/scorecard", "split/applications", "acquire/applications")]
    assert order == sorted(order)
    assert "after approve/release" in out


def test_forward_to_the_uses(played, capsys):
    out = _trace(played, "acquire/applications", "--forward", "--format", "json", capsys=capsys).out
    assert {"train/scorecard", "evaluate/holdout", "approve/release", "deploy/production"} <= set(_stages(out))
    assert "define/fair-lending" not in _stages(out)


def test_only_the_ways_of_one_artifact(played, capsys):
    out = _trace(played, "split/applications:test", "--forward", "--format", "json", capsys=capsys).out
    first = [row for row in json.loads(out)["trees"][0] if row["depth"] == 1]
    assert {row["stage"] for row in first} == {"evaluate/holdout"}


def test_an_older_model_by_its_digest(played, capsys):
    old, new = _model(played, 0), _model(played, -1)
    assert old != new
    out = _trace(played, old[7:19], "--forward", "--format", "json", capsys=capsys).out
    assert _stages(out) == ["train/scorecard", "evaluate/holdout"], "the older model was never deployed"
    assert "too low" in out
    assert "deploy/production" in _stages(_trace(played, new, "--forward", "--format", "json", capsys=capsys).out)


def test_by_declaration_name_and_record(played, capsys):
    by_name = _trace(played, "scorecard", "--format", "json", capsys=capsys).out
    by_subject = _trace(played, "model/scorecard", "--format", "json", capsys=capsys).out
    assert _stages(by_name) == _stages(by_subject)
    record = str(json.loads(by_name)["trees"][0][0]["record"])
    assert _stages(_trace(played, record, "--format", "json", capsys=capsys).out) == _stages(by_name)


def test_signatures_stand_where_they_belong(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run()
    key = str(played.key_file("bob"))
    run_command_line(["approve", "release", "--key", key, "--yes", "--project", str(played.root)])
    capsys.readouterr()
    out = _trace(played, "approve/release", capsys=capsys).out
    assert "bob@bank.example approved as risk-officer, key SHA256:" in out
    assert "waits at exit" in out and "0 of 2 signatures" in out


def test_a_copy_of_the_ledger_is_enough(played, capsys, tmp_path):
    shutil.copy(played.project.ledger_path, tmp_path / "copy.db")
    code = run_command_line(["audit", "trace", "deploy/production", "--ledger", str(tmp_path / "copy.db")])
    assert code == 0 and "acquire/applications" in capsys.readouterr().out


def test_nothing_by_that_name(played, capsys):
    err = _trace(played, "train/scorcard", capsys=capsys, code=2).err
    assert "Did you mean `train/scorecard`?" in " ".join(err.split())
    for subject in ("999999", "deadbeef", "", "\x1b[2J", "x" * 5000, "٣"):
        assert "nothing by that name" in _trace(played, subject, capsys=capsys, code=2).err


def test_an_input_that_is_gone_is_said_and_not_guessed(played):
    with Ledger.open_read_only(played.project.ledger_path) as ledger:
        events = list(ledger.events())
    for data in (None, b"", b"[]", b"{"):
        made = index(events, lambda _, data=data: data)
        (row,) = trace(made, find(made, "deploy/production")[0], forward=False)
        assert "what went into it is not known" in row.notes[-1]


def test_a_long_chain_is_no_deep_recursion():
    from types import SimpleNamespace

    count = 3000
    events, inputs = [], {}
    for number in range(count):
        stage, key = f"acquire/d{number}", f"k{number}"
        flow = {"stage": f"acquire/d{number - 1}", "artifact": "data", "digest": f"sha256:{number - 1:064x}"}
        inputs[key] = json.dumps({"inputs": {"before": flow} if number else {}}).encode()
        decided = {
            "run": "r", "gate": f"{stage}:entry", "stage": stage, "point": "entry", "iteration": 1, "key": key,
            "allow": True, "waiting": False, "time": "t", "actor": "a", "input": key, "subject": f"dataset/d{number}",
            "content": "c", "bundle": "b", "revision": "r", "entrypoint": "e", "engine": "e", "engine_version": "1",
            "engine_digest": "d",
        }  # fmt: skip
        finished = {
            "run": "r", "stage": stage, "iteration": 1, "key": key, "evidence": [],
            "artifacts": {"data": {"digest": f"sha256:{number:064x}", "size": 1}},
        }  # fmt: skip
        for offset, (kind, body) in enumerate((("gate.decided", decided), ("stage.finished", finished))):
            events.append(SimpleNamespace(seq=2 * number + offset, kind=kind, time="2026-11-22T12:00:00Z", body=body))
    made = index(events, inputs.get)
    assert len(list(trace(made, find(made, f"acquire/d{count - 1}")[0], forward=False))) == count
