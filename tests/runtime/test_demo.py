"""The example, from charter text to verified ledger, exactly as `make demo` runs it."""

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

DEMO = Path(__file__).parents[2] / "examples" / "credit-risk" / "demo.py"


@pytest.mark.ml
def test_the_demo_tells_the_whole_story(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    done = subprocess.run(
        [sys.executable, str(DEMO), "--workspace", str(workspace)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "Traceback" not in done.stdout + done.stderr
    story = done.stdout
    assert re.search(r"denied +evaluate/parity: `demographic_parity_difference`", story), "the gate that says no"
    assert "0 of 2 signatures of `risk-officer`" in story
    assert re.search(r"✓ deploy/production +[\d.]+ s +allowed", story)
    assert "drift.psi.of.feature was breached, so: alert risk-officer" in story
    assert "`scorecard` is retired, its server stopped" in story
    assert "WHOLE AND ANCHORED" in story
    report = (workspace / "report.html").read_text()
    assert "demographic_parity_difference" in report
    assert not _servers_of(workspace), "a server outlived its retirement"


def _servers_of(workspace: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(workspace) in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
