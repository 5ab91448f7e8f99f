"""Ledger figures as ratios to a raw append + fdatasync of the same bytes, in one run on one machine.

python bench/ledger.py [--quick]
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from charter.runtime.ledger import Event, Ledger
from charter.runtime.ledger.committer import Committer
from charter.runtime.ledger.verify import verify_ledger

sys.path.insert(0, str(Path(__file__).parent))
from table import Row, show

RECORD_BYTES = 660
"""Header, salt and body of the event below."""

INJECTED = 0.003
TURNS = 5


def event(number: int) -> Event:
    """A gate's decision, about as long as a real one without violations."""
    body = {
        "run": "run-1",
        "stage": "evaluate",
        "allow": True,
        "actor": "ana@example.org",
        "n": number,
        "violations": [],
        "obligations": ["log", "monitor"],
        "bundle": "sha256:" + "ab" * 32,
        "evidence": {"auc": {"value": "0.91", "interval": ["0.90", "0.92"], "n": 3000, "grade": "measured"}},
    }
    return Event("gate.decided", "model:credit", body)


def open_ledger(folder: Path) -> Ledger:
    return Ledger.open(folder / "ledger.db", key_path=folder / "ledger.key", origin="charter/bench", create=True)


def raw(folder: Path, count: int, delay: float = 0.0) -> float:
    """Records/s of the plainest durable log: write, fdatasync, one record at a time."""
    data = os.urandom(RECORD_BYTES)
    descriptor = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    start = time.perf_counter()
    for _ in range(count):
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        if delay:
            time.sleep(delay)
    seconds = time.perf_counter() - start
    os.close(descriptor)
    return count / seconds


def one_client(folder: Path, count: int) -> float:
    """Records/s of one client that waits for each event."""
    events = [event(number) for number in range(count)]
    with open_ledger(folder) as ledger:
        start = time.perf_counter()
        for one in events:
            ledger.append([one])
        return count / (time.perf_counter() - start)


def many_clients(folder: Path, count: int, clients: int = 64) -> float:
    """Records/s of threads that each wait for their own event."""
    events = [event(number) for number in range(count)]
    with open_ledger(folder) as ledger, Committer(ledger) as committer:

        def client(turn: int) -> None:
            for one in events[turn::clients]:
                committer.append([one])

        threads = [threading.Thread(target=client, args=(turn,)) for turn in range(clients)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - start
        assert ledger.size == count
        return count / seconds


def pipelined(folder: Path, count: int) -> float:
    """Records/s of one producer that does not wait for each event."""
    events = [event(number) for number in range(count)]
    with open_ledger(folder) as ledger, Committer(ledger) as committer:
        start = time.perf_counter()
        waiting = [committer.submit([one]) for one in events]
        for ticket in waiting:
            ticket.result()
        return count / (time.perf_counter() - start)


@contextmanager
def slow_disk() -> Iterator[None]:
    """Every sync takes 3 ms more: a small recording of what a real disk or network volume does."""

    class SlowFile(apsw.VFSFile):
        def xSync(self, flags: int) -> None:
            super().xSync(flags)
            time.sleep(INJECTED)

    class SlowVFS(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("slow", "unix", makedefault=True)

        def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
            return SlowFile("unix", name, flags)

    vfs = SlowVFS()
    try:
        yield
    finally:
        apsw.set_default_vfs("unix")
        vfs.unregister()


def build(folder: Path, count: int) -> Path:
    """A ledger to verify, built with large commits."""
    with open_ledger(folder) as ledger:
        for start in range(0, count, 1000):
            ledger.append([event(number) for number in range(start, min(start + 1000, count))])
    return folder / "ledger.db"


def verify_cost(path: Path) -> tuple[float, float]:
    """Records/s per core of CPU time, and peak memory in MB, of a verification in a process of its own."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
    code += f"from ledger import measure_verify; from pathlib import Path; measure_verify(Path({str(path)!r}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    rate, memory = out.split()
    return float(rate), float(memory)


def measure_verify(path: Path) -> None:
    """The other side of `verify_cost`: the better of two, since other work on the machine only slows down."""
    best = 0.0
    for _ in range(2):
        start = time.process_time()
        report = verify_ledger(path)
        assert not report.finding_count
        best = max(best, report.size / (time.process_time() - start))
    print(best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def rows(*, quick: bool = False) -> list[Row]:
    """All figures; `quick` takes a tenth of the work."""
    scale = 10 if quick else 1
    result: list[Row] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("CHARTER_BENCH_DIR", ".")) as name:
        top = Path(name)

        def fresh(label: str) -> Path:
            folder = top / label
            folder.mkdir()
            return folder

        def compare(
            label: str, target: str, count: int, ours: Callable[[Path, int], float], base: Callable[[], float]
        ) -> None:
            # Turn by turn, and the middle one: the disk's mood changes within a run, and others use the machine too.
            turns = []
            for turn in range(TURNS):
                before = base()
                value = ours(fresh(f"{len(result)}-{turn}"), count // scale)
                baseline = (before + base()) / 2
                turns.append((value / baseline, value, baseline))
            ratio, value, baseline = sorted(turns)[TURNS // 2]
            result.append(Row(label, value, "records/s", "raw append+fdatasync", baseline, ratio, target))

        def base() -> float:
            return raw(top, 1000 // scale)

        compare("one client, one event a commit", ">= 0.5", 1000, one_client, base)
        compare("64 clients, group commit", ">= 2", 6400, many_clients, base)
        with slow_disk():
            slow_base = raw(top, 200 // scale, INJECTED)
            compare("64 clients, 3 ms injected sync", ">= 10", 3200, many_clients, lambda: slow_base)
        compare("one pipelined producer", ">= 5", 20_000, pipelined, base)
        small, large = build(fresh("small"), 30_000 // scale), build(fresh("large"), 150_000 // scale)
        _, small_memory = verify_cost(small)
        large_rate, large_memory = verify_cost(large)
        floor = 100_000.0
        result.append(Row("verify, per core", large_rate, "records/s", "floor", floor, large_rate / floor, ">= 1"))
        result.append(
            Row(
                "memory of verify, 5 x the records",
                large_memory,
                "MB",
                "the smaller ledger",
                small_memory,
                large_memory / small_memory,
                "<= 1.05",
            )
        )
    return result


if __name__ == "__main__":
    show(rows(quick="--quick" in sys.argv))
