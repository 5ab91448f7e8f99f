"""`charter audit log`: the recorded events with plain filters, as a table, JSON or CSV that stay inert anywhere."""

import csv
import json
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from charter.runtime.cli.audit_source import find_source, source_options
from charter.runtime.cli.inert import inert
from charter.runtime.events import BODIES
from charter.runtime.failure import Failure
from charter.runtime.ledger import Ledger, Recorded

_COLUMNS = ("seq", "time", "kind", "subject", "outcome", "body", "id")
_SUMMARY_WIDTH = 100
# A spreadsheet takes a cell that starts with one of these for a formula (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SKIPPED = {"run", "stage", "attachments", "meaning", "key", "iteration"}


@click.command("log")
@source_options
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind of event; repeatable.")
@click.option("--denied", is_flag=True, help="Only decisions that denied.")
@click.option("--stage", help="Only events of this stage.")
@click.option("--subject", help="Only events about this subject.")
@click.option("--since", metavar="TIME", help="Only events from this date or time on (ISO 8601, UTC).")
@click.option("--limit", type=click.IntRange(min=1), help="Only the newest N that match.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def audit_log(  # noqa: PLR0913, PLR0917 - one parameter an option
    ledger: Path | None,
    project_dir: Path | None,
    key_path: Path | None,
    kinds: tuple[str, ...],
    denied: bool,
    stage: str | None,
    subject: str | None,
    since: str | None,
    limit: int | None,
    form: str,
) -> None:
    """List what was recorded.

    The chain of records is checked while they are read; a record that was changed ends the list with exit code 1.
    """
    unknown = [kind for kind in kinds if kind not in BODIES]
    if unknown:
        known = ", ".join(sorted(BODIES))
        raise Failure("no such kind", f"`{inert(unknown[0])}` is no kind of event. Kinds: {known}.")
    source = find_source(ledger, project_dir, key_path)
    start = _utc(since) if since else ""
    with Ledger.open_read_only(source.ledger_path, key=source.key) as opened:
        total = opened.size

        def matching() -> Iterator[Recorded]:
            for event in opened.events(kinds=set(kinds) or None, allow_erased=True):
                if (
                    event.time >= start
                    and (not denied or outcome(event) == "denied")
                    and (stage is None or event.body.get("stage") == stage)
                    and (subject is None or event.subject == subject)
                ):
                    yield event

        shown = _WRITERS[form](deque(matching(), maxlen=limit) if limit else matching())
    click.echo(f"{shown} of {total} records", err=True)


def outcome(event: Recorded) -> str:
    """What an event decided in one word, empty for events that decide nothing."""
    if event.erased:
        return "erased"
    allow = event.body.get("allow")
    if event.kind == "gate.decided" and isinstance(allow, bool):
        return "allowed" if allow else "waiting" if event.body.get("waiting") is True else "denied"
    return ""


def cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, and no terminal for a command."""
    text = inert(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _utc(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            "not a time",
            f"`--since {inert(text)[:60]}` should be a date or time such as `2026-11-22` or `2026-11-22T08:00Z`.",
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}Z"


def _write_table(events: Iterator[Recorded] | deque[Recorded]) -> int:
    shown = 0
    for shown, event in enumerate(events, 1):
        if shown == 1:
            click.echo(click.style(f"{'seq':>6}  {'time (UTC)':<19}  {'kind':<17}  {'subject':<34}  what", bold=True))
        time = event.time[:19].replace("T", " ")
        color = {"denied": "red", "waiting": "yellow", "allowed": "green"}.get(outcome(event))
        what = click.style(_summary(event), fg=color)
        click.echo(f"{event.seq:>6}  {time}  {event.kind:<17}  {event.subject:<34}  {what}")
    return shown


def _write_json(events: Iterator[Recorded] | deque[Recorded]) -> int:
    shown = 0
    click.echo("[", nl=False)
    for shown, event in enumerate(events, 1):
        # ASCII only: control and bidirectional characters are spelled out, whoever prints this.
        click.echo(("," if shown > 1 else "") + "\n" + json.dumps(_document(event), ensure_ascii=True), nl=False)
    click.echo("\n]" if shown else "]")
    return shown


def _write_csv(events: Iterator[Recorded] | deque[Recorded]) -> int:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    shown = 0
    for event in events:
        row = _document(event)
        row["body"] = json.dumps(row["body"], ensure_ascii=True)
        writer.writerow([cell(str(row[name])) for name in _COLUMNS])
        shown += 1
    return shown


_WRITERS = {"table": _write_table, "json": _write_json, "csv": _write_csv}


def _document(event: Recorded) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "time": event.time,
        "kind": event.kind,
        "subject": event.subject,
        "outcome": outcome(event),
        "id": event.idem,
        "body": None if event.erased else event.body,
    }


def _summary(event: Recorded) -> str:
    """The decision and its reasons, else the body's short values."""
    body = event.body
    if decided := outcome(event):
        reasons = body.get("violations") or ()
        named = [str(item.get("code", item.get("policy", "?"))) for item in reasons if isinstance(item, dict)]
        waived = dict.fromkeys(str(item["waiver"]) for item in body.get("warnings") or () if item.get("waiver"))
        named += [f"waived by {name}" for name in waived]
        parts = [decided, *([", ".join(named)] if named else [])]
        return inert(": ".join(parts))[:_SUMMARY_WIDTH]
    short = [
        f"{name} {value}"
        for name, value in body.items()
        if name not in _SKIPPED and isinstance(value, str | int) and value != "" and len(str(value)) <= 48
    ]
    return inert(", ".join(short))[:_SUMMARY_WIDTH]
