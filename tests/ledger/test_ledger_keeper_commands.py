"""The keeper's commands as people type them: exit codes, what is printed, who is let."""

import json
from hashlib import sha256

import pytest
from click.testing import CliRunner
from ledger_samples import fill, opened

from charter.runtime.audit.gone import counted
from charter.runtime.cli import main
from charter.runtime.failure import Failure
from charter.runtime.ledger import Event, anchor
from charter.runtime.project import Project

SECRET = "Erika Mustermann"


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.state.mkdir()
    with opened(made.state, anchor_path=made.checkpoints_path) as ledger:
        fill(ledger, 5)
        ledger.append([Event("test.person", "thing:1", {"who": SECRET, "evil": "\x1b[2J\u202e"})])
        ledger.append([Event("run.closed", "run:1", {"run": "run:1", "outcome": "OK"})])
        anchor(ledger, made.checkpoints_path)
    return made


def charter(project, *arguments, code=0):
    """Run a command in the project; what it printed."""
    result = CliRunner().invoke(main, [*arguments, "--project", str(project.root)], standalone_mode=False)
    if isinstance(result.exception, Failure):
        assert result.exception.exit_code == code, result.exception.detail
        return f"{result.exception.summary}: {result.exception.detail}"
    if isinstance(result.exception, SystemExit):
        assert result.exception.code == code, result.output
    else:
        assert result.exception is None, result.exception
        assert code == 0
    return result.output


def test_a_hold_is_ordered_listed_keeps_and_is_released(project):
    assert charter(project, "audit", "hold") == "no holds\n"
    assert "case 12 holds records 3 to 9" in charter(
        project, "audit", "hold", "case 12", "--from", "3", "--to", "9", "--ground", "lawsuit"
    )
    (hold,) = json.loads(charter(project, "audit", "hold", "--json"))["holds"]
    assert (hold["hold"], hold["records"], hold["ground"]) == ("case 12", "3-9", "lawsuit")
    assert "case 12" in charter(project, "audit", "hold")
    assert "records are held" in charter(project, "audit", "erase", "5", "--ground", "x", "--yes", code=2)
    charter(project, "audit", "hold", "case 12", "--release", "--ground", "settled")
    assert charter(project, "audit", "hold") == "no holds\n"
    assert "no hold named" in charter(project, "audit", "hold", "--release", code=2)
    assert "no ground" in charter(project, "audit", "hold", "other", code=2)


def test_erasing_and_what_verify_and_the_lists_say_then(project):
    said = charter(project, "audit", "erase", "5", "--ground", "Art. 17 GDPR", "--yes")
    assert "1 bodies, 0 attachments" in said and "backups" in said and "ledger.db.moved" not in said
    assert not [path.name for path in project.state.iterdir() if SECRET.encode() in path.read_bytes()]
    verified = charter(project, "audit", "verify", code=6)
    assert counted("erased", 1) in verified
    listed = charter(project, "audit", "erasures")
    assert "erased 1 bodies (5)" in listed and "Art. 17 GDPR" in listed and "claimed only" in listed
    log = charter(project, "audit", "log", "--kind", "ledger.erased")
    assert "Erika" not in charter(project, "audit", "log") and "erased 1 bodies (5), 0 attachments" in log


def test_what_runs_build_on_is_not_erased_by_the_way(project):
    assert "runs build on this record" in charter(project, "audit", "erase", "6", "--ground", "x", "--yes", code=1)
    only = ["--ground", "x", "--yes", "--attachments-only"]
    assert "carry no attachments" in charter(project, "audit", "erase", "6", *only, code=2)
    charter(project, "audit", "erase", "6", "--ground", "x", "--yes", "--stop-runs", "--json")
    by_law = ["--ground", "x", "--despite-retention", "Art. 17"]
    assert "nobody can be asked" in charter(project, "audit", "erase", "1", *by_law, code=2)
    charter(project, "audit", "erase", "1", *by_law, "--yes")
    assert "x (despite retention: Art. 17)" in charter(project, "audit", "erasures")


def test_the_key_changes_and_an_old_public_key_still_verifies(project, tmp_path):
    old = tmp_path / "kept.pub"
    old.write_bytes(project.ledger_public_key_path.read_bytes())
    pins = tmp_path / "kept.checkpoints"
    pins.write_bytes(project.checkpoints_path.read_bytes())
    said = charter(project, "keys", "rotate", "--ground", "yearly")
    assert "signed by both" in said and "retired-" in said
    assert project.ledger_public_key_path.read_bytes() != old.read_bytes()
    said = charter(project, "audit", "verify", "--key", str(old), "--pin", str(pins))
    assert "WHOLE AND ANCHORED" in said and "2 one after the other" in said
    document = json.loads(charter(project, "audit", "admin-events", "--format", "json"))
    assert [event["what"].startswith("signing key") for event in document["events"]] == [True]
    proof = tmp_path / "proof.json"
    proof.write_text(charter(project, "audit", "prove", "3"))
    assert "signed by the given key" in charter(project, "audit", "prove", "--check", str(proof), "--key", str(old))


def test_with_a_trust_root_only_its_administrators_do(project, tmp_path):
    from charter.runtime.trust.keys import write_pair

    for name in ("ada", "bob"):
        write_pair(tmp_path / name, None)
    mine = ["--key", str(tmp_path / "ada.pub"), "--sign-with", str(tmp_path / "ada")]
    charter(project, "trust", "init", "--person", "ada@example.org", "--name", "Ada", *mine)
    order = ["audit", "hold", "case", "--ground", "x"]
    assert "who are you" in charter(project, *order, code=2)
    assert "key of nobody" in charter(project, *order, "--sign-with", str(tmp_path / "bob"), code=1)
    charter(project, *order, "--sign-with", str(tmp_path / "ada"))
    document = json.loads(charter(project, "audit", "admin-events", "--format", "json"))
    assert [(event["who"], event["shown"]) for event in document["events"]] == [("ada@example.org", "by a key")]


def opened_run(name, risk):
    """The record of a run whose compiled charter is attached, as far as floors look at it."""
    compiled = json.dumps({"lifecycle": {"risk": risk, "packs": ["core"]}}).encode()
    digest = f"sha256:{sha256(compiled).hexdigest()}"
    return Event("run.opened", "lifecycle/x", {"run": name, "ir": digest}, attachments={digest: compiled})


def test_a_charter_that_is_edited_later_takes_no_floor_away(project):
    """Records 7 and 8 are of a high-risk run, 9 and 10 of a later one with minimal risk."""
    with opened(project.state, anchor_path=project.checkpoints_path) as ledger:
        for name, risk in (("run-1", "high"), ("run-2", "minimal")):
            ledger.append([opened_run(name, risk), Event("gate.decided", "gate/x", {"run": name})])
    erase = ["--ground", "x", "--yes", "--stop-runs"]
    said = charter(project, "audit", "erase", "8", *erase, code=1)
    assert "keep record 8 for 10 years" in said and "run-1" in said
    assert "records must be kept" in charter(project, "audit", "erase", "1", *erase, code=1)  # before any run
    charter(project, "audit", "erase", "10", *erase)  # only ever under minimal risk
    with opened(project.state, anchor_path=project.checkpoints_path) as ledger:
        ledger.append([opened_run("run-3", "high")])
    assert "run-3" in charter(project, "audit", "erase", "9", *erase, code=1)  # what came later counts too


def test_a_run_whose_charter_is_gone_may_have_asked_to_keep(project):
    with opened(project.state, anchor_path=project.checkpoints_path) as ledger:
        ledger.append([opened_run("run-1", "minimal"), Event("gate.decided", "gate/x", {"run": "run-1"})])
    charter(project, "audit", "erase", "7", "--ground", "x", "--yes", "--stop-runs")
    erase = ["audit", "erase", "8", "--ground", "x", "--yes", "--stop-runs"]
    assert "retention is not known" in charter(project, *erase, code=1)
    charter(project, *erase, "--despite-retention", "Art. 17")


def test_the_file_that_a_move_left_behind_is_named(project):
    (project.state / "ledger.db.moved").write_bytes(b"all texts")
    said = charter(project, "audit", "erase", "5", "--ground", "x", "--yes")
    assert "ledger.db.moved: the file that the ledger was" in said
