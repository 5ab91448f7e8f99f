"""kill -9 and Ctrl-C at any instant: the next run goes on, repeats no finished stage, loses no event."""

import signal
import time
from collections import Counter

import psutil
import pytest
from sandbox import Sandbox

from charter.runtime.store import ArtifactStore

_SLOWLY = """
def slowly(context):
    done = made(context)
    time.sleep(0.05)
    return done
"""


@pytest.mark.parametrize("after", [0.35, 0.6, 0.8, 1.0, 1.3])
def test_kill_9_and_run_again(sandbox: Sandbox, after: float) -> None:
    sandbox.steps(_SLOWLY)
    sandbox.chain(["slowly"] * 8)
    first = sandbox.start("run")
    time.sleep(after)
    first.kill()
    first.communicate()
    finished = set()
    if (sandbox.root / ".charter" / "ledger.db").exists() and sandbox.charter("audit", "verify").code != 2:
        finished = {event.body["stage"] for event in sandbox.of_kind("stage.finished")}
    before = Counter(sandbox.executed)
    done = sandbox.charter("run")
    assert done.code == 0, done
    ran_again = Counter(sandbox.executed) - before
    assert not finished & ran_again.keys(), "a finished stage was repeated"
    assert {event.body["stage"] for event in sandbox.of_kind("stage.finished")} == {f"acquire/d{n}" for n in range(8)}
    pin = sandbox.write("elsewhere/pin", (sandbox.root / "charter.checkpoints").read_text())
    assert sandbox.charter("audit", "verify", "--pin", str(pin)).code == 0


def test_workers_die_with_the_run(sandbox: Sandbox) -> None:
    sandbox.steps(
        "\ndef sleeps(context):\n    (context.project / 'pid').write_text(str(os.getpid()))\n    time.sleep(300)\n"
    )
    sandbox.chain(["sleeps"])
    first = sandbox.start("run")
    while not (sandbox.root / "pid").exists() or not (sandbox.root / "pid").read_text():
        assert first.poll() is None
        time.sleep(0.02)
    pid = int((sandbox.root / "pid").read_text())
    first.kill()
    first.communicate()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the stage outlived its run"
        time.sleep(0.05)


def test_ctrl_c_ends_in_order_and_the_next_run_goes_on(sandbox: Sandbox) -> None:
    sandbox.steps(
        """
def waits(context):
    if not (context.project / 'go').exists():
        (context.project / 'here').touch()
        time.sleep(300)
    return made(context)
"""
    )
    sandbox.chain(["step", "waits", "step"])
    first = sandbox.start("run")
    while not (sandbox.root / "here").exists():
        assert first.poll() is None
        time.sleep(0.02)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=20)
    assert first.returncode == 130
    assert "Traceback" not in err
    assert [event.body["outcome"] for event in sandbox.of_kind("run.closed")] == ["interrupted"]
    (sandbox.root / "go").touch()
    assert sandbox.charter("run").code == 0
    assert Counter(sandbox.executed)["acquire/d0"] == 1


def test_what_a_killed_run_left_unnamed_in_the_store_is_removed(sandbox: Sandbox) -> None:
    sandbox.steps(
        "\ndef waits(context):\n    while not (context.project / 'go').exists():\n        time.sleep(0.02)\n"
        "    return made(context)\n"
    )
    sandbox.chain(["step", "waits"])
    first = sandbox.start("run")
    while not sandbox.executed:
        assert first.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)  # the first stage's result is recorded
    first.kill()
    first.communicate()
    store = ArtifactStore(sandbox.root / ".charter" / "store")
    orphan = store.put(b"somebody's row, adopted and never recorded").digest
    sandbox.write("go", "")
    done = sandbox.charter("run")
    assert done.code == 0, done
    assert "removed 1 files" in done.out
    assert not store.has(orphan)
    for event in sandbox.of_kind("stage.finished"):
        assert all(store.has(artifact["digest"]) for artifact in event.body["artifacts"].values())
    assert store.has(sandbox.of_kind("run.opened")[0].body["ir"])
