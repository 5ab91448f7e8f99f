"""One table for all benchmarks: a value, what it is compared with, their ratio, and the target."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        baseline: the same work done the other way, in the same unit and the same run; None: nothing to compare with.
        ratio: ours to the baseline's, in the direction that the target speaks of.
        target: the figure to reach, in words (`>= 0.5`).
    """

    name: str
    value: float
    unit: str
    baseline_name: str = ""
    baseline: float | None = None
    ratio: float | None = None
    target: str = ""


def show(rows: Iterable[Row]) -> None:
    """Print rows as one aligned table."""
    heads = ("what", "value", "unit", "baseline", "value", "ratio", "target")
    lines = [
        (
            row.name,
            _number(row.value),
            row.unit,
            row.baseline_name,
            _number(row.baseline),
            _number(row.ratio),
            row.target,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [heads, *lines]) for column in range(len(heads))]
    for line in (heads, tuple("-" * width for width in widths), *lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
