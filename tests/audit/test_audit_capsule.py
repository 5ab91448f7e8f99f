"""A capsule holds what a stranger needs, is refused when anything in it is changed, and needs bare Python only."""

import ast
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from charter.runtime.audit import capsule_verify
from charter.runtime.audit.capsule import _zip, make_capsule
from charter.runtime.audit.past import read_past
from charter.runtime.failure import Failure
from charter.runtime.ledger import Event, Ledger, anchor, keys
from charter.runtime.ledger.administration import Keeper
from charter.runtime.ledger.custody import rotate_key
from charter.runtime.project import Project
from charter.runtime.store import ArtifactStore


@pytest.fixture(scope="module")
def pin(loans):
    return loans.checkpoints_path


@pytest.fixture(scope="module")
def made(past, loans):
    return make_capsule(past, loans)


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a capsule's bytes in this process; gives exit code and output."""
    monkeypatch.delenv("OPA_BIN", raising=False)
    monkeypatch.setenv("PATH", "")

    def call(data, *arguments, redecide=False):
        path = tmp_path / "c.zip"
        path.write_bytes(data)
        if not redecide:
            monkeypatch.setattr(capsule_verify, "find_engine", lambda: None)
        said = []
        monkeypatch.setattr("builtins.print", said.append)
        monkeypatch.setattr(sys, "argv", ["verify.py", str(path), *map(str, arguments)])
        try:
            return capsule_verify.main(), "\n".join(said)
        finally:
            monkeypatch.undo()

    return call


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def compact(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def rebuilt(data: bytes, about=(), **changes) -> bytes:
    """With members replaced, added or (None) removed, `about` in capsule.json, and its list made to fit."""
    found = members(data)
    for name, value in changes.items():
        found.pop(name, None) if value is None else found.update({name: value})
    listed = json.loads(found.pop("capsule.json"))
    listed["members"] = {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    found["capsule.json"] = compact({**listed, **dict(about)})
    return _zip(found)


def test_it_holds_everything_and_is_the_same_each_time(made, past, loans):
    found = members(made.data)
    assert {name.partition("/")[0] for name in found} == {
        "capsule.json", "charter.trust.json", "charters", "files", "records.jsonl", "verify.py",
    }  # fmt: skip
    for opened in past.runs.values():
        assert {f"files/{opened.ir[7:]}", f"files/{opened.bundle[7:]}"} <= set(found)
    assert (len({opened.ir for opened in past.runs.values()}), made.missing) == (2, ())
    assert make_capsule(past, loans).data == made.data


def test_it_holds_and_every_decision_is_made_again(made, check, pin):
    code, said = check(made.data, "--pin", pin, redecide=True)
    assert code == 0, said
    assert "25 of 25 decisions, with regorus" in said
    assert "HOLDS" in said


@pytest.mark.opa
def test_on_a_bare_machine(made, pin, opa, tmp_path):
    """A process without our packages: `-I -S`. First nothing can decide, then opa does."""
    (tmp_path / "c.zip").write_bytes(made.data)
    (tmp_path / "verify.py").write_bytes(members(made.data)["verify.py"])

    def run(**environment):
        command = [sys.executable, "-I", "-S", "verify.py", "c.zip", "--pin", pin]
        return subprocess.run(
            command, cwd=tmp_path, env={"PATH": "", **environment}, capture_output=True, text=True, check=False
        )

    bare, decided = run(), run(OPA_BIN=str(Path(opa).absolute()), PATH=os.defpath)
    assert (bare.returncode, bare.stderr) == (6, "")
    assert "no decision was made again" in bare.stdout
    assert (decided.returncode, decided.stderr) == (0, "")
    assert "25 of 25 decisions, with opa" in decided.stdout


def test_the_verifier_imports_the_standard_library_alone(made):
    imported = {
        line.split()[1].partition(".")[0]
        for line in members(made.data)["verify.py"].decode().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= sys.stdlib_module_names
    ast.parse(members(made.data)["verify.py"], feature_version=(3, 8))


def test_every_flipped_bit_is_refused(made, check):
    """In each member, in what lies between members, and anywhere."""
    chance = random.Random(5)
    with zipfile.ZipFile(io.BytesIO(made.data)) as file:
        heads = [about.header_offset for about in file.infolist()]
        places = [about.header_offset + 30 + len(about.filename) for about in file.infolist()]
        sizes = [about.file_size for about in file.infolist()]
    spots = [at + chance.randrange(30) for at in heads]
    spots += [at + chance.randrange(size) for at, size in zip(places, sizes, strict=True) for _ in range(3)]
    spots += [chance.randrange(places[-1], len(made.data)) for _ in range(20)]
    for at in spots:
        changed = bytearray(made.data)
        changed[at] ^= 1 << chance.randrange(8)
        code, said = check(bytes(changed))
        assert code == 1, f"bit of byte {at}: {said}"


def test_where_no_decision_was_compared_it_does_not_hold(check, tmp_path):
    pin = tmp_path / "pin"
    with Ledger.open(tmp_path / "l.db", key_path=tmp_path / "l.key", origin="charter/none", create=True) as ledger:
        ledger.append([Event("test.event", "x", {"n": 1})])
        anchor(ledger, pin)
        data = make_capsule(read_past(ledger, None), None).data
    code, said = check(data, "--pin", pin, redecide=True)
    assert (code, "there was none to compare" in said, "HOLDS" in said) == (6, True, False), said


def test_bytes_added_or_cut_are_refused(made, check):
    for changed in (made.data[:-1], made.data + b"\0", b"\0" + made.data, made.data[:1000], b"", b"PK\x03\x04"):
        assert check(changed)[0] == 1


def test_what_was_changed_with_its_list_is_refused_too(made, check, pin, past):
    """Whoever changes a member and lists it anew is found out by what the ledger's records name."""
    found = members(made.data)
    records = found["records.jsonl"]
    lines = records.splitlines(keepends=True)
    opened = next(iter(past.runs.values()))
    attached = next(event.body["input"] for event in past.events if event.kind == "gate.decided")
    older = capsule_verify.read_pins(pin)[0]

    def replaced(digest):
        name = f"files/{digest[7:]}"
        other = name.replace(name[-12:-8], "0000")
        return [{name: None}, {name: found[name] + b" "}, {name: None, other: found[name]}, {"files/" + "0" * 64: b""}]

    tried = [
        {"records.jsonl": b"".join(lines[:-1])},
        {"records.jsonl": b"".join(lines[1:])},
        {"records.jsonl": b"".join([*lines[:4], lines[5], lines[4], *lines[6:]])},
        {"records.jsonl": b"".join([*lines, lines[-1]])},
        {"records.jsonl": records.replace(b'\\"allow\\":false', b'\\"allow\\":true ', 1)},
        {"records.jsonl": records.replace(b'\\"allow\\":false', b'\\"allow\\":true', 1)},
        {"records.jsonl": records[:-1]},
        {"records.jsonl": records + b"{}"},
        {"records.jsonl": None},
        {"about": {"checkpoint": older}},
        {"about": {"checkpoint": None}},
        {"about": {"key": "charter/loans+00000000+AA=="}},
        {"about": {"more": "x"}},
        {"about": {"format": "charter-capsule/2"}},
        {"verify.py": b"print('HOLDS')\n"},
        {"README.txt": b"all is well"},
        {"../../evil.sh": b""},
        {"ledger.pub": b""},
        {f"files/{hashlib.sha256(b'x').hexdigest()}": b"x"},
        *replaced(opened.ir),
        *replaced(opened.bundle),
        *replaced(attached)[1:],
    ]
    for change in tried:
        code, said = check(rebuilt(made.data, **change), "--pin", pin)
        assert code in {1, 6}, f"{list(change)}: {said}"
        assert "HOLDS" not in said
        if None not in change.values():
            assert code == 1, f"{list(change)}: {said}"


def test_a_pin_with_one_byte_changed_is_refused(made, check, pin, tmp_path):
    text = Path(pin).read_text()
    assert check(made.data, "--pin", pin)[0] == 6
    for old, new in (
        ("\n69\n", "\n68\n"), ("=\n\n\u2014", "=\n\u2014"), ("=\n\n", "=\nx\n\n"), ("\u2014 ", "- "), ("loans", "loan"),
    ):  # fmt: skip
        assert old in text
        (tmp_path / "pin").write_text(text.replace(old, new, 1))
        assert check(made.data, "--pin", tmp_path / "pin")[0] == 1, old


def test_records_with_one_byte_changed_and_listed_anew_are_refused(made, check):
    chance = random.Random(7)
    records = members(made.data)["records.jsonl"]
    for _ in range(25):
        changed = bytearray(records)
        changed[chance.randrange(len(records))] ^= 1 << chance.randrange(7)
        assert check(rebuilt(made.data, **{"records.jsonl": bytes(changed)}))[0] == 1


def test_a_decision_that_comes_out_otherwise_is_found(own, check, pin):
    """Signed by the ledger's own key: only deciding again shows it."""
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        body = dict(next(event.body for event in ledger.events() if event.seq == 30))
        described = body.pop("attachments")
        data = {name: ledger.attachment(item["digest"]) for name, item in described.items()}
        ledger.append(
            [Event("gate.decided", "evaluate/holdout", {**body, "violations": body["violations"][:0]}, None, data)]
        )
        made = make_capsule(read_past(ledger, ArtifactStore(own.store)), own)
    code, said = check(made.data, "--pin", pin, redecide=True)
    assert code == 1
    assert "record 69: evaluate/holdout:exit comes out otherwise" in said


def test_a_rewritten_or_rolled_back_ledger_does_not_pass_a_pin(made, check, own):
    """The pin is of a ledger that went on otherwise, signed by the same key."""
    pin = own.root / "my.checkpoints"
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        ledger.append([Event("test.event", "x", {"n": 1})])
        anchor(ledger, pin)
    code, said = check(made.data, "--pin", pin)
    assert (code, "rolled back or rewritten" in said) == (1, True)


def test_a_ledger_rewritten_with_its_own_key_does_not_pass_a_pin(loans, own, check, tmp_path):
    pins = []
    for n, project in enumerate((own, Project(shutil.copytree(own.root, tmp_path / "twin")))):
        with Ledger.open(project.ledger_path, key_path=project.ledger_key_path, origin="charter/loans") as ledger:
            ledger.append([Event("test.event", "x", {"n": n})])
            anchor(ledger, tmp_path / f"pin{n}")
            pins.append(tmp_path / f"pin{n}")
            data = make_capsule(read_past(ledger, ArtifactStore(project.store)), project).data
    assert check(data, "--pin", pins[1])[0] == 6
    code, said = check(data, "--pin", pins[0])
    assert (code, "rolled back or rewritten" in said) == (1, True)


def test_a_ledger_that_grows_while_it_is_read_makes_no_capsule(own):
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        past = read_past(ledger, ArtifactStore(own.store))
        ledger.append([Event("test.event", "x", {"n": 1})])
        with pytest.raises(Failure, match="grew meanwhile"):
            make_capsule(past, own)


def test_a_charter_that_was_changed_is_not_the_one_listed(made, check):
    found = members(made.data)
    found["charters/loans.charter"] += b"# weaker\n"
    code, said = check(_zip(found))
    assert (code, "not those that capsule.json lists" in said) == (1, True)


def test_a_ledger_that_changed_its_key(own, check, tmp_path):
    """Pins from before and after hold, the first key still vouches; what the old key did not sign fails."""
    first_key = Path(shutil.copy(own.ledger_public_key_path, tmp_path / "first.pub"))
    pin = shutil.copy(own.checkpoints_path, tmp_path / "pin")
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        rotate_key(ledger, own.ledger_key_path, "yearly", Keeper("oda@bank.example"))
        ledger.append([Event("test.event", "x", {"n": 1})])
        anchor(ledger, pin)
        proof = tmp_path / "proof.json"
        proof.write_bytes(ledger.prove(30))
        made = make_capsule(read_past(ledger, ArtifactStore(own.store)), own)
    code, said = check(made.data, "--pin", pin, "--key", first_key, redecide=True)
    assert (code, "1 changes of the key" in said) == (0, True), said
    assert check(made.data, "--pin", pin, "--key", own.ledger_public_key_path)[0] == 6
    trusted = Path(first_key).read_text().strip()
    assert capsule_verify.check_proof(SimpleNamespace(proof=str(proof)), trusted) == []
    other = keys.create_signer(tmp_path / "other.key", "charter/loans").verifier
    (tmp_path / "other.pub").write_text(f"{other}\n")
    code, said = check(made.data, "--pin", pin, "--key", tmp_path / "other.pub")
    assert (code, "another key than the one given" in said) == (1, True)
    # The newest key signs no checkpoint from before it came into force.
    found = members(made.data)
    line = next(line for line in found["records.jsonl"].splitlines() if b"key-rotated" in line)
    statement = json.loads(json.loads(line)["body"])["statement"]
    newest = json.loads(found["capsule.json"])["key"]
    (at, old), (_, new) = capsule_verify.key_chain(newest, [statement], None)
    assert at == 69
    with pytest.raises(ValueError, match="not signed by the ledger's key"):
        capsule_verify.open_checkpoint(json.loads(found["capsule.json"])["checkpoint"], [(99, old), (999, new)])
    with pytest.raises(ValueError, match="not signed"):
        capsule_verify.key_chain(newest, [statement.replace("\n69\n", "\n68\n")], None)
    # Nor does a key that the last change does not lead to, or one whose change is at another record than it says.
    with pytest.raises(ValueError, match="leads to another key"):
        capsule_verify.key_chain(str(other), [statement], None)
    for about in ({"key": first_key.read_text().strip()}, {"key": str(other)}):
        assert check(rebuilt(made.data, about=about), "--pin", pin)[0] == 1


def test_its_ed25519_agrees_with_a_library():
    """And refuses every flipped bit of a signature."""
    for number in range(3):
        private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        public, message = private.public_key().public_bytes_raw(), b"m" * number
        signature = private.sign(message)
        assert capsule_verify.is_signed(public, message, signature)
        assert not capsule_verify.is_signed(public, message + b"x", signature)
        for bit in range(number, 512, 61):
            flipped = bytearray(signature)
            flipped[bit // 8] ^= 1 << bit % 8
            assert not capsule_verify.is_signed(public, message, bytes(flipped))
    # RFC 8032, section 7.1, test 2
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signed = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert capsule_verify.is_signed(key, b"\x72", signed)
    # A key of small order "signs" everything with r = identity, s = 0.
    identity = (1).to_bytes(32, "little")
    assert not capsule_verify.is_signed(identity, b"anything", identity + bytes(32))


def test_the_same_script_checks_a_proof(audit, tmp_path, loans):
    _, proof, _ = audit("prove", "30")
    _, hidden, _ = audit("prove", "30", "--without-body")
    path = tmp_path / "proof.json"

    def check(text, key=loans.ledger_public_key_path):
        path.write_text(text)
        return capsule_verify.check_proof(SimpleNamespace(proof=str(path)), key and key.read_text().strip())

    assert check(proof) == []
    assert check(proof, None)
    places = [n for n, character in enumerate(proof.rstrip()) if n % 23 == 0 or character in "abcdef"]
    for at in places[:: max(1, len(places) // 90)]:
        changed = bytearray(proof.rstrip().encode())
        changed[at] ^= 1 << 5  # changes the case of a letter
        with pytest.raises((ValueError, KeyError, IndexError, TypeError, AttributeError)):
            check(changed.decode())
    assert check(hidden) == []


def test_the_commands(audit, loans, tmp_path):
    target = tmp_path / "out.zip"
    code, out, _ = audit("capsule", "-o", target)
    assert (code, "69 records" in out) == (0, True)
    assert audit("capsule", "--verifier", tmp_path / "verify.py")[0] == 0
    assert (tmp_path / "verify.py").read_bytes() == members(target.read_bytes())["verify.py"]
    assert audit("check-capsule", target)[0] == 6
    assert audit("check-capsule", tmp_path / "none.zip")[0] == 2
    code, out, _ = audit("capsule", "-o", target, "--store", tmp_path)
    assert (code, "left out" in out) == (6, True)
