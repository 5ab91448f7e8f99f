"""What reading a charter costs: text to AST beside python-hcl2 on the same content, and a cold `charter check`."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.charters import charter, hcl, project
from bench.lifecycle import peers_directory
from bench.measure import CHARTER, ENVIRONMENT, NotMeasured, interleaved, scratch, seconds
from bench.table import Row

SHORT, LONG = 1_000, 50_000
CHECKED = 300
HCL2 = "python-hcl2 loads"
_HERE = Path(__file__).parent
_LONG_RUNS = 2
"""A long file takes python-hcl2 a minute; its own noise is small against that."""


def rows(*, runs: int = 5) -> list[Row]:
    """Figures of the language."""
    with scratch() as folder:
        short = _parsed(folder, SHORT, runs)
        long = _parsed(folder, LONG, min(runs, _LONG_RUNS))
        path = project(folder / "checked", CHECKED)
        check = interleaved(
            {
                "charter": lambda: seconds([*CHARTER, "check", path.name], path.parent),
                "lark": lambda: seconds([sys.executable, "-c", "import lark"], path.parent),
            },
            runs * 2,
        )
    growth = long["Charter"] / LONG / (short["Charter"] / SHORT)
    return [
        *(_row(lines, taken) for lines, taken in ((SHORT, short), (LONG, long))),
        Row(f"seconds a line, {LONG:,} lines", long["Charter"] / LONG, "s", f"the same at {SHORT:,} lines",
            short["Charter"] / SHORT, growth, "<= 1.2"),
        Row(f"charter check, {CHECKED} lines, cold", check["charter"], "s", "python -c 'import lark'", check["lark"],
            check["charter"] / check["lark"], "<= 5"),
    ]  # fmt: skip


def _row(lines: int, taken: dict[str, float]) -> Row:
    name = f"text to AST with spans, {lines:,} lines"
    peer = taken.get(HCL2)
    if peer is None:
        return Row(name, taken["Charter"], "s", HCL2, None, None, ">= 3")
    return Row(name, taken["Charter"], "s", HCL2, peer, peer / taken["Charter"], ">= 3")


def _parsed(folder: Path, lines: int, runs: int) -> dict[str, float]:
    """Seconds of each parser, in processes of their own that make the parser before they look at the clock."""
    ours, theirs = folder / f"{lines}.charter", folder / f"{lines}.hcl"
    ours.write_text(charter(lines), "utf-8")
    theirs.write_text(hcl(lines), "utf-8")
    tasks = {"Charter": lambda: _told([sys.executable, str(_HERE / "parse_file.py"), str(ours)])}
    peer = peers_directory() / "bin" / "python"
    if peer.exists():
        tasks[HCL2] = lambda: _told([str(peer), str(_HERE / "peers" / "hcl_loads.py"), str(theirs)])
    else:
        print(f"{HCL2}: not installed: `python -m bench --install-peers`", file=sys.stderr)
    return interleaved(tasks, runs, warm=False)


def _told(command: Sequence[str]) -> float:
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMeasured(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-600:]}")
    return float(done.stdout)
