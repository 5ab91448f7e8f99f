"""The ledger's file and key in the wrong state or in other hands: each gets its own clear failure."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from ledger_samples import fill, opened

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Event, Ledger, Refused, Tampered, Unavailable, anchor, keys, sqlite_store
from charter.runtime.ledger.verify import Verdict, verify_ledger


def unavailable(match):
    return pytest.raises(Unavailable, match=match)


def test_keys_are_made_once_and_only_for_their_owner(tmp_path):
    os.umask(os.umask(0) & 0o777)
    with opened(tmp_path) as ledger:
        key = ledger.key
    assert stat.S_IMODE((tmp_path / "ledger.key").stat().st_mode) == 0o600
    assert (tmp_path / "ledger.pub").read_text() == f"{key}\n"
    with opened(tmp_path) as ledger:
        assert ledger.key == key
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.db", "ledger.key", "ledger.pub"]


def test_a_key_that_others_can_read_is_refused(tmp_path):
    opened(tmp_path).close()
    (tmp_path / "ledger.key").chmod(0o640)
    with unavailable("open to others") as caught:
        opened(tmp_path)
    assert "chmod 600" in caught.value.detail
    assert caught.value.exit_code is ExitCode.ENVIRONMENT


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\xff\x00" * 50, b"-----BEGIN PRIVATE KEY-----\n", b"x" * 99_999]
)
def test_a_key_file_that_holds_no_key_is_refused(tmp_path, content):
    opened(tmp_path).close()
    (tmp_path / "ledger.key").write_bytes(content)
    with unavailable("ledger key is not usable"):
        opened(tmp_path)


def test_a_ledger_without_its_key_gets_no_new_one(tmp_path):
    opened(tmp_path).close()
    (tmp_path / "ledger.key").unlink()
    with unavailable("private key is missing"):
        opened(tmp_path)
    assert not (tmp_path / "ledger.key").exists()


def test_a_pipe_in_place_of_the_key_does_not_hang(tmp_path):
    opened(tmp_path).close()
    (tmp_path / "ledger.key").unlink()
    os.mkfifo(tmp_path / "ledger.key", 0o600)
    with unavailable("not a file"):
        opened(tmp_path)


def test_another_ledgers_key_and_origin_are_refused(tmp_path, tmp_path_factory):
    opened(tmp_path).close()
    other = tmp_path_factory.mktemp("other")
    opened(other).close()
    with pytest.raises(Tampered, match="another key"):
        Ledger.open(tmp_path / "ledger.db", key_path=tmp_path / "ledger.key", origin="charter/other")
    shutil.copy(other / "ledger.key", tmp_path / "ledger.key")
    with pytest.raises(Tampered, match="another key"):
        opened(tmp_path)


def test_a_public_key_that_is_not_the_ledgers_is_refused(tmp_path, tmp_path_factory):
    opened(tmp_path).close()
    other = tmp_path_factory.mktemp("other")
    opened(other).close()
    shutil.copy(other / "ledger.pub", tmp_path / "ledger.pub")
    with pytest.raises(Tampered, match="public key is another ledger's"):
        opened(tmp_path)


def test_a_missing_ledger_is_not_made_unasked(tmp_path):
    with unavailable("ledger is missing"):
        opened(tmp_path, create=False)
    with unavailable("ledger is missing"):
        Ledger.open_read_only(tmp_path / "ledger.db")
    with unavailable("ledger is missing"):
        verify_ledger(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_the_ledger(tmp_path):
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(Failure):
        opened(tmp_path)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "x\n", "é"])
def test_an_origin_that_cannot_be_signed_is_refused(tmp_path, origin):
    with pytest.raises(Refused, match="origin"):
        Ledger.open(tmp_path / "ledger.db", key_path=tmp_path / "ledger.key", origin=origin, create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_locked_ledger_says_so_and_can_be_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "BUSY_MILLISECONDS", 50)
    with opened(tmp_path) as ledger:
        other = apsw.Connection(str(tmp_path / "ledger.db"))
        other.execute("BEGIN IMMEDIATE")
        with unavailable("ledger is locked"):
            fill(ledger, 1)
        other.execute("ROLLBACK")
        fill(ledger, 1)
        assert ledger.size == 1
        other.close()


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_ledger_removed_while_in_use_is_not_acknowledged(tmp_path, suffix, replaced):
    path = tmp_path / f"ledger.db{suffix}"
    ledger = opened(tmp_path)
    fill(ledger, 3)
    data = path.read_bytes()
    path.unlink()
    if replaced:
        path.write_bytes(data)
    with pytest.raises(Tampered, match="replaced") as caught:
        fill(ledger, 1, first=3)
    assert caught.value.exit_code is ExitCode.DENIED
    with unavailable("handle is closed"):
        fill(ledger, 1, first=4)
    ledger.close()


def test_a_closed_ledger_says_so(tmp_path):
    ledger = opened(tmp_path)
    ledger.close()
    ledger.close()
    with unavailable("handle is closed"):
        fill(ledger, 1)


def test_a_handle_is_not_used_across_a_fork(tmp_path):
    ledger = opened(tmp_path)
    child = os.fork()
    if child == 0:
        try:
            fill(ledger, 1)
        except Unavailable as failure:
            os._exit(7 if "another process" in failure.summary else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    fill(ledger, 1)
    ledger.close()


@pytest.mark.parametrize("content", [None, b"", b"S"])
def test_a_lost_ledger_is_not_silently_replaced_by_an_empty_one(tmp_path, content):
    with opened(tmp_path) as ledger:
        fill(ledger, 3)
    (tmp_path / "ledger.db").unlink()
    if content is not None:
        (tmp_path / "ledger.db").write_bytes(content)
    with pytest.raises(Unavailable) as caught:
        opened(tmp_path)
    assert "backup" in caught.value.detail


def test_an_unfinished_creation_is_finished(tmp_path):
    opened(tmp_path).close()
    (tmp_path / "ledger.db").unlink()
    (tmp_path / "ledger.pub").unlink()
    with opened(tmp_path) as ledger:
        fill(ledger, 1)
    (tmp_path / "ledger.db").write_bytes(b"")
    with unavailable("empty"):
        opened(tmp_path, create=False)


def test_an_event_interrupted_by_a_signal_leaves_the_handle_usable(tmp_path, monkeypatch):
    with opened(tmp_path) as ledger:
        fill(ledger, 1)
        with monkeypatch.context() as patch:

            def interrupt(*_):
                raise KeyboardInterrupt

            patch.setattr(sqlite_store._Session, "set_checkpoint", interrupt)
            with pytest.raises(KeyboardInterrupt):
                fill(ledger, 1, first=1)
        assert ledger.size == 1
        fill(ledger, 2, first=1)
        assert ledger.size == 3


WORKER = r"""
import os, sys, threading
from pathlib import Path
from charter.runtime.ledger import Event
from ledger_samples import opened

def work(ledger, turn):
    for n in range(40):
        number = (n * 7 + turn * 5) % 40
        (receipt,) = ledger.append([Event("test.shared", f"thing:{number}", {"n": number}, f"id-{number}")])
        line = f"{number} {receipt.seq} {receipt.leaf.hex()} {receipt.duplicate}\n"
        os.write(1, line.encode())

with opened(Path(sys.argv[1])) as ledger:
    threads = [threading.Thread(target=work, args=(ledger, turn)) for turn in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
"""


def test_four_processes_of_eight_threads_write_each_id_once(tmp_path):
    folder = str(Path(__file__).parent)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, tmp_path],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": folder},
        )
        for _ in range(4)
    ]
    lines = [line.split() for process in processes for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert len(lines) == 4 * 8 * 40
    assert len({(number, seq, leaf) for number, seq, leaf, _ in lines}) == 40
    assert sum(duplicate == "False" for *_, duplicate in lines) == 40
    with opened(tmp_path) as ledger:
        assert sorted(event.body["n"] for event in ledger.events()) == list(range(40))
    assert verify_ledger(tmp_path / "ledger.db").verdict is Verdict.NOT_ANCHORED


def test_threads_of_one_process_share_a_handle(ledger):
    failures = []

    def work(turn):
        try:
            for n in range(10):
                ledger.append([Event("test.event", "thing:1", {"n": n, "turn": turn})])
                list(ledger.events(after=n * 4))
        except Failure as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures
    assert ledger.size == 80


@pytest.mark.parametrize("content", [b"garbage", b"\xff\xfe", b"<<<<<<< HEAD\n", b"charter/test\n1\n"])
def test_an_unreadable_anchor_file_stops_the_ledger_from_opening(tmp_path, content):
    opened(tmp_path).close()
    (tmp_path / "anchors").write_bytes(content)
    with unavailable("anchor file is not usable"):
        opened(tmp_path, anchor_path=tmp_path / "anchors")


def test_half_an_anchor_is_taken_back(ledger, tmp_path, monkeypatch):
    file = tmp_path / "anchors"
    fill(ledger, 1)
    anchor(ledger, file)
    whole = file.read_bytes()
    fill(ledger, 1, first=1)
    with monkeypatch.context() as patch:
        write = os.write
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: len(data) // 2]))
        with unavailable("anchor file cannot be written"):
            anchor(ledger, file)
    assert file.read_bytes() == whole
    assert anchor(ledger, file)


def test_a_new_key_is_what_the_library_would_write(tmp_path):
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    keys.create_signer(tmp_path / "ledger.key", "charter/test")
    written = (tmp_path / "ledger.key").read_bytes()
    key = load_pem_private_key(written, password=None)
    assert key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) == written
