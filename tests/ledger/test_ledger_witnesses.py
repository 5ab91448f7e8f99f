"""Witnesses (C2SP tlog-witness): what they cosign and refuse, what they remember, and what an auditor gets from it."""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from ledger_samples import fill
from time_authority import say, serving

from charter.runtime.anchoring.memory import Memory, start_memory
from charter.runtime.anchoring.server import Witness, WitnessServer
from charter.runtime.anchoring.witness import MAX_REQUEST, Refusal, judge, read_submission, write_submission
from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Ledger, Tampered, Unavailable
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.checkpoint import NoteError, Signer, VerifierKey, read_note
from charter.runtime.ledger.cosignature import Cosigner, WitnessKey, cosigned_line
from charter.runtime.ledger.keys import load_private
from charter.runtime.ledger.merkle import EMPTY_ROOT, Frontier, consistency_proof, leaf_hash, subtree_of
from charter.runtime.ledger.outside import Outside, Trust, enough_witnesses
from charter.runtime.project import Project

ORIGIN = "charter/test"
LEDGER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))
COSIGNER = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))
TRUSTED = {ORIGIN: [LEDGER.verifier]}
LEAVES = [leaf_hash(bytes([n])) for n in range(40)]
FORKED = [*LEAVES[:3], *[leaf_hash(bytes([n, n])) for n in range(3, 40)]]


def note(size, leaves=LEAVES, signer=LEDGER):
    frontier = Frontier()
    frontier.extend(leaves[:size])
    return signer.sign(size, frontier.root())


def lines_of(signed):
    return signed.partition("\n\n")[2]


def request(old, size, leaves=LEAVES, signer=LEDGER, proof=None):
    if proof is None:
        proof = consistency_proof(old, size, subtree_of(leaves)) if 0 < old <= size else []
    return write_submission(old, proof, note(size, leaves, signer))


def status(body, seen=None):
    """What the specification asks to answer; 200 when it is to be cosigned."""
    try:
        judge(read_submission(body), TRUSTED, read_note(note(seen)) if seen is not None else None)
    except Refusal as refusal:
        return refusal.status
    return 200


# --- the cosignature


def test_a_cosignature_is_what_the_specification_says():
    """Made and checked by hand, from the text of C2SP tlog-cosignature."""
    text = note(3).partition("\n\n")[0] + "\n"
    line = COSIGNER.line(text, 1679315147)
    dash, name, encoded = line.rstrip("\n").split(" ")
    blob = base64.b64decode(encoded)
    public = COSIGNER.private.public_key().public_bytes_raw()
    assert (dash, name, len(blob)) == ("—", "witness.example/w1", 4 + 8 + 64)
    assert blob[:4] == sha256(b"witness.example/w1\n\x04" + public).digest()[:4]
    assert struct.unpack(">Q", blob[4:12]) == (1679315147,)
    Ed25519PublicKey.from_public_bytes(public).verify(blob[12:], b"cosignature/v1\ntime 1679315147\n" + text.encode())
    assert COSIGNER.key.times_of(note(3) + line) == (1679315147,)
    assert WitnessKey.parse(str(COSIGNER.key)) == COSIGNER.key
    encoded_key = base64.b64encode(b"\x04" + public).decode()
    assert str(COSIGNER.key) == f"{name}+{blob[:4].hex()}+{encoded_key}"


def test_readers_of_notes_pass_over_cosignatures():
    signed = note(3)
    text = signed.partition("\n\n")[0] + "\n"
    assert LEDGER.verifier.open(signed + COSIGNER.line(text, 5)) == read_note(signed)
    before = f"{text}\n{COSIGNER.line(text, 5)}{lines_of(signed)}"
    assert LEDGER.verifier.open(before) == read_note(signed)
    assert COSIGNER.key.times_of(before) == (5,)


def test_every_changed_bit_of_a_cosignature_is_seen():
    signed = note(3)
    line = COSIGNER.line(signed.partition("\n\n")[0] + "\n", 1679315147)
    blob = base64.b64decode(line.split(" ")[2])
    for place in range(4 * 8, len(blob) * 8):
        changed = bytearray(blob)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(NoteError):
            COSIGNER.key.times_of(f"{signed}— {COSIGNER.name} {base64.b64encode(changed).decode()}\n")
    for size in (4, 12, 75, 77):
        short = base64.b64encode((blob + b"x")[:size].ljust(5, b"x")).decode()
        with pytest.raises(NoteError):
            COSIGNER.key.times_of(f"{signed}— {COSIGNER.name} {short}\n")
    with pytest.raises(NoteError):
        COSIGNER.key.times_of(note(4) + line)


@pytest.mark.parametrize("time_", [2**63 - 1, 2**63, 253402300800])
def test_times_that_no_calendar_has_are_refused(time_):
    signed = note(3)
    line = COSIGNER.line(signed.partition("\n\n")[0] + "\n", time_)
    with pytest.raises(NoteError, match="no time that a calendar has"):
        COSIGNER.key.times_of(signed + line)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        "w+00000000+AAAA",
        str(LEDGER.verifier),
        str(COSIGNER.key).replace("witness.example", "witness.example2"),
        str(COSIGNER.key).replace("witness.example", "wit ness"),
        str(COSIGNER.key) + "A",
    ],
)
def test_keys_that_are_no_witnesses_are_refused(text):
    with pytest.raises(NoteError):
        WitnessKey.parse(text)


# --- what a witness decides


def test_what_continues_is_cosigned():
    for size in range(1, 40):
        assert status(request(0, size)) == 200
        for old in range(1, size + 1):
            assert status(request(old, size), seen=old) == 200


def test_each_refusal_has_the_status_of_the_specification():
    assert status(request(0, 3, signer=Signer("charter/unknown", Ed25519PrivateKey.generate()))) == 404
    assert status(request(0, 3, signer=OTHER)) == 403
    assert status(request(9, 3), seen=9) == 400
    assert status(request(5, 9), seen=6) == 409
    assert status(request(0, 9), seen=6) == 409
    assert status(request(7, 9), seen=6) == 409
    assert status(request(5, 9)) == 409
    assert status(request(6, 6, FORKED), seen=6) == 409
    assert status(request(6, 9, FORKED), seen=6) == 422
    assert status(request(6, 9, proof=[]), seen=6) == 422
    assert status(request(6, 9, proof=LEAVES[:3]), seen=6) == 422
    assert status(request(6, 6, proof=LEAVES[:1]), seen=6) == 422
    assert status(request(0, 9, proof=LEAVES[:1])) == 422
    assert status(write_submission(0, [], LEDGER.sign(0, LEAVES[0]))) == 422
    assert status(write_submission(0, [], LEDGER.sign(0, EMPTY_ROOT))) == 200


def test_a_conflict_names_the_size_that_is_known():
    with pytest.raises(Refusal) as refused:
        judge(read_submission(request(0, 9)), TRUSTED, read_note(note(6)))
    assert (refused.value.status, refused.value.body, refused.value.kind) == (409, "6\n", "text/x.tlog.size")


def test_signatures_of_strangers_are_ignored_and_not_passed_on():
    signed = note(3)
    stranger = note(3, signer=OTHER).partition("\n\n")[2]
    _, kept = judge(read_submission(write_submission(0, [], signed + stranger)), TRUSTED, None)
    assert kept == signed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\n\n",
        b"old 0",
        b"old 0\n",
        b"old 0\n\n",
        b"old 0\n\nx",
        b"old \n\n" + note(3).encode(),
        b"old -1\n\n" + note(3).encode(),
        b"old 00\n\n" + note(3).encode(),
        b"old 03\n\n" + note(3).encode(),
        b"old  3\n\n" + note(3).encode(),
        "old ٣\n\n".encode() + note(3).encode(),
        b"old 1e3\n\n" + note(3).encode(),
        b"old " + b"9" * 5000 + b"\n\n" + note(3).encode(),
        b"new 0\n\n" + note(3).encode(),
        b"old 0\nAAAA\n\n" + note(3).encode(),
        b"old 0\n\n" + note(3).encode()[:-1],
        b"old 0\n\n" + note(3).encode() + b"\n",
        b"old 0\n\n" + note(3).replace("\n", "\r\n").encode(),
        b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + note(3).encode(),
        b"old 0\n\n" + LEDGER.sign_line("").encode(),
    ],
)
def test_malformed_requests_are_bad_requests(body):
    assert status(body) == 400


def test_a_checkpoint_with_empty_or_hidden_lines_is_no_checkpoint():
    for more in ("\n", "extension\n\nmore\n", "a\tb\n"):
        text = note(3).partition("\n\n")[0] + "\n" + more
        assert status(write_submission(0, [], f"{text}\n{LEDGER.sign_line(text)}")) == 400
    text = note(3).partition("\n\n")[0] + "\nextension\n"
    assert status(write_submission(0, [], f"{text}\n{LEDGER.sign_line(text)}")) == 200


# --- what it remembers


@pytest.fixture
def memory(tmp_path):
    start_memory(tmp_path / "witness.checkpoints")
    made = Memory(tmp_path / "witness.checkpoints", COSIGNER.key)
    yield made
    made.close()


def test_what_is_cosigned_is_on_the_disk_first(memory, tmp_path, monkeypatch):
    witness = Witness(COSIGNER, TRUSTED, memory, clock=lambda: 1000.5)
    code, _, line = witness.answer(request(0, 6))
    assert code == 200
    (kept,) = read_anchors(tmp_path / "witness.checkpoints")
    assert kept == note(6) + line
    assert cosigned_line(note(6), line, COSIGNER.key) == (line, 1000)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, text = witness.answer(request(6, 9))
    assert code == 500
    assert "—" not in text
    assert memory.seen(ORIGIN).size == 6
    monkeypatch.undo()
    assert witness.answer(request(6, 9))[0] == 200


def test_the_file_is_synced_before_it_takes_the_place_of_the_older(memory, tmp_path, monkeypatch):
    done, sync, replace = [], os.fsync, Path.replace

    def synced(descriptor):
        done.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        sync(descriptor)

    def replaced(path, target):
        done.append(("replace", target.name))
        return replace(path, target)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    assert Witness(COSIGNER, TRUSTED, memory).answer(request(0, 6))[0] == 200
    name = "witness.checkpoints"
    assert done == [("sync", f".{name}.new"), ("replace", name), ("sync", tmp_path.name)]


def test_a_witness_that_starts_again_still_knows(memory, tmp_path):
    assert Witness(COSIGNER, TRUSTED, memory).answer(request(0, 6))[0] == 200
    with pytest.raises(Unavailable, match="running already"):
        Memory(tmp_path / "witness.checkpoints", COSIGNER.key)
    memory.close()
    again = Memory(tmp_path / "witness.checkpoints", COSIGNER.key)
    witness = Witness(COSIGNER, TRUSTED, again)
    assert witness.answer(request(0, 3)) == (409, "text/x.tlog.size", "6\n")
    assert witness.answer(request(6, 7))[0] == 200
    again.close()
    memory._descriptor = os.open(os.devnull, os.O_RDONLY)  # for the fixture to close


def test_a_memory_that_is_lost_or_changed_is_refused(memory, tmp_path):
    path = tmp_path / "witness.checkpoints"
    Witness(COSIGNER, TRUSTED, memory).answer(request(0, 6))
    whole = path.read_text()
    memory.close()

    def start():
        Memory(path, COSIGNER.key).close()

    start()
    for changed in (
        whole.replace("\n6\n", "\n5\n"),  # what was cosigned says something else
        f"{whole}{note(9)}\n",  # nobody cosigned it
        f"{whole}{lines_of(whole)}",  # twice
    ):
        path.write_text(changed)
        with pytest.raises(Tampered, match="memory was changed"):
            start()
    path.unlink()
    with pytest.raises(Unavailable, match="no memory"):
        start()
    with pytest.raises(Unavailable, match="has a memory"):
        path.touch()
        start_memory(path)
    memory._descriptor = os.open(os.devnull, os.O_RDONLY)


def test_a_memory_behind_a_link_is_the_one_that_is_kept(memory, tmp_path):
    """A link that is replaced in its place would leave the file behind it as it was: a memory of an older state."""
    memory.close()
    link, path = tmp_path / "link.checkpoints", tmp_path / "witness.checkpoints"
    link.symlink_to(path)
    linked = Memory(link, COSIGNER.key)
    with pytest.raises(Unavailable, match="running already"):
        Memory(path, COSIGNER.key)
    assert Witness(COSIGNER, TRUSTED, linked).answer(request(0, 6))[0] == 200
    linked.close()
    assert link.is_symlink()
    again = Memory(path, COSIGNER.key)
    assert again.seen(ORIGIN).size == 6
    again.close()
    memory._descriptor = os.open(os.devnull, os.O_RDONLY)


def test_requests_at_once_never_take_it_back(memory):
    """The race that C2SP tlog-witness describes: two that start from the same size must not both be cosigned."""
    answers = []
    witness = Witness(COSIGNER, TRUSTED, memory)
    remember = memory.remember

    def slowly(kept):
        time.sleep(0.02)
        remember(kept)

    memory.remember = slowly
    together = threading.Barrier(8)

    def ask(size):
        together.wait()
        answers.append((witness.answer(request(0, size))[0], size))

    threads = [threading.Thread(target=ask, args=(size,)) for size in range(10, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(code for code, _ in answers) == [200, *[409] * 7]
    assert memory.seen(ORIGIN).size == next(size for code, size in answers if code == 200)


# --- over HTTP


@pytest.fixture
def served(memory):
    server = WitnessServer(("127.0.0.1", 0), Witness(COSIGNER, TRUSTED, memory))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address
    server.shutdown()
    server.server_close()


def test_one_connection_serves_several_requests(served):
    connection = http.client.HTTPConnection(*served, timeout=20)
    for old, size, expected in ((0, 3, 200), (3, 9, 200), (3, 12, 409), (9, 9, 200)):
        connection.request("POST", "/add-checkpoint", request(old, size))
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == expected
        if expected == 409:
            assert (body, answer.getheader("Content-Type")) == (b"9\n", "text/x.tlog.size")
    connection.close()


_BEGIN = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET /add-checkpoint HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"404"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n\r\n", b"411"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_REQUEST + 1), b"413"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 9" + b"9" * 5000 + b"\r\n\r\n", b"413"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nold", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        # where a proxy in front may see another end of the request
        (_BEGIN + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nold", b" 400 "),
        (_BEGIN + b"Content-Length: 3\r\nContent-Length: 9\r\n\r\nold", b" 400 "),
        (_BEGIN + b"Content-Length: 3\r\nno header\r\nTransfer-Encoding: chunked\r\n\r\nold", b" 400 "),
    ],
)
def test_hostile_requests_do_not_stop_it(served, sent, expected, capfd):
    with socket.create_connection(served, timeout=20) as stranger:
        stranger.sendall(sent)
        stranger.shutdown(socket.SHUT_WR)
        said = stranger.makefile("rb").read()
        assert expected in said[:400]
        assert expected != b" 400 " or b"not clear" in said
    with socket.create_connection(served, timeout=20) as stranger:
        stranger.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 99\r\n\r\nold 0")
    connection = http.client.HTTPConnection(*served, timeout=20)
    connection.request("POST", "/add-checkpoint", request(0, 3))
    assert connection.getresponse().status == 200
    connection.close()
    assert capfd.readouterr().err == ""


def test_no_place_is_lost_when_the_system_gives_no_thread(memory, monkeypatch):
    def none_left(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", none_left)
    with WitnessServer(("127.0.0.1", 0), Witness(COSIGNER, TRUSTED, memory)) as server:
        free = server._free._value
        with pytest.raises(RuntimeError):
            server.process_request(None, None)
        assert server._free._value == free > 0


def test_whoever_sends_slowly_keeps_no_thread_for_long(served, monkeypatch):
    monkeypatch.setattr("charter.runtime.anchoring.server._CONNECTION_SECONDS", 0.5)
    started = time.monotonic()
    with socket.create_connection(served, timeout=20) as stranger, pytest.raises(OSError, match=r".") as cut:
        for _ in range(300):
            stranger.sendall(b"P")
            time.sleep(0.05)
    assert cut.value.errno
    assert time.monotonic() - started < 9


# --- the commands


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    made.state.mkdir(parents=True)
    grow(made, 3)
    return made


@pytest.fixture
def charter(capsys):
    def call(*arguments):
        try:
            code = run_command_line([*map(str, arguments)])
        except SystemExit as end:
            code = end.code
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, " ".join(output.out.split()), " ".join(output.err.split())

    return call


@pytest.fixture
def audit(charter, project):
    return lambda *arguments: charter("audit", *arguments, "--project", project.root)


def grow(project, count, *, first=0):
    with Ledger.open(project.ledger_path, key_path=project.ledger_key_path, origin=ORIGIN, create=True) as ledger:
        fill(ledger, count, first=first)


class Served:
    """`charter witness serve` in a process of its own."""

    def __init__(self, folder: Path, name: str, ledger_key: Path) -> None:
        self.folder, self.ledger_key = folder, ledger_key
        folder.mkdir()
        assert self._charter("init", name).wait(60) == 0
        self.key = folder / "witness.pub"
        self.state = folder / "witness.checkpoints"
        self.start()

    def start(self):
        self.process = self._charter("serve", "--ledger-key", str(self.ledger_key), "--listen", "127.0.0.1:0")
        lines = [self.process.stdout.readline() for _ in range(2)]
        self.url = lines[1].split()[1].removesuffix("/add-checkpoint")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        said = self.process.communicate(timeout=30)[0]
        return self.process.returncode, said

    def _charter(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "charter.runtime.main", "witness", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def witness(project, tmp_path):
    made = Served(tmp_path / "witness", "other.example/witness", project.ledger_public_key_path)
    yield made
    if made.process.poll() is None:
        made.stop()


def test_two_teams_witness_each_other(project, audit, witness, charter, tmp_path):
    asked = ("--witness", witness.url, "--witness-key", witness.key)
    code, out, err = audit("anchor", *asked)
    assert (code, err, "by other.example/witness" in out) == (0, "", True)

    code, out, _ = audit("verify")
    assert (code, "WHOLE, BUT NOT ANCHORED" in out) == (6, True)
    code, out, _ = audit("verify", "--witness", witness.key)
    assert (code, "the first 3 records, by witnesses" in out) == (0, True)
    code, out, _ = audit("verify", "--witness", witness.key.read_text().strip(), "--format", "json")
    found = json.loads(out)
    assert (code, found["anchored_records_by_witnesses"], found["anchored_records_by_pins"]) == (0, 3, 0)
    assert abs(found["outside"][0]["time"] - time.time()) < 60

    grow(project, 300, first=3)
    assert audit("anchor", *asked)[0] == 0
    assert audit("anchor", *asked)[0] == 0  # nothing new: it is the largest still, at a later time
    code, out, _ = audit("verify", "--witness", witness.key)
    assert (code, "the first 303 records" in out) == (0, True)

    # The witness's memory is a pin, and a copy of the ledger is verified with the anchors that came with it.
    copy = shutil.copy(project.ledger_path, tmp_path / "copy.db")
    beside = ("--anchors", project.checkpoints_path, "--witness", witness.key)
    assert charter("audit", "verify", "--ledger", copy)[0] == 6
    assert charter("audit", "verify", "--ledger", copy, *beside)[0] == 0
    assert charter("audit", "verify", "--ledger", copy, "--pin", witness.state)[0] == 0

    code, said = witness.stop()
    assert code == 0
    assert "200  303 records of charter/test" in said


def test_the_memory_of_a_witness_of_several_ledgers_is_a_pin_of_each(project, audit, charter, memory, tmp_path):
    with Ledger.open_read_only(project.ledger_path) as ledger:
        other = Signer("charter/other", Ed25519PrivateKey.from_private_bytes(bytes([4] * 32)))
        trusted = {ORIGIN: [ledger.key], "charter/other": [other.verifier]}
        witness = Witness(COSIGNER, trusted, memory)
        assert witness.answer(write_submission(0, [], ledger.checkpoint()))[0] == 200
        assert witness.answer(write_submission(0, [], note(9, signer=other)))[0] == 200
    assert len(read_anchors(tmp_path / "witness.checkpoints")) == 2
    code, out, _ = audit("verify", "--pin", tmp_path / "witness.checkpoints")
    assert (code, "the first 3 records, by your pins" in out) == (0, True)
    copy = shutil.copy(project.ledger_path, tmp_path / "copy.db")
    code, out, _ = charter("audit", "verify", "--ledger", copy, "--pin", tmp_path / "witness.checkpoints")
    assert (code, "the first 3 records, by your pins" in out) == (0, True)  # without its key, too
    given = ("--anchors", tmp_path / "witness.checkpoints", "--witness", COSIGNER.key)
    for code, out, _ in (charter("audit", "verify", "--ledger", copy, *given), audit("verify", *given)):
        assert (code, "the first 3 records, by witnesses" in out) == (0, True)
    (tmp_path / "others").write_text(note(9, signer=other) + "\n")
    code, out, _ = audit("verify", "--pin", tmp_path / "others")
    assert (code, "of the ledger `charter/other`" in out) == (1, True)


def test_a_witness_that_has_seen_more_catches_a_ledger_that_was_rolled_back(project, audit, witness):
    asked = ("--witness", witness.url, "--witness-key", witness.key)
    assert audit("anchor", *asked)[0] == 0
    before = {path: path.read_bytes() for path in (project.ledger_path, project.checkpoints_path)}
    grow(project, 4, first=3)
    assert audit("anchor", *asked)[0] == 0

    for path, data in before.items():  # all that a project's own files could show
        path.write_bytes(data)
    assert audit("verify", "--witness", witness.key)[0] == 0
    code, out, _ = audit("verify", "--witness", witness.key, "--anchored-since", "9999-01-01")
    assert (code, "does not count: it is older than what was asked for" in out) == (6, True)
    assert audit("verify", "--witness", witness.key, "--anchored-since", "2020-01-01T00:00+02:00")[0] == 0
    assert audit("verify", "--anchored-since", "lately")[0] == 2
    code, _, err = audit("anchor", *asked)
    assert (code, "ledger was rolled back" in err, "cosigned 7 records" in err) == (1, True, True)
    assert audit("verify", "--pin", witness.state)[0] == 1

    grow(project, 4, first=50)  # as long again, with another past
    code, _, err = audit("anchor", *asked)
    assert (code, "ledger was rewritten" in err) == (1, True)
    assert audit("verify", "--pin", witness.state)[0] == 1
    grow(project, 4, first=60)  # longer
    code, _, err = audit("anchor", *asked)
    assert (code, "ledger was rewritten" in err) == (1, True)
    assert [read_note(held).size for held in read_anchors(witness.state)] == [7]


def test_a_killed_witness_has_written_down_what_it_said(project, audit, witness):
    assert audit("anchor", "--witness", witness.url, "--witness-key", witness.key)[0] == 0
    witness.stop(signal.SIGKILL)
    witness.start()
    project.checkpoints_path.unlink()  # so that it is asked from the start, and has to say what it knows
    assert audit("anchor", "--witness", witness.url, "--witness-key", witness.key)[0] == 0
    assert "409  3 records" in witness.stop()[1]


def test_a_quorum_of_witnesses(project, audit, witness, tmp_path):
    second = Served(tmp_path / "second", "third.example/witness", project.ledger_public_key_path)
    try:
        both = ("--witness", witness.key, "--witness", second.key)
        assert audit("anchor", "--witness", witness.url, "--witness-key", witness.key)[0] == 0
        code, out, _ = audit("verify", *both)
        assert (code, "no cosignature by third.example/witness" in out) == (6, True)
        assert audit("verify", *both, "--witnesses-needed", "1")[0] == 0
        assert audit("verify", "--witness", witness.key, "--witness", witness.key)[0] == 0
        assert audit("verify", "--witness", witness.key, "--witnesses-needed", "2")[0] == 2
        grow(project, 2, first=3)
        assert audit("anchor", "--witness", second.url, "--witness-key", second.key)[0] == 0
        code, out, _ = audit("verify", *both)
        assert (code, "the first 3 records, by witnesses" in out) == (0, True)
        code, out, _ = audit("verify", *both, "--witnesses-needed", "1")
        assert (code, "the first 5 records, by witnesses" in out) == (0, True)
        witness.stop()
        pairs = [("--witness", one.url, "--witness-key", one.key) for one in (witness, second)]
        code, out, err = audit("anchor", *pairs[0], *pairs[1])
        assert (code, "cannot be asked" in err, "third.example" in out) == (4, True, True)
    finally:
        second.stop()


def test_a_cosignature_that_does_not_hold_is_a_finding(project, audit, witness):
    assert audit("anchor", "--witness", witness.url, "--witness-key", witness.key)[0] == 0
    key = WitnessKey.parse(witness.key.read_text())
    other = Cosigner(key.name, Ed25519PrivateKey.generate())
    (held,) = read_anchors(project.checkpoints_path)
    text, _, lines = held.partition("\n\n")
    forged = other.line(text + "\n", 5).split(" ")[2]
    blob = key.id + base64.b64decode(forged)[4:]
    mine = lines.split("\n")[0]
    project.checkpoints_path.write_text(f"{text}\n\n{mine}\n— {key.name} {base64.b64encode(blob).decode()}\n\n")
    code, out, _ = audit("verify", "--witness", witness.key)
    assert (code, "does not belong to the checkpoint's text" in out) == (1, True)
    assert audit("verify")[0] == 6  # to whom the witness is a stranger it says nothing


def test_a_checkpoint_needs_the_ledgers_signature_beside_the_witnesses(project, audit, tmp_path):
    """What a witness of mine cosigned for another key of the same name anchors nothing here."""
    with Ledger.open_read_only(project.ledger_path) as ledger:
        text = ledger.checkpoint().partition("\n\n")[0] + "\n"
    foreign = f"{text}\n{OTHER.sign_line(text)}{COSIGNER.line(text, 1000)}"
    (tmp_path / "foreign").write_text(foreign + "\n")
    code, out, _ = audit("verify", "--anchors", tmp_path / "foreign", "--witness", COSIGNER.key)
    assert (code, "not signed by this ledger's key" in out) == (1, True)


def answering(make):
    """A witness that says what it likes about the note that it gets."""

    def reply(handler, body):
        say(handler, *make(body.decode().partition("\n\n")[2]))

    return reply


def line_of(sent, cosigner=COSIGNER, at=0.0):
    return cosigner.line(sent.partition("\n\n")[0] + "\n", int(time.time() + at)).encode()


STRANGER = Cosigner(COSIGNER.name, Ed25519PrivateKey.from_private_bytes(bytes([3] * 32)))
LIARS = {
    "another key": (lambda sent: (line_of(sent, STRANGER),), 1, "no cosignature by"),
    "of another text": (lambda sent: (line_of("x\n4\n" + sent),), 1, "does not belong to the checkpoint's text"),
    "ahead": (lambda sent: (line_of(sent, at=3600),), 1, "cosignature is of another time"),
    "replayed": (lambda sent: (line_of(sent, at=-3600),), 1, "cosignature is of another time"),
    "garbage": (lambda _: (b"\xff\xfe",), 1, "cosignature does not hold"),
    "nothing": (lambda _: (b"",), 1, "no cosignature by"),
    "malformed line": (lambda _: ("— witness.example/w1 !!\n".encode(),), 1, "malformed base64"),
    "huge": (lambda _: (b"x" * (1 << 17),), 4, "answer is too large"),
    "redirect": (lambda _: (b"", 307), 4, "No redirect is followed"),
    "error": (lambda _: (b"\x1b[2J", 500), 4, "answers with 500"),
    "unknown": (lambda _: (b"who?", 404), 4, "witness does not know us"),
    "key unknown": (lambda _: (b"", 403), 4, "witness does not know us"),
    "conflict without a size": (lambda _: (b"a lot\n", 409), 4, "answers with 409"),
}


@pytest.mark.parametrize("liar", LIARS)
def test_a_witness_that_lies_gets_a_message_and_nothing_is_stored(project, audit, liar):
    make, expected, words = LIARS[liar]
    with serving(answering(make)) as url:
        code, out, err = audit("anchor", "--witness", url, "--witness-key", COSIGNER.key)
    assert (code, words in err, "\x1b" in out + err) == (expected, True, False), err
    with Ledger.open_read_only(project.ledger_path) as ledger:
        assert read_anchors(project.checkpoints_path) == [ledger.checkpoint()]


def test_a_conflict_is_answered_once(project, audit):
    asked = []

    def reply(handler, body):
        asked.append(body)
        size = len(asked) % 2 + 1
        say(handler, f"{size}\n".encode(), 409, Content_Type="text/x.tlog.size")

    with serving(reply) as url:
        code, _, err = audit("anchor", "--witness", url, "--witness-key", COSIGNER.key)
    assert (code, "answers with 409" in err, len(asked)) == (4, True, 2)
    assert [body.split(b"\n")[0] for body in asked] == [b"old 0", b"old 2"]


def test_a_witness_that_has_forgotten_is_not_asked_on(project, audit):
    """It cosigned 3 records, and says that it has seen 2: it would cosign a ledger that was rolled back."""
    with serving(answering(lambda sent: (line_of(sent),))) as url:
        assert audit("anchor", "--witness", url, "--witness-key", COSIGNER.key)[0] == 0
    grow(project, 2, first=3)
    asked = []

    def forgetful(handler, body):
        asked.append(body)
        sent = body.decode().partition("\n\n")[2]
        if body.startswith(b"old 2\n"):
            say(handler, line_of(sent))
        else:
            say(handler, b"2\n", 409, Content_Type="text/x.tlog.size")

    with serving(forgetful) as url:
        code, _, err = audit("anchor", "--witness", url, "--witness-key", COSIGNER.key)
    assert (code, "witness has forgotten" in err, len(asked)) == (1, True, 1)


def cosigned(project, *cosigners):
    """What these witnesses cosigned of the project's ledger, where it keeps its anchors."""
    with Ledger.open_read_only(project.ledger_path) as ledger:
        note = ledger.checkpoint()
    text = note.partition("\n\n")[0] + "\n"
    lines = "".join(cosigner.line(text, 1000) for cosigner in cosigners)
    project.checkpoints_path.write_text(f"{note}{lines}\n")


def test_one_key_under_two_names_is_one_witness(project, audit):
    alias = Cosigner("witness.example/w2", COSIGNER.private)
    cosigned(project, COSIGNER, alias)
    both = ("--witness", COSIGNER.key, "--witness", alias.key)
    for needed in ([], ["--witnesses-needed", "2"]):
        code, _, err = audit("verify", *both, *needed)
        assert (code, "one witness under two names" in err) == (2, True)
    said = [Outside("witness", str(one.key), 3, 1000) for one in (COSIGNER, alias)]
    assert enough_witnesses(said, Trust(witnesses=[COSIGNER.key, alias.key], needed=2)) == 0
    assert audit("verify", "--witness", COSIGNER.key)[0] == 0


def test_the_ledgers_own_key_is_no_witness(project, audit, charter):
    """Neither the one in force nor one that was retired: both are its holder's."""
    own = Cosigner("other.example/witness", load_private(project.ledger_key_path))
    cosigned(project, own)
    code, out, _ = audit("verify", "--witness", own.key)
    assert (code, "does not count: it is the ledger's own key" in out) == (6, True)
    assert charter("keys", "rotate", "--ground", "yearly", "--project", project.root)[0] == 0
    cosigned(project, own)
    assert audit("verify", "--witness", own.key)[0] == 6


def test_what_the_holder_gave_is_no_pin_because_it_is_named_twice(project, audit, tmp_path):
    cosigned(project)
    given = Path(shutil.copy(project.checkpoints_path, tmp_path / "given"))
    (tmp_path / "link").symlink_to(given)
    assert audit("verify", "--pin", given)[0] == 0
    assert audit("verify", "--pin", tmp_path / "link", "--anchors", given)[0] == 6
    assert audit("verify", "--pin", project.checkpoints_path, "--anchors", given)[0] == 6


def test_the_lines_of_others_are_not_kept(project, audit):
    with serving(answering(lambda sent: (line_of(sent, STRANGER) + line_of(sent),))) as url:
        assert audit("anchor", "--witness", url, "--witness-key", COSIGNER.key)[0] == 0
    (held,) = read_anchors(project.checkpoints_path)
    assert len(held.partition("\n\n")[2].splitlines()) == 2
    assert COSIGNER.key.times_of(held) and not STRANGER.key.times_of(held)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--witness", "http://x"], 2, "each witness needs its key"),
        (["--witness", "http://x", "--witness-key", "nowhere"], 4, "file is missing"),
        (["--witness", "http://x", "--witness-key", str(LEDGER.verifier)], 2, "it is a ledger's key"),
    ],
)
def test_wrong_arguments(audit, arguments, code, words):
    found, _, err = audit("anchor", *arguments)
    assert (found, words in err) == (code, True), err


def test_a_witness_is_made_once_and_served_with_its_own_key(charter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert charter("witness", "init", "a name")[0] == 2
    assert charter("witness", "init", "w.example/1")[0] == 0
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600
    code, _, err = charter("witness", "init", "w.example/1")
    assert (code, "is not overwritten" in err) == (4, True)

    def serve(*more, ledger=str(LEDGER.verifier)):
        return charter("witness", "serve", "--ledger-key", ledger, *more)

    # the public key would be said to lie where the private one does
    code, _, err = charter("witness", "init", "w.example/1", "--key", "mine.pub", "--state", "mine")
    assert (code, "one file for two things" in err, (tmp_path / "mine.pub").exists()) == (2, True, False)
    assert charter("witness", "init", "w.example/1", "--key", "mine", "--state", "./mine")[0] == 2
    assert not (tmp_path / "mine").exists()

    assert serve(ledger=str(COSIGNER.key))[0] == 2
    for place in ("nowhere", ":1", "127.0.0.1:99999", "127.0.0.1:x"):
        assert serve("--listen", place)[0] == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert serve("--listen", f"127.0.0.1:{taken.getsockname()[1]}")[0] == 4
    (tmp_path / "witness.pub").write_text(str(COSIGNER.key))
    code, _, err = serve()
    assert (code, "do not belong together" in err) == (1, True)
    (tmp_path / "witness.checkpoints").unlink()
    (tmp_path / "witness.pub").unlink()
    assert serve()[0] == 4


def test_a_ledger_with_a_new_key_is_witnessed_under_both(project, audit, charter, witness):
    asked = ("--witness", witness.url, "--witness-key", witness.key)
    assert audit("anchor", *asked)[0] == 0
    assert charter("keys", "rotate", "--ground", "yearly", "--project", project.root)[0] == 0
    code, _, err = audit("anchor", *asked)
    assert (code, "after a change of keys the new one too" in err) == (4, True)
    witness.stop()
    witness.start()  # with the file that holds the new key now
    assert audit("anchor", "--witness", witness.url, "--witness-key", witness.key)[0] == 0
    code, out, _ = audit("verify", "--witness", witness.key)
    assert (code, "the first 4 records" in out) == (0, True)


def test_a_name_is_shown_without_the_key(project, audit):
    """Also of a key whose base64 has a `+` in it."""
    keys = (Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n in range(2, 200))
    plus = next(one for one in (Cosigner("w.example/1", key) for key in keys) if str(one.key).count("+") == 3)
    cosigned(project, plus)
    assert "by w.example/1 " in audit("verify", "--witness", plus.key)[1]


def test_a_verifier_key_of_either_kind_is_not_taken_for_the_other():
    with pytest.raises(NoteError):
        VerifierKey.parse(str(COSIGNER.key))
