"""A capsule that somebody made to harm its reader is refused in words: whatever it does, there is no traceback."""

import base64
import io
import json
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from frozen import DENIED
from test_audit_capsule import compact, members, rebuilt

from charter.runtime.audit import capsule_verify
from charter.runtime.audit.capsule import _records, _zip, make_capsule
from charter.runtime.ledger import Event, Ledger, keys
from charter.runtime.ledger.rotation import make_rotation


@pytest.fixture(scope="module")
def made(past, loans):
    return make_capsule(past, loans).data


@pytest.fixture
def verify(tmp_path, loans):
    """Run the verifier as a stranger does; gives exit code and output."""

    def call(data, *arguments):
        (tmp_path / "c.zip").write_bytes(data)
        script = Path(capsule_verify.__file__)
        command = [sys.executable, "-I", script, tmp_path / "c.zip", "--pin", loans.checkpoints_path, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": ""}, timeout=60)
        assert done.stderr == ""
        return done.returncode, done.stdout

    return call


def written(found, entries=None, compression=zipfile.ZIP_STORED, **about):
    """A ZIP file with these members, and `about` on each, or `entries` in their order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as file:
        for name, data in entries or sorted(found.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            for key, value in about.items():
                setattr(info, key, value)
            file.writestr(info, data, compression)
    return target.getvalue()


def test_the_plain_way_is_the_makers(made):
    assert written(members(made)) == made


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "change",
    [
        lambda found: written(found, compression=zipfile.ZIP_DEFLATED),
        lambda found: written({**found, "files/" + "0" * 64: bytes(50 << 20)}, compression=zipfile.ZIP_DEFLATED),
        lambda found: written(found, [*sorted(found.items()), ("verify.py", found["verify.py"])]),
        lambda found: written(found, [("verify.py", b"other"), *sorted(found.items())]),
        lambda found: written(found, sorted(found.items(), reverse=True)),
        lambda found: written(found, external_attr=0o120777 << 16),  # symbolic links
        lambda found: written(found, extra=b"\x01\x02\x02\x00hi"),
        lambda found: written(found, comment=b"all is well"),
        lambda found: b"#!/bin/sh\n" + written(found),
    ],
)
def test_a_zip_of_another_form_is_refused(made, verify, change):
    code, said = verify(change(members(made)))
    assert (code, "REFUSED" in said) == (1, True), said


def test_a_compressed_member_is_not_expanded(made, tmp_path, monkeypatch):
    (tmp_path / "c.zip").write_bytes(written(members(made), compression=zipfile.ZIP_DEFLATED))
    read = []
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: read.append(1))
    with pytest.raises(ValueError, match="not stored as they are"):
        capsule_verify.read_zip(tmp_path / "c.zip")
    assert read == []


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "charters/../x.charter", "charters/x", "files/x", "X", ""])
def test_a_name_that_leads_elsewhere_is_refused(made, verify, name):
    found = {**members(made), name: b"x"}
    listed = json.loads(found.pop("capsule.json"))
    listed["members"] = {key: sha256(data).hexdigest() for key, data in found.items()}
    found["capsule.json"] = compact(listed)
    code, said = verify(written(found))
    assert (code, "REFUSED" in said) == (1, True), said


DEEP, HUGE = "[" * 200_000, "9" * 200_000


@pytest.mark.parametrize(
    "text", [DEEP, HUGE, '{"a":' * 100_000, "NaN", "{}", "null", '"\\ud800"', "\x00", '{"a":1,"a":2}']
)
@pytest.mark.parametrize("name", ["capsule.json", "records.jsonl", "charter.trust.json"])
def test_json_that_is_none_is_refused(made, verify, name, text):
    if name == "charter.trust.json":
        code, said = verify(rebuilt(made, **{name: text.encode()}))
        assert (code, "HOLDS" in said) == (1, False)  # runs name the versions that they went by
    elif name == "records.jsonl":
        code, _ = verify(rebuilt(made, **{name: text.encode() + b"\n"}))
        assert code == 1
    else:
        code, _ = verify(_zip({**members(made), name: text.encode()}))
        assert code == 1


def signed_by_the_ledger(made, own, *events):
    """The capsule with more records, which the ledger's own key has signed."""
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        ledger.append([Event(kind, "x", body) for kind, body in events])
        return rebuilt(made, {"checkpoint": ledger.checkpoint()}, **{"records.jsonl": _records(ledger, ledger.size)})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("run.opened", {"run": ["x"]}),
        ("run.opened", {"run": "x", "ir": 1, "bundle": None}),
        ("gate.decided", {}),
        ("gate.decided", {"run": {}}),
        ("act.signed", {"person": "x"}),
        ("ledger.key-rotated", {"statement": "x"}),
        ("ledger.key-rotated", {"statement": 1}),
        ("test.event", {"attachments": {"a": 1}}),
        ("test.event", {"attachments": [1]}),
        ("test.event", {"attachments": {"a": {"digest": 1}}}),
    ],
)
def test_bodies_that_are_not_of_their_kind_are_refused(made, own, verify, kind, body):
    """The ledger's key signs what it likes; the verifier does not stumble."""
    assert verify(signed_by_the_ledger(made, own, ("test.event", {"n": 1})))[0] == 0
    code, said = verify(signed_by_the_ledger(made, own, (kind, body)))
    assert (code, "finding" in said) == (1, True), said


def test_a_denial_by_the_gate_itself_is_not_compared(made, own, verify):
    """A recall, say: no policy was asked, and the record names no control that one evaluated."""
    with Ledger.open_read_only(own.ledger_path) as ledger:
        body = next(event.body for event in ledger.events() if event.seq == DENIED)
    own_word = {"code": "recalled", "control": "gate", "policy": "charter", "message": "x"}
    body = {key: value for key, value in body.items() if key not in {"evaluated", "warnings", "obligations"}}
    denied = signed_by_the_ledger(made, own, ("gate.decided", {**body, "violations": [own_word]}))
    code, said = verify(denied)
    assert (code, "record 69 was denied by the gate itself" in said, "25 of 26" in said) == (0, True, True), said
    other = {**own_word, "control": "core/x"}
    code, said = verify(signed_by_the_ledger(made, own, ("gate.decided", {**body, "violations": [other]})))
    assert (code, "record 70: evaluate/holdout:exit comes out otherwise" in said) == (1, True), said


@pytest.mark.parametrize(
    "change",
    [
        {"key": "sha256:0"},
        {"time": "2026-11-22T10:45:13.000Z"},
        {"gate": "x:exit"},
        {"bundle": "sha256:0"},
        {"stage": "deploy/production"},  # a run goes on by the stage and the point
        {"point": "entry"},
        {"actor": "mallory@bank.example"},
    ],
    ids=str,
)
def test_a_decision_about_something_else_than_its_input_is_found(made, own, verify, change):
    with Ledger.open_read_only(own.ledger_path) as ledger:
        body = next(event.body for event in ledger.events() if event.seq == DENIED)
    code, said = verify(signed_by_the_ledger(made, own, ("gate.decided", {**body, **change})))
    assert (code, "was decided on something else" in said) == (1, True), said


def test_a_decision_under_another_charters_meaning_is_found(made, own, verify):
    with Ledger.open_read_only(own.ledger_path) as ledger:
        opened = next(event.body for event in ledger.events() if event.kind == "run.opened")
        body = next(event.body for event in ledger.events() if event.seq == DENIED)
    other = ("run.opened", {**opened, "run": "run-x", "meaning": "sha256:0"})
    code, said = verify(signed_by_the_ledger(made, own, other, ("gate.decided", {**body, "run": "run-x"})))
    assert (code, "was decided on something else" in said) == (1, True), said


def test_a_run_with_other_policies_than_its_charter_is_found(made, own, verify):
    """The second run's decisions, said to be by the first run's policies."""
    with Ledger.open_read_only(own.ledger_path) as ledger:
        opened = [event.body for event in ledger.events() if event.kind == "run.opened"]
        body = next(event.body for event in ledger.events() if event.seq == DENIED)
    mixed = {**opened[0], "run": "run-x", "ir": opened[1]["ir"]}
    capsule = signed_by_the_ledger(made, own, ("run.opened", mixed), ("gate.decided", {**body, "run": "run-x"}))
    code, said = verify(capsule)
    assert (code, "not the policies of its charter" in said) == (1, True), said


@pytest.mark.parametrize("change", ["statement", "key"])
def test_a_statement_that_the_person_did_not_sign_is_found(made, own, verify, change):
    with Ledger.open_read_only(own.ledger_path) as ledger:
        body = next(event.body for event in ledger.events() if event.kind == "statement.signed")
        other = next(event.body["key"] for event in ledger.events() if event.kind == "run.opened")
    changed = {**body, change: other if change == "key" else "sha256:" + "0" * 64}
    code, said = verify(signed_by_the_ledger(made, own, ("statement.signed", changed)))
    assert (code, "not what was signed" in said) == (1, True), said


@pytest.mark.parametrize(("version", "why"), [(-1, "another trust root"), (0, "do not follow one another")])
def test_a_trust_root_that_no_run_went_by_is_refused(made, verify, version, why):
    trust = json.loads(members(made)["charter.trust.json"])
    trust["versions"][version]["signed"]["roles"]["risk-officer"] = ["mallory@bank.example"]
    code, said = verify(rebuilt(made, **{"charter.trust.json": json.dumps(trust).encode()}))
    assert (code, why in said) == (1, True), said


def test_a_statement_by_a_key_that_nobody_shows_is_left_open(made, verify):
    code, said = verify(rebuilt(made, **{"charter.trust.json": None}))
    assert (code, "the key or the envelope of rita@bank.example is not in the capsule" in said) == (6, True), said


@pytest.mark.parametrize(
    "change",
    [
        {"type": "reject"},
        {"approval": "other"},
        {"role": "administrator"},
        {"person": "oda@bank.example"},
    ],
    ids=str,
)
def test_a_record_that_says_otherwise_than_its_statement_is_found(made, own, verify, change):
    """The envelope is genuine; what the ledger makes of it is not."""
    with Ledger.open_read_only(own.ledger_path) as ledger:
        body = next(event.body for event in ledger.events() if event.kind == "statement.signed")
    code, said = verify(signed_by_the_ledger(made, own, ("statement.signed", {**body, **change})))
    assert (code, "what was signed" in said) == (1, True), said


def test_a_run_that_is_opened_twice_is_refused(made, own, verify):
    """The second opening would hide which trust root the first went by, and another could lie in the capsule."""
    with Ledger.open_read_only(own.ledger_path) as ledger:
        opened = [event.body for event in ledger.events() if event.kind == "run.opened"]
    trust = json.loads(members(made)["charter.trust.json"])
    trust["versions"][-1]["signed"]["roles"]["risk-officer"] = ["mallory@bank.example"]
    again = [("run.opened", {key: value for key, value in body.items() if key != "trust"}) for body in opened]
    capsule = signed_by_the_ledger(made, own, *again)
    code, said = verify(rebuilt(capsule, **{"charter.trust.json": json.dumps(trust).encode()}))
    assert (code, "opened twice" in said) == (1, True), said


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda ir: ir.update(meaning="sha256:0"), "was decided on something else"),
        (lambda ir: [stage["exit"]["controls"].append("more") for stage in ir["stages"]], "was allowed without"),
        (lambda ir: ir["bundle"]["data"]["charter"]["plan"].update(reads_models=0), "not the policies of its charter"),
    ],
)
def test_a_compiled_charter_that_is_not_what_was_decided_by_is_found(made, own, verify, change, why):
    """Its policies are the recorded ones; what it asks for at its gates, or means, is not."""
    with Ledger.open_read_only(own.ledger_path) as ledger:
        opened = [event.body for event in ledger.events() if event.kind == "run.opened"]
        body = [event.body for event in ledger.events() if event.kind == "gate.decided" and event.body["allow"]][-1]
    opened = next(one for one in opened if one["run"] == body["run"])
    ir = json.loads(members(made)[f"files/{opened['ir'][7:]}"])
    change(ir)
    digest = sha256(compact(ir)).hexdigest()
    mixed = ("run.opened", {**opened, "run": "run-x", "ir": f"sha256:{digest}"})
    capsule = signed_by_the_ledger(made, own, mixed, ("gate.decided", {**body, "run": "run-x"}))
    code, said = verify(rebuilt(capsule, **{f"files/{digest}": compact(ir)}))
    assert (code, why in said) == (1, True), said


def test_an_answer_of_another_type_is_another_answer():
    assert capsule_verify.said({"allow": 1}) != capsule_verify.said({"allow": True})


def test_what_is_said_is_inert_on_a_terminal(made, verify):
    """A note could conceal the verdict below it, or write one of its own above."""
    about = {"checkpoint": "\x1b[2J\x9b8m\x7fverdict HOLDS\x1b[8m\n69\nx\n\n"}
    code, said = verify(rebuilt(made, about))
    assert code == 1
    assert all(char == "\n" or " " <= char <= "~" for char in said), said


def line(seq, prev, *, time="2026-11-22T10:45:12.000000Z", idem="", log="charter/loans", kind="test.event"):
    """A record's line, without its body, and its leaf."""
    header = (
        f'{{"body":"{"0" * 64}","idem":"{idem or seq}","kind":"{kind}","log":"{log}","prev":"{prev}","seq":{seq},'
        f'"subj":"x","ts":"{time}","v":1}}'
    )
    leaf = sha256(b"\0" + header.encode()).hexdigest()
    return compact({"body": None, "header": header, "salt": None}).decode(), leaf


def lines(**second):
    """Two records; what is other than usual in the second one."""
    first, leaf = line(0, "0" * 64)
    return f"{first}\n{line(**{'seq': 1, 'prev': leaf} | second)[0]}\n"


@pytest.mark.parametrize(
    "second",
    [
        {"time": "2026-11-22T10:45:11.999999Z"},
        {"time": "2026-02-30T10:45:12.000000Z"},
        {"time": "2026-11-22T24:45:12.000000Z"},
        {"idem": "0"},
        {"seq": 2},
        {"seq": "01"},
        {"prev": "0" * 64},
        {"log": "charter/other"},
        {"kind": "Test"},
    ],
    ids=str,
)
def test_each_record_is_in_its_place(second):
    events, roots = capsule_verify.read_records(lines(), "charter/loans", {1, 2})
    assert ([seq for seq, _, _ in events], sorted(roots)) == ([0, 1], [0, 1, 2])
    with pytest.raises(ValueError):
        capsule_verify.read_records(lines(**second), "charter/loans", set())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ", ", 1),
        lambda text: text.replace("null", '"00"', 1),
        lambda text: text.replace('{"body":null', '{"a":1,"body":null', 1),
        lambda text: text.replace("x", "\\u0078", 1),
        lambda text: text[:-1],
        lambda text: text + " ",
        lambda text: "\n" + text,
        lambda text: text.replace("\n", "\r\n"),
    ],
)
def test_each_line_has_one_form(change):
    with pytest.raises((ValueError, TypeError, AttributeError)):
        capsule_verify.read_records(change(lines()), "charter/loans", set())


def test_what_is_read_has_one_spelling(made, verify):
    found = members(made)
    for other in (
        json.dumps(json.loads(found["capsule.json"])),
        json.dumps(json.loads(found["capsule.json"]), indent=1),
    ):
        assert verify(_zip({**found, "capsule.json": other.encode()}))[0] == 1
    for text in ("AB==", "AA=", "AA==\n", " AA==", "AA-_"):
        with pytest.raises(ValueError):
            capsule_verify.unbase64(text)
    assert capsule_verify.unbase64("AA==") == b"\0"


def test_a_body_with_a_name_twice_is_refused():
    """Readers may differ in which of the two they take."""
    body, salt = '{"allow":false,"allow":true}', "00" * 16
    text, _ = line(0, "0" * 64)
    header = json.loads(text)["header"]
    committed = sha256(b"charter/ledger/v1/body\0" + bytes(16) + body.encode()).hexdigest()
    item = {"header": header.replace("0" * 64, committed, 1), "salt": salt, "body": body}
    with pytest.raises(ValueError, match="one form"):
        capsule_verify.read_record(item, "charter/loans")


@pytest.mark.parametrize("salt", ["00" * 15, "00" * 17, "AA" * 16, "00 " * 16])
def test_a_salt_has_16_bytes_in_one_spelling(salt):
    """Otherwise a byte could move from the salt to the body unseen."""
    body, text = "{}", line(0, "0" * 64)[0]
    committed = sha256(b"charter/ledger/v1/body\0" + bytes.fromhex(salt) + body.encode()).hexdigest()
    item = {"header": json.loads(text)["header"].replace("0" * 64, committed, 1), "salt": salt, "body": body}
    with pytest.raises(ValueError):
        capsule_verify.read_record(item, "charter/loans")


@pytest.fixture
def signers(own, tmp_path):
    """The ledger's key and a new one."""
    return keys.load_signer(own.ledger_key_path, "charter/loans"), keys.create_signer(
        tmp_path / "new.key", "charter/loans"
    )


def test_a_change_of_keys_is_signed_by_both_keys(signers):
    old, new = signers
    statement = make_rotation(old, new, 69).statement
    assert capsule_verify.key_chain(str(new.verifier), [statement], None)[0][0] == 69
    *head, by_old, by_new, _ = statement.split("\n")
    for left in (by_old, by_new):
        with pytest.raises(ValueError, match="not signed"):
            capsule_verify.key_chain(str(new.verifier), ["\n".join([*head, left, ""])], None)


def test_changes_of_keys_follow_each_other(signers, tmp_path):
    old, new = signers
    third = keys.create_signer(tmp_path / "third.key", "charter/loans")
    one, two = make_rotation(old, new, 5).statement, make_rotation(new, third, 3).statement
    with pytest.raises(ValueError, match="not in order"):
        capsule_verify.key_chain(str(third.verifier), [one, two], None)
    with pytest.raises(ValueError, match="leads to another key"):
        capsule_verify.key_chain(str(third.verifier), [one], None)


def test_a_change_of_keys_at_another_record_is_refused(made, own, verify, signers):
    """Both keys signed it for a record that is not there, so the old one would go on signing."""
    old, new = signers
    body = {"statement": make_rotation(old, new, 99).statement}
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        events = [*_records(ledger, ledger.size).decode().splitlines()]
    header = json.loads(events[-1])["header"]
    salt, text = "00" * 16, compact(body).decode()
    committed = sha256(b"charter/ledger/v1/body\0" + bytes(16) + text.encode()).hexdigest()
    leaf = sha256(b"\0" + header.encode()).hexdigest()
    more, _ = line(69, leaf, time="2099-01-01T00:00:00.000000Z", kind="ledger.key-rotated")
    added = {"body": text, "header": json.loads(more)["header"].replace("0" * 64, committed, 1), "salt": salt}
    records = "".join(f"{one}\n" for one in (*events, compact(added).decode()))
    _, roots = capsule_verify.read_records(records, "charter/loans", {70})
    about = {"checkpoint": old.sign(70, roots[70]), "key": str(new.verifier)}
    code, said = verify(rebuilt(made, about, **{"records.jsonl": records.encode()}))
    assert (code, "a change of keys elsewhere" in said) == (1, True), said


def test_a_checkpoint_of_another_ledger_is_refused(signers):
    """Signed by the same key, in the name of this ledger."""
    key = capsule_verify.read_key(str(signers[0].verifier))
    note = signers[0].sign(3, bytes(32))
    assert capsule_verify.open_checkpoint(note, [(9, key)]) == (3, bytes(32))
    text = f"charter/other\n3\n{note.split(chr(10))[2]}\n"
    with pytest.raises(ValueError, match="another ledger"):
        capsule_verify.open_checkpoint(f"{text}\n{signers[0].sign_line(text)}", [(9, key)])


def test_a_proofs_path_has_one_length(audit, loans, tmp_path):
    """No more hashes than the tree is high, and no record beyond the checkpoint."""
    proof = json.loads(audit("prove", "60")[1])
    older = capsule_verify.read_pins(loans.checkpoints_path)[0]
    path = proof["path"]
    for change in ({"path": path[:-1]}, {"path": [*path, path[0]]}, {"path": []}, {"checkpoint": older}):
        (tmp_path / "p.json").write_bytes(compact({**proof, **change}))
        with pytest.raises(ValueError, match="another length"):
            capsule_verify.check_proof(SimpleNamespace(proof=tmp_path / "p.json"), None)


def test_a_proof_has_its_members_and_no_others(audit, tmp_path):
    proof = json.loads(audit("prove", "60")[1])
    for change in ({"more": 1}, {"format": "charter-proof/2"}):
        (tmp_path / "p.json").write_bytes(compact({**proof, **change}))
        with pytest.raises(ValueError, match="not the members of a proof"):
            capsule_verify.check_proof(SimpleNamespace(proof=tmp_path / "p.json"), None)


def test_a_key_has_one_id_and_one_length(signers):
    origin, key_id, encoded = str(signers[0].verifier).split("+", 2)
    assert capsule_verify.read_key(f"{origin}+{key_id}+{encoded}")[0] == origin
    for text in (f"{origin}+00000000+{encoded}", f"charter/other+{key_id}+{encoded}", f"{origin}+{key_id}+AQ=="):
        with pytest.raises(ValueError, match="malformed"):
            capsule_verify.read_key(text)


def test_a_signature_has_one_spelling(signers):
    """RFC 8032, 5.1.7: a larger s would sign the same."""
    _, _, public = capsule_verify.read_key(str(signers[0].verifier))
    signature = base64.b64decode(signers[0].sign_line("x").split(" ")[2])[4:]
    larger = (int.from_bytes(signature[32:], "little") + capsule_verify.ORDER).to_bytes(32, "little")
    assert capsule_verify.is_signed(public, b"x", signature)
    assert not capsule_verify.is_signed(public, b"x", signature[:32] + larger)


def test_an_engine_that_fails_has_decided_nothing(made, tmp_path, monkeypatch):
    def fail(policies, entry, asked):
        raise OSError("no more memory")

    (tmp_path / "c.zip").write_bytes(made)
    monkeypatch.setattr(capsule_verify, "find_engine", lambda: ("one", fail))
    gaps = capsule_verify.check_capsule(SimpleNamespace(capsule=tmp_path / "c.zip", pin=[]), None)
    assert sum("not made again, because one failed: no more memory" in gap for gap in gaps) == 25
    assert any("no decision was made again" in gap for gap in gaps)


def test_a_file_that_is_not_there_is_said(made, verify, past):
    digest = next(event.body["input"] for event in past.events if event.kind == "gate.decided")[7:]
    code, said = verify(rebuilt(made, **{f"files/{digest}": None}))
    assert (code, f"the file {digest[:12]} is not in the capsule" in said) == (6, True), said


@pytest.mark.opa
def test_an_error_in_a_policy_is_no_answer(opa):
    """Asked leniently, OPA takes an error for `not so`, and the gate opens."""
    policies = {"modules": {"a": "package x\n\nallow if not deny\n\ndeny if 1 / input.n > 1\n"}, "data": {}}
    with pytest.raises(subprocess.CalledProcessError):
        capsule_verify.ask_opa(str(Path(opa).absolute()), policies, "data.x.allow", '{"n": 0}')


@pytest.mark.opa
@pytest.mark.parametrize(
    "call",
    ['http.send({"method": "get", "url": "http://127.0.0.1:1"})', "opa.runtime()", 'net.lookup_ip_addr("localhost")'],
)
def test_policies_of_a_stranger_reach_out_of_nothing(opa, call):
    def ask(body):
        policies = {"modules": {"a": f"package x\n\nd := {body}\n"}, "data": {}}
        return capsule_verify.ask_opa(str(Path(opa).absolute()), policies, "data.x.d", '{"a": {"b": 1.50}}')

    assert ask("input.a") == {"b": "1.5"}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        ask(call)
    assert re.search(rb"undefined function|unallowed host", refused.value.stdout), refused.value.stdout
