"""Measure everything and print one table: `python -m bench [--only lifecycle,startup] [--runs 5] [--json]`.

A figure is a ratio to a named baseline of the same run on the same machine. Missing a target is said, and is no
error; a figure that could not be taken is.
"""

import argparse
import importlib
import inspect
import json
import operator
import os
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict

from bench.lifecycle import install_peers
from bench.measure import machine, scratch
from bench.table import Row

MODULES = ("startup", "language", "lifecycle", "ledger", "gates", "memory")

_TARGET = re.compile(r"(<=|>=|==)\s*([0-9.]+)")
_HOLDS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}
_COLOURS = {"met": "green", "NOT MET": "bold red", "no baseline": "yellow"}


def main() -> int:
    """Measure, print, and return the exit code: 0 when every figure could be taken."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"comma-separated: {', '.join(MODULES)}")
    parser.add_argument("--runs", type=int, default=5, help="rounds of each comparison; the medians count")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--install-peers", action="store_true", help="install the tools to compare with, then stop")
    options = parser.parse_args()
    if options.install_peers:
        install_peers()
        return 0
    wanted = options.only.split(",") if options.only else list(MODULES)
    if unknown := set(wanted) - set(MODULES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    rows: dict[str, list[Row]] = {}
    failures: dict[str, str] = {}
    before = machine()
    for name in wanted:
        started = time.monotonic()
        try:
            rows[name] = measure(name, options.runs)
        except Exception as error:  # noqa: BLE001 - one module's failure must not hide the others' figures
            failures[name] = f"{type(error).__name__}: {error}"
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    if options.json:
        print(as_json(rows, failures, before))
    else:
        show(rows, failures, before)
    return 1 if failures else 0


def measure(name: str, runs: int) -> list[Row]:
    """The rows of one module, which may take how often to measure."""
    module = importlib.import_module(f"bench.{name}")
    with scratch() as folder:
        os.environ["CHARTER_BENCH_DIR"] = str(folder)
        found: list[Row] = (
            module.rows(runs=runs) if "runs" in inspect.signature(module.rows).parameters else module.rows()
        )
    return found


def verdict(row: Row) -> str:
    """Whether the target is met: `<=` and `>=` speak of the ratio, `==` of the value itself.

    Without a baseline in the same run there is no ratio, and nothing is met.
    """
    if not row.target:
        return ""
    read = _TARGET.match(row.target)
    if read is None:
        return "unclear target"
    judged = row.value if read[1] == "==" else row.ratio
    if judged is None or (read[1] != "==" and row.baseline is None):
        return "no baseline"
    return "met" if _HOLDS[read[1]](judged, float(read[2])) else "NOT MET"


def show(rows: dict[str, list[Row]], failures: dict[str, str], where: str) -> None:
    """One table for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 180)
    table = Table(title=f"Charter's figures ({where})", title_justify="left")
    for heading, right in (("what", False), ("value", True), ("unit", False), ("baseline of the same run", False),
                           ("value", True), ("ratio", True), ("target", True), ("", False)):  # fmt: skip
        table.add_column(heading, justify="right" if right else "left")
    for part in rows.values():
        for row in part:
            said = verdict(row)
            table.add_row(
                row.name, number(row.value), row.unit, row.baseline_name, number(row.baseline), number(row.ratio),
                row.target, f"[{_COLOURS.get(said, 'yellow')}]{said}[/]" if said else "",
            )  # fmt: skip
        table.add_section()
    console.print(table)
    targets = [word for word in map(verdict, every(rows)) if word]
    console.print(f"{targets.count('met')} of {len(targets)} targets met.")
    for name, reason in failures.items():
        console.print(f"[bold red]not measured[/]: {name}: {reason}", markup=True, highlight=False)


def as_json(rows: dict[str, list[Row]], failures: dict[str, str], where: str) -> str:
    """The same for programs."""
    listed = [asdict(row) | {"module": name, "verdict": verdict(row)} for name, part in rows.items() for row in part]
    return json.dumps({"machine": where, "rows": listed, "not_measured": failures}, indent=2)


def every(rows: dict[str, list[Row]]) -> Iterable[Row]:
    """All rows of all modules."""
    return (row for part in rows.values() for row in part)


def number(value: float | None) -> str:
    """Three digits that matter."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
