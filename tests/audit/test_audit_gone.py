"""Bodies that are gone, and ledgers without records: no command ends green as if nothing were wrong."""

import json
from types import SimpleNamespace

import pytest
from frozen import DENIED, take_out

from charter.runtime.audit import capsule_verify
from charter.runtime.audit.capsule import make_capsule
from charter.runtime.audit.gone import erasures
from charter.runtime.audit.past import read_past
from charter.runtime.ledger import Event, Ledger, Unavailable
from charter.runtime.ledger.administration import Keeper, erased_records
from charter.runtime.ledger.custody import order_hold
from charter.runtime.ledger.verify import verify_ledger
from charter.runtime.state import fold
from charter.runtime.store import ArtifactStore

MISSING = "1 body MISSING WITHOUT ANY RECORD OF IT"


def opened(project):
    return Ledger.open(project.ledger_path, key_path=project.ledger_key_path, origin="charter/loans")


@pytest.mark.parametrize("form", ["jsonl", "csv", "cloudevents", "ocsf", "oscal", "cyclonedx"])
def test_an_export_without_a_body_says_so(audit, own, form):
    take_out(own, DENIED)
    code, out, errors = audit("export", "--format", form, project=own)
    assert (code, errors.count(MISSING), bool(out)) == (6, 1, True), errors
    if form == "ocsf":
        assert "24 decisions; left out: 44 records that are no decisions; 1 body" in errors


def test_an_export_after_an_erasure_says_so(audit, own):
    options = ("--ground", "x", "--sign-with", own.root / "keys/oda.key", "--yes", "--stop-runs")
    assert audit("erase", DENIED, *options, project=own)[0] == 0
    code, _, errors = audit("export", "--format", "jsonl", project=own)
    assert (code, "70 records; left out: 1 body erased, by a record that says why" in errors) == (6, True)


def test_a_capsule_without_a_body_says_so(audit, own, tmp_path):
    take_out(own, 5)
    code, out, _ = audit("capsule", "-o", tmp_path / "a.zip", project=own)
    assert (code, MISSING in out) == (6, True)


def test_a_sample_of_what_is_missing_is_not_green(audit, own):
    take_out(own, DENIED)
    for n in (1, 99):  # that one of those drawn from is gone is said even where it is not drawn
        code, _, errors = audit("sample", "--seed", "a", "--n", n, project=own)
        assert (code, MISSING in errors) == (6, True)
    assert audit("sample", "--seed", "a", "--kind", "run.opened", project=own)[0] == 0


def test_a_hold_that_was_taken_out_is_said(audit, own):
    with opened(own) as ledger:
        order_hold(ledger, "x", 0, None, "lawsuit", Keeper("oda@bank.example"))
    take_out(own, 69)
    for form in ("table", "csv", "json"):
        code, out, errors = audit("admin-events", "--format", form, project=own)
        assert (code, "None" in out, "missing: only its header is left" in out) == (6, False, True), form
        assert MISSING in errors
    by = ("--ground", "x", "--sign-with", own.root / "keys/oda.key")
    for command in (
        ("hold",), ("hold", "y", *by), ("hold", "x", "--release", *by), ("erase", 5, *by, "--yes", "--stop-runs"),
    ):  # fmt: skip
        code, _, errors = audit(*command, project=own)
        assert (code, "bug in Charter" in errors) == (1, False), errors
        assert "body of record 69 (ledger.held) is missing" in " ".join(errors.split())


@pytest.mark.parametrize("command", [("log",), ("log", "--format", "json"), ("capsule", "-o", "a.zip")])
def test_an_empty_ledger_is_not_green(audit, tmp_path, command):
    with Ledger.open(tmp_path / "l.db", key_path=tmp_path / "l.key", origin="charter/none", create=True):
        pass
    found = [part if part != "a.zip" else tmp_path / part for part in command]
    assert audit(*found, "--ledger", tmp_path / "l.db")[0] == 6


def test_every_reader_takes_the_same_word_for_an_erasure(audit, own, tmp_path):
    """Numbers of earlier records count, and nothing else that may stand there."""
    with opened(own) as ledger:
        named = [True, [1], {"n": 1}, "1", 70, 2, None]
        ledger.append([Event("ledger.erased", "ledger", {"records": named, "ground": "x", "actor": "oda"})])
        ledger.append([Event("test.event", "x", {"n": 1})])
        ledger.append([Event("ledger.erased", "ledger", {"records": "1"})])
        ledger.append([Event("ledger.erased", "ledger", {"records": {"1": 1}})])
        ledger.append([Event("ledger.erased", "ledger", {})])
    take_out(own, 1, 2, 70)
    report = verify_ledger(own.ledger_path)
    assert (report.bodies_missing, report.bodies_erased) == (3, 1)
    with Ledger.open_read_only(own.ledger_path) as ledger:
        assert erasures(ledger.events(allow_erased=True)).records == {2}
        gaps = fold(ledger.events(allow_erased=True)).gaps
        assert (gaps[1].ground, gaps[2].ground) == (None, "x")
        data = make_capsule(read_past(ledger, ArtifactStore(own.store)), own).data
    (tmp_path / "a.zip").write_bytes(data)
    gaps = capsule_verify.check_capsule(SimpleNamespace(capsule=tmp_path / "a.zip", pin=[]), None)
    said = "\n".join(gaps)
    assert "1 bodies were erased, by a record that says why: [2]" in said
    assert "2 bodies are MISSING WITHOUT ANY RECORD OF IT, the first of them: records 1, 70" in said


@pytest.mark.parametrize("body", [None, [], "x", {}, {"records": None}, {"records": 1}, {"records": [2, -0.5, 2.0]}])
def test_what_is_no_list_of_earlier_records_erases_none(body):
    assert erased_records(2, body) == []


def test_records_without_a_body_are_folded(audit, own):
    """They count, their time counts, and the fold knows of the gap."""
    with Ledger.open_read_only(own.ledger_path) as ledger:
        last = [event.time for event in ledger.events()][-1]
    take_out(own, 5, 68)
    code, out, _ = audit("as-of", "2026-11-22", "--format", "json", project=own)
    found = json.loads(out)
    assert (code, found["records"], found["last_time"], found["gone"]) == (6, 69, last, 2)
    code, out, _ = audit("as-of", "2026-11-22", project=own)
    assert (code, f"the last of {last[:19]}Z" in out, "erased" in out) == (6, True, False)
    assert "gone        2 of these records have no body any more" in out
    with Ledger.open_read_only(own.ledger_path) as ledger:
        state = read_past(ledger, ArtifactStore(own.store)).state
        assert (state.size, state.last_time, set(state.gaps)) == (69, last, {5, 68})
        with pytest.raises(Unavailable) as caught:
            list(ledger.events())
    assert "record 5 is gone" in caught.value.detail
