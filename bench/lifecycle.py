"""What a stage costs: graphs of trivial stages, cold and with nothing changed, beside other tools in the same run."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import CHARTER, NotMeasured, interleaved, scratch, seconds
from bench.table import Row
from bench.workloads import Workload, chain, charter_project, peer_project, snakemake_project, wide

PEERS = Path(__file__).parent / "peers"
SHELL = "sh + graphlib + hashes, durable record"
WORKLOADS = (chain(100), wide(10, 20))


@dataclass
class Tool:
    """One way to run a workload.

    Attributes:
        project: a directory with what it needs and nothing done; every cold run gets a copy of its own. Runs are
            never cleaned up in between: creating files where many were deleted seconds ago is slow on ext4.
        command: run in the copy.
        at: where it ran last.
    """

    project: Path
    command: tuple[str, ...]
    at: Path = Path()
    _turns: Iterator[int] = field(default_factory=itertools.count)

    def cold(self) -> float:
        """Seconds with nothing done before."""
        self.at = self.project.with_name(f"{self.project.name}-{next(self._turns)}")
        shutil.copytree(self.project, self.at)
        return seconds(self.command, self.at)

    def again(self) -> float:
        """Seconds with nothing changed since the last cold run."""
        return seconds(self.command, self.at)


def tools(workload: Workload, folder: Path) -> dict[str, Tool]:
    """Charter, the shell baselines and Luigi, each in its own directory."""
    own = charter_project(folder / "charter", workload.graph).parent
    for name in ("shell", "bare", "luigi"):
        peer_project(folder / name, workload.graph)
    shell = (sys.executable, str(PEERS / "shell.py"))
    return {
        "Charter": Tool(own, (*CHARTER, "run", "bench.charter")),
        SHELL: Tool(folder / "shell", shell),
        "the same without the record": Tool(folder / "bare", (*shell, "--no-record")),
        "Luigi": Tool(folder / "luigi", (sys.executable, str(PEERS / "luigi_flow.py"))),
    }


def snakemake(workload: Workload, folder: Path) -> Tool:
    """Snakemake, where it is installed.

    Raises:
        NotMeasured: it is not.
    """
    command = snakemake_command()
    if command is None:
        raise NotMeasured("snakemake is not installed: `python -m bench --install-peers`, or name it in $SNAKEMAKE_BIN")
    path = snakemake_project(folder / "snakemake", workload.graph)
    return Tool(path.parent, (str(command), "--cores", "2", "--quiet", "all"))


def peers_directory() -> Path:
    """Peers with many dependencies live in an environment of their own, in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "charter-bench" / "peers"


def snakemake_command() -> Path | None:
    """The `snakemake` to measure against, if there is one."""
    named = os.environ.get("SNAKEMAKE_BIN") or shutil.which("snakemake")
    if named:
        return Path(named)
    cached = peers_directory() / "bin" / "snakemake"
    return cached if cached.exists() else None


def install_peers() -> None:
    """Install the peers that do not belong into Charter's own environment."""
    target = peers_directory()
    subprocess.run([sys.executable, "-m", "venv", target], check=True)
    subprocess.run([target / "bin" / "pip", "install", "--quiet", "-r", PEERS / "requirements.txt"], check=True)


def rows(*, runs: int = 5) -> list[Row]:
    """Figures of all workloads."""
    return [row for workload in WORKLOADS for row in measure(workload, runs)]


def measure(workload: Workload, runs: int) -> list[Row]:
    """Figures of one workload."""
    with scratch() as folder:
        each = tools(workload, folder)
        cold = interleaved({name: tool.cold for name, tool in each.items()}, runs)
        again = interleaved({name: tool.again for name, tool in each.items()}, runs)
        try:
            slow = snakemake(workload, folder)
        except NotMeasured as reason:
            print(f"{workload.name}: {reason}", file=sys.stderr)
        else:
            cold["Snakemake"], again["Snakemake"] = _slow(slow.cold, runs), _slow(slow.again, runs)
    return [
        *_rows(f"{workload.name}, cold", cold, SHELL, "<= 3"),
        *_rows(f"{workload.name}, unchanged", again, "Luigi", "<= 1"),
    ]


def _slow(task: Callable[[], float], runs: int) -> float:
    """The slowest peer is no baseline of a target: fewer rounds do."""
    return interleaved({"": task}, min(runs, 2))[""]


def _rows(name: str, medians: dict[str, float], baseline: str, target: str) -> list[Row]:
    base = medians[baseline]
    ours = medians["Charter"]
    others = [item for item in medians if item not in {"Charter", baseline}]
    return [
        Row(name, ours, "s", baseline, base, ours / base, target),
        *(Row(f"{name}: also", ours, "s", other, medians[other], ours / medians[other]) for other in others),
    ]
