"""Rows for people and for tools: an aligned table, JSON, or CSV that no spreadsheet takes for formulas."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from charter.runtime.cli.inert import inert

# A spreadsheet takes a cell that starts with one of these for a formula (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

format_option = click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
)


def cell(value: object) -> str:
    """Text that no spreadsheet takes for a formula, and no terminal for a command."""
    text = inert("" if value is None else value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as CSV on standard output; how many there were."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([cell(_flat(row.get(name))) for name in columns])
        count += 1
    return count


def write_json(document: object) -> None:
    """Write a document; ASCII only, so that control and bidirectional characters are spelled out."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True))


def write_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, colors: Mapping[str, str] = {}) -> None:
    """Write aligned columns; the last one is as long as it needs to be.

    Args:
        columns: names, which head the table.
        rows: one mapping a line.
        colors: by the text of a cell.
    """
    if not rows:
        return
    texts = [[inert(_flat(row.get(name))) for name in columns] for row in rows]
    widths = [max(len(name), *(len(line[at]) for line in texts)) for at, name in enumerate(columns)]
    widths[-1] = 0
    click.echo(
        click.style("  ".join(f"{name:<{width}}" for name, width in zip(columns, widths, strict=True)), bold=True)
    )
    for line in texts:
        padded = [f"{text:<{width}}" for text, width in zip(line, widths, strict=True)]
        click.echo(
            "  ".join(
                click.style(shown, fg=colors[text]) if text in colors else shown
                for text, shown in zip(line, padded, strict=True)
            ).rstrip()
        )


def _flat(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return "; ".join(value)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=True)
    return str(value)


class Counter:
    """A line that is rewritten on a terminal while long work goes on, and nothing elsewhere."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self.live = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """Say how far it is."""
        if self.live:
            click.echo(f"\r\x1b[2K{done:,} of {total:,} {self.noun}", nl=False, err=True)

    @contextmanager
    def shown(self) -> Iterator[Callable[[int, int], None]]:
        """Give `show`, and take the line away however the work ends."""
        try:
            yield self.show
        finally:
            self.clear()

    def clear(self) -> None:
        """Take the line away."""
        if self.live:
            click.echo("\r\x1b[2K", nl=False, err=True)
