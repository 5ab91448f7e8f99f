"""The auditor's commands: exit codes, formats, hostile text, proofs."""

import csv
import io
import json
import shutil

import apsw
import pytest
from ledger_samples import fill, opened

from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Event, Ledger, Refused, anchor
from charter.runtime.ledger.keys import load_public_key
from charter.runtime.ledger.proof import check_proof
from charter.runtime.project import Project

HOSTILE = "=cmd|'/C calc'!A0 \x1b[2J\x07 \u202egnp.exe </script><script>alert(1)</script>\r\nseq"


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.state.mkdir()
    with Ledger.open(made.ledger_path, key_path=made.ledger_key_path, origin="charter/test", create=True) as ledger:
        decision = {"stage": "train", "allow": False, "waiting": False, "violations": [{"code": HOSTILE}]}
        ledger.append(
            [
                Event("run.opened", "run:1", {"actor": HOSTILE, "host": "+1", HOSTILE.encode().hex(): "x"}),
                Event("gate.decided", "=1+1", decision),
                Event("gate.decided", "gate:b", {**decision, "allow": True, "violations": []}),
                Event("gate.decided", "gate:c", {**decision, "stage": "deploy", "waiting": True}),
            ]
        )
        anchor(ledger, made.checkpoints_path)
    return made


@pytest.fixture
def charter(project, capsys):
    def call(*arguments):
        try:
            code = run_command_line(["audit", *map(str, arguments)])
        except SystemExit as end:
            code = end.code
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, output.out, output.err

    return call


def test_log_lists_and_filters(project, charter):
    def seqs(*options):
        code, out, _ = charter("log", "--project", project.root, "--format", "json", *options)
        assert code == 0
        return [event["seq"] for event in json.loads(out)]

    assert seqs() == [0, 1, 2, 3]
    assert seqs("--kind", "gate.decided") == [1, 2, 3]
    assert seqs("--kind", "gate.decided", "--kind", "run.opened") == [0, 1, 2, 3]
    assert seqs("--denied") == [1]
    assert seqs("--stage", "deploy") == [3]
    assert seqs("--subject", "gate:b") == [2]
    assert seqs("--limit", "2") == [2, 3]
    assert seqs("--since", "2020-01-01") == [0, 1, 2, 3]
    assert seqs("--since", "9999-01-01") == []
    assert seqs("--since", "2020-01-01T00:00+02:00", "--limit", "9") == [0, 1, 2, 3]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_hostile_text_stays_inert(project, charter, form):
    _, out, _ = charter("log", "--project", project.root, "--format", form)
    assert not [character for character in out if not character.isprintable() and character != "\n"]
    assert "\u202e" not in out
    if form == "csv":
        rows = list(csv.reader(io.StringIO(out)))
        assert len(rows) == 5
        assert not [text for row in rows[1:] for text in row if text.startswith(("=", "+", "-", "@"))]
        assert rows[2][3] == "'=1+1"
    if form == "table":
        assert len(out.splitlines()) == 5


def test_log_says_how_much_it_shows(project, charter):
    assert charter("log", "--project", project.root, "--denied")[2] == "1 of 4 records\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["log", "--since", "yesterday"], 2),
        (["log", "--limit", "0"], 2),
        (["log", "--format", "xml"], 2),
        (["log", "--ledger", "nowhere.db"], 4),
        (["verify", "--ledger", "nowhere.db"], 4),
        (["verify", "--pin", "nowhere"], 4),
        (["verify", "--key", "nowhere"], 4),
        (["prove"], 2),
        (["prove", "99"], 2),
        (["prove", "x"], 2),
        (["prove", "--check", "nowhere"], 2),
        (["prove", "1", "--check", "nowhere"], 2),
    ],
)
def test_wrong_arguments_have_their_exit_codes(project, charter, arguments, code, monkeypatch):
    monkeypatch.chdir(project.root)
    assert charter(*arguments)[0] == code


def test_verify_needs_a_pin_of_the_auditor(project, charter, tmp_path_factory):
    code, out, _ = charter("verify", "--project", project.root)
    assert code == 6
    assert "WHOLE, BUT NOT ANCHORED" in out
    assert "only by the file beside the ledger" in out
    code, out, _ = charter("verify", "--project", project.root, "--pin", project.checkpoints_path)
    assert code == 6
    copy = shutil.copy(project.checkpoints_path, tmp_path_factory.mktemp("mine"))
    code, out, _ = charter("verify", "--project", project.root, "--pin", copy)
    assert code == 0
    assert "WHOLE AND ANCHORED" in out
    code, out, _ = charter("verify", "--project", project.root, "--pin", copy, "--format", "json")
    assert code == 0
    assert json.loads(out)["verdict"] == "whole and anchored"


def test_verify_finds_an_edit_and_the_log_stops(project, charter):
    con = apsw.Connection(str(project.ledger_path))
    con.execute("UPDATE record SET body = CAST('{\"allow\":true}' AS BLOB) WHERE seq = 1")
    con.close()
    code, out, _ = charter("verify", "--project", project.root)
    assert code == 1
    assert "record 1: the body is not the one that the header commits to" in out
    code, _, err = charter("log", "--project", project.root)
    assert code == 1
    assert "ledger was changed" in err


def test_verify_uses_the_file_beside_the_ledger_for_findings(project, charter):
    with opened_project(project) as ledger:
        earlier = ledger.checkpoint()
        fill(ledger, 2)
        anchor(ledger, project.checkpoints_path)
    con = apsw.Connection(str(project.ledger_path))
    con.execute("DELETE FROM record WHERE seq >= 4")
    con.execute("UPDATE log SET checkpoint = ?", (earlier,))
    con.close()
    code, out, _ = charter("verify", "--project", project.root)
    assert code == 1
    assert "rolled back" in out


def opened_project(project):
    return Ledger.open(project.ledger_path, key_path=project.ledger_key_path, origin="charter/test")


def test_verify_of_a_pin_file_that_is_none(project, charter, tmp_path):
    for content in (b"", b"# only a heading\n"):
        (tmp_path / "pins").write_bytes(content)
        assert charter("verify", "--project", project.root, "--pin", tmp_path / "pins")[0] == 6
    for content in (b"hello", b"\xff\xfe", b"a\n1\nAAAA\n\n"):
        (tmp_path / "pins").write_bytes(content)
        assert charter("verify", "--project", project.root, "--pin", tmp_path / "pins")[0] == 4


def test_an_empty_ledger_is_never_green(tmp_path, charter):
    with opened(tmp_path) as ledger:
        anchor(ledger, tmp_path / "pins")
    code, out, _ = charter("verify", "--ledger", tmp_path / "ledger.db", "--pin", tmp_path / "pins")
    assert code == 6
    assert "EMPTY" in out


def test_proofs_are_made_and_checked(project, charter, tmp_path):
    file = tmp_path / "proof.json"
    code, out, _ = charter("prove", "1", "--project", project.root)
    assert code == 0
    file.write_text(out)
    assert charter("prove", "--check", file)[0] == 6
    code, out, _ = charter("prove", "--check", file, "--key", project.ledger_public_key_path)
    assert code == 0
    assert "gate.decided about =1+1" in out
    file.write_text(file.read_text().replace('"path":["', '"path":["0'))
    assert charter("prove", "--check", file)[0] == 1
    _, out, _ = charter("prove", "1", "--project", project.root, "--without-body")
    assert "calc" not in out
    file.write_text(out)
    assert charter("prove", "--check", file, "--key", project.ledger_public_key_path)[0] == 0


def test_every_bit_of_a_proof_counts(tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 5)
        proof = ledger.prove(3)
    key = load_public_key(tmp_path / "ledger.pub", None)
    header, body, _ = check_proof(proof, key)
    assert (header.seq, body["n"]) == (3, 3)
    for bit in range(len(proof) * 8):
        changed = bytearray(proof)
        changed[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(Refused):
            check_proof(bytes(changed), key)


def test_proofs_over_tiles(tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 1000, commit=300)
        for seq in (0, 255, 256, 700, 767, 768, 999):
            header, _, _ = check_proof(ledger.prove(seq), ledger.key)
            assert header.seq == seq
