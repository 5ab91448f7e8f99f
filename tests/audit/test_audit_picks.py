"""Filters of the log, samples, reconciliation and cut-off dates, on the frozen lifecycle and on hostile input."""

import csv
import io
import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from frozen import DENIED, take_out

from charter.runtime.audit import capsule_verify
from charter.runtime.audit.sample import draw
from charter.runtime.ledger import Event, Ledger
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.checkpoint import read_note

HOSTILE = "=cmd|'/C calc'!A0 \x1b[2J\u202egnp.exe </script>\r\n"


def seqs(audit, *options, project=None):
    code, out, _ = audit("log", "--format", "json", *options, project=project)
    assert code == 0
    return [event["seq"] for event in json.loads(out)]


def test_the_log_speaks_in_sentences(audit):
    code, out, _ = audit("log")
    assert code == 0
    assert "emil@bank.example ran loans 1.0 with regorus" in out
    assert "with min-auc set to 0.999" in out
    assert "denied: `roc_auc` is 0.911073 (95% interval 0.882758 to 0.939389), must be >= 0.999" in out
    assert "rita@bank.example approved release as risk-officer" in out
    assert "bound_breached" not in out


def test_filters(audit):
    assert seqs(audit, "--denied") == [DENIED]
    assert seqs(audit, "--stage", "approve/release", "--kind", "gate.decided") == [43, 45, 60]
    assert seqs(audit, "--since", "2026-11-22T10:45:26Z", "--kind", "statement.signed") == [58]
    assert seqs(audit, "--until", "2026-11-22T10:45:23Z")[-1] == 31
    assert len(seqs(audit, "--until", "2026-11-22")) == 69
    assert seqs(audit, "--until", "2026-11-21") == []
    assert seqs(audit, "--waived") == seqs(audit, "--self-approved") == []


def test_a_stage_that_nothing_is_of_is_refused(audit):
    code, _, errors = audit("log", "--stage", "evaluate/holdouts")
    assert code == 2
    assert "Did you mean `evaluate/holdout`?" in errors
    for wrong in ("yesterday", "2026-13-01", ""):
        assert audit("log", "--until", wrong or "x")[0] == 2


def test_exceptions_are_alternatives_and_the_rest_narrows(audit, own):
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        signed = next(event.body for event in ledger.events(kinds={"statement.signed"}))
        ledger.append([Event("statement.signed", "x", {**signed, "person": "oda@bank.example", "attachments2": 1})])
    flags = ("--denied", "--waived", "--self-approved")
    assert seqs(audit, *flags, project=own) == [DENIED, 69]
    assert seqs(audit, *flags, "--stage", "evaluate/holdout", project=own) == [DENIED]


def test_a_denial_that_was_taken_out_is_no_empty_list(audit, own):
    take_out(own, DENIED)
    for options in (("--denied",), ("--denied", "--waived", "--self-approved"), ("--waived", "--format", "csv")):
        code, _, errors = audit("log", *options, project=own)
        assert code == 6, options
        assert "1 could not be judged (missing): records 30" in errors
        assert "1 body MISSING WITHOUT ANY RECORD OF IT" in errors
    code, out, errors = audit("log", project=own)
    assert (code, "could not be judged" in errors) == (6, False)
    assert "missing: only its header is left, and no record says why" in out
    assert audit("log", "--denied", "--until", "2026-11-21", project=own)[0] == 6, "not in the list, and still gone"
    code, out, _ = audit("replay", project=own)
    assert code == 6
    assert "its body is missing, and no record says why" in out
    assert "1 body MISSING WITHOUT ANY RECORD OF IT: somebody took it out (records 30)" in out
    code, out, _ = audit("verify", project=own)
    assert (code, "1 body MISSING WITHOUT ANY RECORD OF IT" in out, "erased" in out) == (6, True, False)
    assert json.loads(audit("verify", "--format", "json", project=own)[1])["bodies_missing_without_a_record"] == 1
    assert '"outcome": "missing"' in audit("export", "--format", "jsonl", project=own)[1]


def test_an_erasure_that_is_accounted_for_is_told_apart(audit, own):
    code, _, errors = audit(
        "erase",
        DENIED,
        "--ground",
        "test",
        "--sign-with",
        own.root / "keys/oda.key",
        "--yes",
        "--stop-runs",
        project=own,
    )
    assert code == 0, errors
    take_out(own, 33)  # a decision too
    code, _, errors = audit("log", "--denied", project=own)
    assert (code, "2 could not be judged (erased, missing): records 30, 33" in errors) == (6, True), errors
    code, out, _ = audit("verify", project=own)
    assert (code, "1 body erased, by a record that says why" in out) == (6, True)
    assert "1 body MISSING WITHOUT ANY RECORD OF IT" in out
    listed = audit("log", project=own)[1]
    assert "erased: only its header is left\n" in listed
    assert "its body was erased" in audit("replay", project=own)[1]
    audit("capsule", "-o", own.root / "a.zip", project=own)
    done = subprocess.run(
        [sys.executable, "-I", str(Path(capsule_verify.__file__)), str(own.root / "a.zip")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "1 bodies were erased, by a record that says why" in done.stdout
    assert "1 bodies are MISSING WITHOUT ANY RECORD OF IT, the first of them: records 33" in done.stdout
    assert done.returncode == 6


@pytest.mark.parametrize(
    ("person", "found"), [("emil@bank.example", True), ("oda@bank.example", True), ("bo@x.y", False)]
)
def test_who_approves_their_own_work_is_found(audit, own, person, found):
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        signed = next(event.body for event in ledger.events(kinds={"statement.signed"}))
        ledger.append([Event("statement.signed", "approve/release", {**signed, "person": person, "attachments2": 1})])
    assert seqs(audit, "--self-approved", project=own) == ([69] if found else [])


def test_what_went_by_a_waiver_is_found(audit, own):
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        decided = dict(next(event.body for event in ledger.events(kinds={"gate.decided"})))
        del decided["attachments"]
        warning = {"control": "x", "code": "waived", "message": "breached", "waiver": "leeway"}
        ledger.append([Event("gate.decided", "x", {**decided, "warnings": [warning]})])
    assert seqs(audit, "--waived", project=own) == [69]
    assert "under the waiver leeway; warned: breached" in audit("log", "--waived", project=own)[1]


def test_every_output_is_inert(audit, own):
    """A record that nobody sane would write, in every command that shows records."""
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        decided = dict(next(event.body for event in ledger.events() if event.seq == DENIED))
        del decided["attachments"]
        violation = {**decided["violations"][0], "message": HOSTILE, "control": HOSTILE}
        ledger.append(
            [
                Event(
                    "gate.decided", "=1+1", {**decided, "violations": [violation], "gate": HOSTILE, "stage": HOSTILE}
                ),
                Event(
                    "run.opened", "x", {"actor": HOSTILE, "run": HOSTILE, "lifecycle": 7, "overrides": {"a": HOSTILE}}
                ),
                Event("statement.signed", "x", {"type": HOSTILE, "person": HOSTILE}),
                Event("stage.finished", "x", {"stage": [HOSTILE], "evidence": HOSTILE}),
            ]
        )
    listed = own.root / "list.csv"
    listed.write_text('run_id\n"=2+3"\n')
    for command in (
        ("log",),
        ("sample", "--seed", HOSTILE, "--n", "99"),
        ("reconcile", "--with", listed, "--key", "run_id"),
    ):
        for form in ("table", "json", "csv"):
            _, out, errors = audit(*command, "--format", form, project=own)
            bad = [c for c in out + errors if c != "\n" and unicodedata.category(c) in {"Cc", "Cf"}]
            assert bad == [], (command, form)
            if form == "csv":
                cells = [text for row in csv.reader(io.StringIO(out)) for text in row]
                assert not [text for text in cells if text.lstrip().startswith(("=", "+", "-", "@"))]


def test_a_sample_depends_on_root_and_nonce_alone(audit):
    def drawn(*options):
        code, out, _ = audit("sample", "--format", "json", *options)
        assert code == 0
        return json.loads(out)

    first = drawn("--n", "5", "--seed", "a")
    assert first == drawn("--n", "5", "--seed", "a")
    assert (len(first["drawn"]), first["population"], first["records"]) == (5, 25, 69)
    assert first["drawn"] != drawn("--n", "5", "--seed", "b")["drawn"]
    assert len(drawn("--n", "99", "--seed", "a")["drawn"]) == 25
    assert {item["seq"] for item in first["drawn"]} <= {
        item["seq"] for item in drawn("--n", "9", "--seed", "a")["drawn"]
    }
    assert audit("sample", "--seed", "a", "--kind", "run.closed", "--since", "2030-01-01")[0] == 6
    assert audit("sample")[0] == 2
    assert audit("sample", "--seed", " ")[0] == 2
    # As the page says it: anybody can draw the same with a hash function.
    from hashlib import sha256

    root = bytes.fromhex(first["root"])
    population = list(range(69))
    ranked = sorted(
        population, key=lambda n: sha256(b"charter/sample/v1\0" + root + b"\0a\0" + str(n).encode()).digest()
    )
    assert draw(population, 3, root, "a") == sorted(ranked[:3])


def test_reconciliation(audit, past, tmp_path):
    listed = tmp_path / "ci.csv"
    runs = list(past.runs)

    def reconciled(text, *options):
        listed.write_bytes(text if isinstance(text, bytes) else text.encode())
        code, out, errors = audit("reconcile", "--with", listed, "--key", "run_id", "--format", "json", *options)
        return code, json.loads(out)["findings"] if code in {0, 1, 6} else errors

    assert reconciled("run_id,other\n" + "".join(f"{run},x\n" for run in runs)) == (0, [])
    assert reconciled("\ufeffrun_id\r\n" + "\r\n".join(f'"{run}"' for run in runs)) == (0, [])
    code, found = reconciled(f"run_id\n{runs[0]}\n{runs[0]}\nrun-ghost\n{runs[2]}\n")
    assert code == 1
    assert [(item["finding"], item["value"]) for item in found] == [
        ("not in the ledger", "run-ghost"), ("not in the list", runs[1]), ("listed twice", runs[0]),
    ]  # fmt: skip
    assert reconciled("run_id\n", "--since", "2030-01-01")[0] == 6
    assert reconciled("run_id\n")[0] == 1
    for broken in (
        "",
        "id\nx\n",
        "run_id,run_id\na,b\n",
        'run_id\n"x\n',
        "run_id,b\n,2\n",
        b"\xff\xfe",
        b"run_id\n\0\n",
    ):
        code, errors = reconciled(broken)
        assert code == 2, (broken, errors)
    assert audit("reconcile", "--with", "nowhere.csv", "--key", "run_id")[0] == 2


def test_as_of(audit, loans):
    first, *_, last = [read_note(note) for note in read_anchors(loans.checkpoints_path) if read_note(note).size]
    code, out, _ = audit("as-of", "2026-11-22T10:45:22.999999Z", "--format", "json")
    found = json.loads(out)
    assert (code, found["records"], found["root"]) == (0, first.size, first.root.hex())
    assert (found["live"], found["held_back"][0]["record"]) == ([], DENIED)
    found = json.loads(audit("as-of", "2026-11-22", "--format", "json")[1])
    assert (found["root"], found["later"], len(found["live"])) == (last.root.hex(), 0, 1)
    assert "deploy/production (record 65, live)" in audit("as-of", "2026-11-22")[1]
    assert audit("as-of", "2020-01-01")[0] == 6
    assert audit("as-of", "tomorrow")[0] == 2


def test_verify_lists_only_the_checks_that_it_made(audit, tmp_path):
    other = tmp_path / "notaledger"
    other.write_text("hello")
    code, out, _ = audit("verify", "--ledger", other)
    assert code == 1
    assert "only whether the file is a ledger" in out
    assert "signature" not in out
    assert json.loads(audit("verify", "--ledger", other, "--format", "json")[1])["checked"] == [
        "only whether the file is a ledger"
    ]
