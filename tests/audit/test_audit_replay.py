"""Recorded decisions come out the same on both engines, and a forged one does not."""

import json
from pathlib import Path

import msgspec
import pytest
from frozen import DENIED

from charter.runtime.audit.past import PastDecision, chosen, read_past
from charter.runtime.audit.replay import Outcome, replay
from charter.runtime.gates.choose import open_engine
from charter.runtime.ledger import Event, Ledger
from charter.runtime.store import ArtifactStore


def replayed(past, wanted=None, engine="embedded", progress=lambda done, total: None):
    with open_engine(engine) as opened:
        return replay(past, opened, past.decisions if wanted is None else wanted, progress)


@pytest.mark.parametrize("engine", ["embedded", pytest.param("opa", marks=pytest.mark.opa)])
def test_every_decision_comes_out_the_same(past, engine, request):
    if engine == "opa":
        request.getfixturevalue("opa")
    found = replayed(past, engine=engine)
    assert [item for item in found.done if item.outcome is not Outcome.SAME] == []
    assert (found.total, found.count(Outcome.SAME), found.exit_code) == (25, 25, 0)
    assert {item.then for item in found.done} == {"allowed", "waiting", "denied"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"allow": True, "violations": ()}, "was allowed, is denied"),
        ({"evaluated": ()}, "evaluated now"),
        ({"key": "sha256:" + "0" * 64}, "differ in the result"),
        ({"gate": "evaluate/elsewhere:exit"}, "no gate `evaluate/elsewhere:exit`"),
        ({"time": "2020-01-01T00:00:00.000Z"}, "differ in the time"),
        ({"actor": "mallory@bank.example"}, "differ in the actor"),
    ],
)
def test_a_forged_decision_is_a_finding(past, change, says):
    (real,) = chosen(past, {DENIED})
    forged = PastDecision(real.seq, real.time, msgspec.structs.replace(real.body, **change))
    found = replayed(past, [forged])
    assert found.exit_code == 1
    assert says in "; ".join(found.done[0].what)


def test_a_weaker_message_is_a_finding(past):
    (real,) = chosen(past, {DENIED})
    told = [{**item, "message": "all is well"} for item in real.body.violations]
    found = replayed(past, [PastDecision(real.seq, real.time, msgspec.structs.replace(real.body, violations=told))])
    assert found.done[0].outcome is Outcome.CHANGED


def test_what_cannot_be_redecided_is_no_green(loans, past, audit, tmp_path):
    (real,) = chosen(past, {DENIED})
    gone = [
        PastDecision(1, real.time, None),
        PastDecision(2, real.time, msgspec.structs.replace(real.body, run="run-unknown")),
        PastDecision(3, real.time, msgspec.structs.replace(real.body, input="sha256:" + "0" * 64)),
        PastDecision(4, real.time, msgspec.structs.replace(real.body, bundle="sha256:" + "0" * 64)),
    ]
    found = replayed(past, gone)
    assert [item.outcome for item in found.done] == [Outcome.UNDECIDED] * 4
    assert found.exit_code == 6
    assert replayed(past, []).exit_code == 6
    code, out, _ = audit("replay", "--store", tmp_path)
    assert code == 6
    assert "not in the store" in out
    assert "INCOMPLETE" in out


def test_where_nothing_was_redecided_nothing_came_out_the_same(audit, tmp_path):
    with Ledger.open(tmp_path / "l.db", key_path=tmp_path / "l.key", origin="charter/none", create=True):
        pass
    code, out, _ = audit("replay", "--ledger", tmp_path / "l.db")
    assert (code, "NOTHING WAS RE-DECIDED" in out, "the same" in out.lower()) == (6, True, False), out


def test_a_denial_without_an_engine_is_not_compared(past):
    (real,) = chosen(past, {DENIED})
    violation = {"policy": "charter", "control": "gate", "code": "engine_timeout"}
    failed = msgspec.structs.replace(real.body, evaluated=(), violations=(violation,))
    found = replayed(past, [real, PastDecision(31, real.time, failed)])
    assert [item.outcome for item in found.done] == [Outcome.SAME, Outcome.NO_POLICY]
    assert found.exit_code == 0


def test_it_can_be_interrupted(past):
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    found = replayed(past, progress=stop)
    assert (len(found.done), found.interrupted, found.exit_code) == (3, True, 130)


def test_an_altered_compiled_charter_does_not_decide(own):
    for path in filter(Path.is_file, own.store.rglob("*")):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"0.999", b"0.111"))
    with Ledger.open_read_only(own.ledger_path) as ledger:
        found = replayed(read_past(ledger, ArtifactStore(own.store)))
    assert found.count(Outcome.UNDECIDED) > 0
    assert found.exit_code == 6


def test_the_command(audit, own):
    code, out, _ = audit("replay")
    assert code == 0
    assert "EVERY DECISION CAME OUT THE SAME" in out
    code, out, _ = audit("replay", "--seq", DENIED, "--format", "json")
    assert [(item["seq"], item["outcome"]) for item in json.loads(out)["decisions"]] == [(DENIED, "same")]
    assert audit("replay", "--seq", 0)[0] == 2
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        body = dict(next(event.body for event in ledger.events() if event.seq == DENIED))
        del body["attachments"]
        ledger.append([Event("gate.decided", "evaluate/holdout", {**body, "allow": True, "violations": []})])
    code, out, _ = audit("replay", project=own)
    assert code == 1
    assert "1 CAME OUT OTHERWISE" in out
    assert "was allowed, is denied" in out


@pytest.mark.parametrize(
    "moved", [{"stage": "deploy/production"}, {"point": "entry"}, {"actor": "mallory@bank.example"}]
)
def test_a_decision_that_says_it_was_another_is_found(audit, own, moved):
    """The state is folded by stage and point: an allow that was recorded elsewhere would open another gate."""
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        decided = (event.body for event in ledger.events(kinds={"gate.decided"}))
        body = dict(next(body for body in decided if body["point"] == "exit"))
        described = body.pop("attachments")
        data = {name: ledger.attachment(item["digest"]) for name, item in described.items()}
        ledger.append([Event("gate.decided", "x", body | moved, None, data)])
    code, out, _ = audit("replay", "--seq", 69, project=own)
    assert (code, next(iter(moved)) in out) == (1, True), out


def test_a_record_of_another_shape_is_no_bug(audit, own):
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        ledger.append([Event("gate.decided", "x", {"allow": True})])
    code, _, errors = audit("replay", project=own)
    assert (code, "a record that Charter did not write" in errors) == (1, True)
    assert audit("as-of", "2030-01-01", project=own)[0] == 1
    assert audit("log", project=own)[0] == 0
