"""No record names an artifact that a loss of power could still take: its file and its name are synced before."""

import re
import signal
import subprocess
import sys
import time

import pytest
from sandbox import Sandbox

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
