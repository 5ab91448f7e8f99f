"""No record names an artifact that a loss of power could still take: its file and its name are synced before."""

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sandbox import Sandbox

from charter.runtime.failure import Failure
from charter.runtime.store import ArtifactStore

# Each fsync begins 60 ms late: whoever does not wait for it commits before it.
_LATE = ["-e", "inject=fsync:delay_enter=60000"]


@pytest.mark.strace
@pytest.mark.parametrize("interrupted", [False, True])
def test_artifact_and_name_are_synced_before_the_commit(sandbox: Sandbox, strace: str, interrupted: bool) -> None:
    sandbox.steps("\ndef waits(context):\n    (context.project / 'here').touch()\n    time.sleep(30)\n")
    sandbox.chain(["step", "step", "waits" if interrupted else "step"])
    trace = sandbox.root / "trace"
    run = subprocess.Popen(
        [strace, "-f", "-y", "-qq", "-o", trace, "-e", "signal=none", "-e", "trace=fsync,fdatasync", *_LATE,
         sys.executable, "-P", "-m", "charter.runtime.main", "run"],
        cwd=sandbox.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while interrupted and not (sandbox.root / "here").exists():
        assert run.poll() is None
        time.sleep(0.02)
    if interrupted:
        subprocess.run(["pkill", "-INT", "-P", str(run.pid)], check=True)
    out, err = run.communicate(timeout=60)
    assert run.returncode in ({130, -signal.SIGINT} if interrupted else {0}), (out, err)
    finished = sandbox.of_kind("stage.finished")
    named = {item["digest"][7:] for event in finished for item in event.body["artifacts"].values()}
    assert len(named) == (2 if interrupted else 3)
    order = "".join(_letter(path, named) for path in _synced(trace.read_text()))
    # a: an artifact's file, d: the store's directory, w: the ledger's log
    assert order.count("a") == len(named), order
    assert not re.search(r"a[^d]*w", order), f"a commit before the name of an artifact was durable: {order}"
    commits_with_artifacts = [part for part in order.split("w") if "a" in part]
    assert len(commits_with_artifacts) == len(named), order


def _synced(trace: str) -> list[str]:
    """Paths in the order in which their syncs were done."""
    begun: dict[str, str] = {}
    done = []
    for line in trace.splitlines():
        pid, _, rest = line.partition(" ")
        if found := re.search(r"f(?:data)?sync\(\d+<([^>]+)>", rest):
            begun[pid] = found[1]
        if ") = 0" in rest or "resumed>)" in rest:
            done.append(begun[pid])
    return done


def _letter(path: str, named: set[str]) -> str:
    name = path.rpartition("/")[2]
    return "a" if name in named else {"store": "d", "ledger.db-wal": "w"}.get(name, "")


# --- the store itself, where an interrupt or a failing disk would hit it


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def adopt(store: ArtifactStore, text: str) -> str:
    file = store.root.parent / "made"
    file.write_text(text)
    return store.adopt(file).digest


def test_who_is_interrupted_while_waiting_waits_again(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit that Ctrl-C ends is made once more, by whoever records the interruption: it must wait too."""
    go, synced = threading.Event(), threading.Event()

    def slow(_: object) -> None:
        go.wait(5)
        synced.set()

    monkeypatch.setattr("charter.runtime.store._sync", slow)
    store.root.mkdir()
    adopt(store, "x")
    threading.Timer(0.2, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        store.make_durable()
    assert not synced.is_set()
    threading.Timer(0.2, go.set).start()
    store.make_durable()
    assert synced.is_set()


def test_what_could_not_be_synced_is_never_durable(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel reports a lost page once: asked again, it says that all is well."""
    errors = [OSError(errno.EIO, "Input/output error")]

    def once(_: object) -> None:
        if errors:
            raise errors.pop()

    store.root.mkdir()
    monkeypatch.setattr("charter.runtime.store._sync", once)
    adopt(store, "x")
    for _ in range(2):
        with pytest.raises(Failure, match="cannot write the artifact store"):
            store.make_durable()


def test_a_large_artifact_is_not_waited_for_under_the_lock_of_the_ledger(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr("charter.runtime.store._LARGE", 10)
    monkeypatch.setattr("charter.runtime.store._sync", lambda path: synced.append(Path(path).name))
    digest = adopt(store, "x" * 10)
    assert synced[-2:] == [digest[7:], "store"]


def test_where_the_system_gives_no_thread_the_sync_is_waited_for(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: object) -> None:
        raise RuntimeError("can't start new thread")

    synced: list[str] = []
    monkeypatch.setattr("threading.Thread.start", none_left)
    monkeypatch.setattr("charter.runtime.store._sync", lambda path: synced.append(Path(path).name))
    digest = adopt(store, "x")
    assert synced[-2:] == [digest[7:], "store"]
    store.make_durable()


def test_bytes_that_are_put_keep_their_name(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr("charter.runtime.store._sync", lambda path: synced.append(Path(path).name))
    name = store.put(b"x").digest[7:]
    assert synced == [store.root.parent.name, f".{name}.{os.getpid()}", "store"]
    store.put(b"x")  # by a run that was killed, for all that is known
    assert synced[3:] == [name, "store"]
