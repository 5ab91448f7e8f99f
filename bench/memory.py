"""Resident memory of the runtime and its workers while the credit-risk example trains, and who has torch loaded."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.measure import CHARTER, ENVIRONMENT, ROOT, NotMeasured, scratch
from bench.table import Row

EXAMPLE = ROOT / "examples" / "credit-risk"
_EVERY = 0.05
_LIBRARY = "libtorch"


@dataclass
class Peaks:
    """What was seen; bytes.

    Attributes:
        parent: resident memory of the runtime itself.
        worker: of the largest process below it.
        workers: of all processes below it, pages that they share counted once (proportional set size).
        samples: how often was looked.
        parent_torch: samples in which the runtime had torch's library mapped.
        worker_torch: processes below it that had.
    """

    parent: int = 0
    worker: int = 0
    workers: int = 0
    samples: int = 0
    parent_torch: int = 0
    worker_torch: set[int] = field(default_factory=set)


def watch(process: psutil.Popen) -> Peaks:
    """Look at a process and everything below it until it ends."""
    peaks = Peaks()
    while process.poll() is None:
        _look(process, peaks)
        time.sleep(_EVERY)
    return peaks


def _look(process: psutil.Popen, peaks: Peaks) -> None:
    try:
        parent = process.memory_info().rss
        below = process.children(recursive=True)
        mapped = has_torch(process.pid)
    except psutil.Error:
        return
    peaks.samples += 1
    peaks.parent = max(peaks.parent, parent)
    peaks.parent_torch += mapped
    total = 0
    for worker in below:
        try:
            peaks.worker = max(peaks.worker, worker.memory_info().rss)
            total += worker.memory_full_info().pss
        except psutil.Error:
            continue
        if worker.pid not in peaks.worker_torch and has_torch(worker.pid):
            peaks.worker_torch.add(worker.pid)
    peaks.workers = max(peaks.workers, total)


def has_torch(pid: int) -> bool:
    """Whether a process has torch's library mapped (proc(5): `maps`)."""
    try:
        return _LIBRARY in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def train(workspace: Path) -> Peaks:
    """Run the example until it waits or is denied; it trains on the way.

    Raises:
        NotMeasured: it could not be run, or no worker ever loaded torch, so that nothing is shown.
    """
    shutil.copytree(EXAMPLE, workspace, ignore=shutil.ignore_patterns("workspace", ".charter", "__pycache__"))
    made = subprocess.run([sys.executable, "make_data.py"], cwd=workspace, capture_output=True, text=True, check=False)
    if made.returncode:
        raise NotMeasured(f"the example's data could not be made: {made.stderr[-300:]}")
    log = workspace / "run.log"
    with log.open("w") as out:
        process = psutil.Popen(
            [*CHARTER, "run", "credit-risk.charter"], cwd=workspace, env=ENVIRONMENT, stdout=out, stderr=out
        )
        peaks = watch(process)
    if not peaks.worker_torch:
        raise NotMeasured(f"no worker loaded torch (exit code {process.returncode}): {log.read_text()[-300:]}")
    return peaks


def rows(*, runs: int = 1) -> list[Row]:
    """Figures of one run of the example: a peak needs no median."""
    del runs
    if not Path("/proc/self/maps").exists():
        raise NotMeasured("memory is read from /proc, which this system does not have")
    with scratch() as folder:
        peaks = train(folder / "credit-risk")
    megabytes = 1e6
    return [
        Row("peak memory of the runtime while the example trains", peaks.parent / megabytes, "MB",
            "its largest worker", peaks.worker / megabytes, peaks.parent / peaks.worker),
        Row("peak memory of all its workers, shared pages once", peaks.workers / megabytes, "MB"),
        Row(f"samples of {peaks.samples} with torch in the runtime ({len(peaks.worker_torch)} processes below it had)",
            peaks.parent_torch, "samples", target="== 0"),
    ]  # fmt: skip
