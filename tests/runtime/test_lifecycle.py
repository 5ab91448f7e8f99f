"""What happens to a live model: reactions, a server that dies, a kill in the middle of a deployment."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sandbox import Sandbox

from charter.runtime.project import Project
from charter.runtime.session import recorded_state
from charter.runtime.stages.serving import server_alive, stop_server

EXAMPLE = Path(__file__).parents[2] / "examples" / "credit-risk"
pytestmark = pytest.mark.ml

CHARTER = """charter 1

lifecycle small {
  version "1"
  owner "owner@example.org"
  purpose "Test what happens after deployment."
  risk minimal
  use policies core
}

dataset applications {
  source csv "data/applications.csv"
  class internal
  protected gender, ethnicity
  target loan
  prepare {
    drop duplicates
    impute workclass, occupation with mode
  }
  split train 70%, validation 15%, test 15% stratified by loan seed 7
}

dataset recent {
  source csv "data/recent-applications.csv"
  class internal
  protected gender, ethnicity
  target loan
  prepare {
    impute workclass, occupation with mode
  }
}

model scorecard {
  task binary-classification
  train on applications.train
  validate on applications.validation
  trainer builtin tabular-mlp
  parameters { hidden: [16], epochs: 2, seed: 7 }
}

evaluation holdout of scorecard on applications.test {
  require roc_auc >= 0.6
}

deployment production of scorecard {
  after holdout
  package onnx
  serve http
}
"""

MONITOR = """
monitor drift of production on recent every 1 day {
  require psi of each feature <= 0.2 otherwise REACTION
}
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small model, trained for real and live."""
    root = tmp_path_factory.mktemp("deployed")
    sandbox = Sandbox(root)
    make = [sys.executable, str(EXAMPLE / "make_data.py"), "--rows", "4000", "--out", str(root / "data")]
    subprocess.run(make, check=True)
    sandbox.write("small.charter", CHARTER)
    done = sandbox.charter("run", timeout=180)
    assert done.code == 0, done
    yield root
    _stop_all(root)


@pytest.fixture
def live(deployed: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """A copy of it, with a server of its own: the copy shares the record of the first one's server."""
    root = tmp_path / "live"
    shutil.copytree(deployed, root)
    yield Sandbox(root)
    _stop_all(root, but=deployed)


def _servers(root: Path) -> list[dict[str, object]]:
    return [server for servers in recorded_state(Project(root)).servers.values() for server in servers]


def _stop_all(root: Path, but: Path | None = None) -> None:
    kept = [server["pid"] for server in _servers(but)] if but else []
    for server in _servers(root):
        if server["pid"] not in kept:
            stop_server(server)


def test_an_unchanged_run_leaves_the_server_alone(live: Sandbox) -> None:
    before = _servers(live.root)
    assert live.charter("run").code == 0
    assert _servers(live.root) == before
    assert server_alive(before[0])


def test_a_dead_server_is_started_again_and_the_model_is_not_trained_again(deployed: Path) -> None:
    sandbox = Sandbox(deployed)
    (first,) = _servers(deployed)
    psutil.Process(int(str(first["pid"]))).kill()
    deadline = time.monotonic() + 5
    while server_alive(first):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done = sandbox.charter("run", timeout=120)
    assert done.code == 0, done
    alive = [server for server in _servers(deployed) if server_alive(server)]
    assert len(alive) == 1
    trained = [event for event in sandbox.of_kind("stage.started") if event.body["stage"] == "train/scorecard"]
    assert len(trained) == 1


def test_a_breach_with_retrain_waits_for_new_data_and_then_opens_the_next_iteration(live: Sandbox) -> None:
    live.write("small.charter", CHARTER + MONITOR.replace("REACTION", "retrain"))
    done = live.charter("run", timeout=120)
    assert done.code == 1, done
    assert "retrain" in done.out
    assert len(live.of_kind("iteration.opened")) == 1
    assert live.charter("run").code == 1, "nothing changed, so nothing is trained"
    assert len(live.of_kind("iteration.opened")) == 1
    data = live.root / "data" / "applications.csv"
    lines = data.read_text().splitlines(keepends=True)
    data.write_text("".join(lines[:-10]))
    live.charter("run", timeout=120)
    opened = live.of_kind("iteration.opened")
    assert [event.body["iteration"] for event in opened] == [1, 2]
    assert "new data" in opened[-1].body["because"]


def test_a_breach_with_rollback_stops_serving(live: Sandbox) -> None:
    live.write("small.charter", CHARTER.replace("epochs: 2", "epochs: 3") + MONITOR.replace("REACTION", "rollback"))
    live.charter("run", timeout=180)
    (reacted,) = live.of_kind("reaction.taken")
    assert reacted.body["reaction"] == "rollback"
    newest = live.of_kind("stage.finished")
    server = [event.body["effects"]["server"] for event in newest if event.body.get("effects", {}).get("server")][-1]
    assert not server_alive(server)


def test_a_kill_in_the_middle_of_a_deployment_leaves_one_server(live: Sandbox) -> None:
    live.write("small.charter", CHARTER.replace("hidden: [16]", "hidden: [8]"))
    first = live.start("run")
    while (
        not any(
            event.body["stage"] == "deploy/production"
            and event.body["run"] == live.of_kind("run.opened")[-1].body["run"]
            for event in live.of_kind("stage.started")
        )
        or len(live.of_kind("run.opened")) < 2
    ):
        assert first.poll() is None, first.communicate()
        time.sleep(0.1)
    time.sleep(1.5)
    first.kill()
    first.communicate()
    done = live.charter("run", timeout=180)
    assert done.code == 0, done
    mine = [
        process.pid
        for process in psutil.process_iter()
        if str(live.root) in " ".join(_command_line(process)) and "stages.server" in " ".join(_command_line(process))
    ]
    assert len(mine) == 1, mine


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
