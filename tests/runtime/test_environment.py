"""A full disk, a read-only project, an unreachable engine, wrong arguments: a clear message, nothing lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox import Sandbox


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Sandbox]:
    """A project on a file system of its own, of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    sandbox = Sandbox(place)
    sandbox.steps()
    yield sandbox
    subprocess.run(["umount", str(place)], check=True)


def _resize(sandbox: Sandbox, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(sandbox.root)], check=True)


def test_a_full_disk_loses_nothing_and_the_next_run_goes_on(small_disk: Sandbox) -> None:
    small_disk.chain(["step"] * 20)
    done = small_disk.charter("run")
    assert done.code == 4, done
    assert "full" in done.err
    assert small_disk.charter("audit", "verify").code == 6, "whole, not anchored"
    finished = {event.body["stage"] for event in small_disk.of_kind("stage.finished")}
    before = len(small_disk.executed)
    _resize(small_disk, "size=20m")
    assert small_disk.charter("run").code == 0
    again = small_disk.executed[before:]
    assert not finished & set(again), "a finished stage was repeated"


def test_a_read_only_project_runs_nothing_but_can_be_read(small_disk: Sandbox) -> None:
    _resize(small_disk, "size=20m")
    small_disk.chain(["step", "step"])
    small_disk.charter("run")
    small_disk.chain(["step"] * 3)
    _resize(small_disk, "ro")
    try:
        done = small_disk.charter("run")
        assert done.code == 4
        assert "Read-only" in done.err
        assert small_disk.charter("plan").code == 0
        assert small_disk.charter("audit", "verify").code == 6
        assert len(small_disk.executed) == 2
    finally:
        _resize(small_disk, "rw")


def test_an_unreachable_engine_runs_nothing(sandbox: Sandbox) -> None:
    sandbox.chain(["step"])
    done = sandbox.charter("run", "--opa-url", "http://127.0.0.1:1")
    assert done.code == 4
    assert "cannot be reached" in done.err
    assert sandbox.executed == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "no charter here"),
        (["run", "missing.charter"], "missing.charter"),
        (["status"], "no Charter project here"),
        (["plan", "--set", "nonsense"], "no charter here"),
        (["rnu"], "Did you mean `run`"),
        (["run", "--jobs", "0"], "jobs"),
        (["run", "--no-such"], "no-such"),
    ],
)
def test_wrong_arguments_exit_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = Sandbox(tmp_path).charter(*arguments)
    assert done.code == 2
    assert words in done.err
    assert not (tmp_path / ".charter").exists(), "a refused command leaves nothing behind"


def test_a_wrong_ledger_key_is_refused(sandbox: Sandbox) -> None:
    sandbox.chain(["step"])
    sandbox.charter("run")
    other = Sandbox(sandbox.root / "other")
    other.root.mkdir()
    other.steps()
    other.chain(["step"])
    other.charter("run")
    key = sandbox.root / ".charter" / "ledger.key"
    key.write_bytes((other.root / ".charter" / "ledger.key").read_bytes())
    sandbox.chain(["step", "step"])
    done = sandbox.charter("run")
    assert done.code in {1, 4}
    assert "key" in done.err
    assert sandbox.executed == ["acquire/d0"]


def test_an_edited_ledger_is_refused_before_anything_runs(sandbox: Sandbox) -> None:
    import apsw

    sandbox.chain(["step"])
    sandbox.charter("run")
    path = sandbox.root / ".charter" / "ledger.db"
    connection = apsw.Connection(str(path))
    tables = [row[0] for row in connection.execute("select name from sqlite_master where type='table'")]
    table = next(name for name in tables if "record" in name or "event" in name)
    columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
    assert "body" in columns, columns
    bodies = [bytes(row[0]) for row in connection.execute(f"select body from {table}") if row[0] is not None]
    body = next(item for item in bodies if b'"allow":true' in item)
    connection.execute(f"update {table} set body = ? where body = ?", (body.replace(b"true", b"null", 1), body))
    connection.close()
    verified = sandbox.charter("audit", "verify")
    assert verified.code == 1
    assert "TAMPERED" in verified.out
    sandbox.chain(["step", "step"])
    done = sandbox.charter("run")
    assert done.code == 1, done
    assert sandbox.executed == ["acquire/d0"]


def test_a_reader_that_goes_away_is_no_denial() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        command = [sys.executable, "-P", "-m", "charter.runtime.main", "explain", "CH0101"]
        done = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (141, b"")
