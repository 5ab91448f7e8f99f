"""The language: what reading and compiling cost, and how many planted mistakes one run names.

Text to AST beside python-hcl2 on the same content, a cold `charter check`, compilation of 1,000 and of 10,000
declarations, and five random mutations in each of 150 charters.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.charters import charter, count_declarations, hcl, lines_for, project
from bench.lifecycle import peers_directory
from bench.measure import CHARTER, ENVIRONMENT, NotMeasured, interleaved, scratch, seconds
from bench.mistakes import Figures, checked, measured, parsed
from bench.table import Row

SHORT, LONG = 1_000, 50_000
CHECKED = 300
FEW, MANY = 1_000, 10_000
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
        compiled = {count: _compiled(folder, count, runs) for count in (FEW, MANY)}
    growth = long["Charter"] / LONG / (short["Charter"] / SHORT)
    return [
        *(_row(lines, taken) for lines, taken in ((SHORT, short), (LONG, long))),
        Row(f"seconds a line, {LONG:,} lines", long["Charter"] / LONG, "s", f"the same at {SHORT:,} lines",
            short["Charter"] / SHORT, growth, "<= 1.2"),
        Row(f"charter check, {CHECKED} lines, cold", check["charter"], "s", "python -c 'import lark'", check["lark"],
            check["charter"] / check["lark"], "<= 5"),
        *_compile_rows(compiled),
        *_mistake_rows(),
    ]  # fmt: skip


def _compiled(folder: Path, declarations: int, runs: int) -> tuple[float, float, int]:
    """Median seconds of the processor, median peak memory in bytes, and how many declarations there are exactly."""
    path = project(folder / f"compiled-{declarations}", lines_for(declarations))
    told = [_told([sys.executable, str(_HERE / "compile_file.py"), str(path)]) for _ in range(min(runs, _LONG_RUNS))]
    return median(item[0] for item in told), median(item[1] for item in told), count_declarations(path.read_text())


def _compile_rows(compiled: dict[int, tuple[float, float, int]]) -> list[Row]:
    (few, _, fewer), (many, peak, more) = compiled[FEW], compiled[MANY]
    return [
        Row(f"compile {more:,} declarations to IR", many, "s", f"{fewer:,} declarations", few, many / few),
        Row("seconds a declaration", many / more, "s", f"the same at {fewer:,}", few / fewer,
            many / more / (few / fewer), "<= 1.2"),
        Row(f"peak memory, {more:,} declarations", peak / 2**20, "MiB", f"{fewer:,} declarations",
            compiled[FEW][1] / 2**20, peak / compiled[FEW][1]),
    ]  # fmt: skip


def _mistake_rows() -> list[Row]:
    first = measured(parsed, stop_at_first=True)
    print(f"stopping at the first error, the parser would report {first.reported} of {first.lines}", file=sys.stderr)
    return [row for name, errors in (("parser", parsed), ("check", checked)) for row in _found(name, measured(errors))]


def _found(name: str, figures: Figures) -> list[Row]:
    return [
        Row(f"planted mistakes on whose line the {name} reports", figures.reported, "lines", "mutated lines",
            figures.lines, figures.reported / figures.lines, ">= 0.9"),
        Row(f"errors of the {name} that touch none", figures.spurious, "errors", "files",
            figures.files, figures.spurious / figures.files, "<= 0.3"),
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
    tasks = {"Charter": lambda: _told([sys.executable, str(_HERE / "parse_file.py"), str(ours)])[0]}
    peer = peers_directory() / "bin" / "python"
    if peer.exists():
        tasks[HCL2] = lambda: _told([str(peer), str(_HERE / "peers" / "hcl_loads.py"), str(theirs)])[0]
    else:
        print(f"{HCL2}: not installed: `python -m bench --install-peers`", file=sys.stderr)
    return interleaved(tasks, runs, warm=False)


def _told(command: Sequence[str]) -> list[float]:
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMeasured(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-600:]}")
    return [float(word) for word in done.stdout.split()]
