"""`charter audit admin-events` and `erasures`: what was done to the ledger itself, by whom and why."""

from collections.abc import Collection

import click

from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import format_option, write_csv, write_json, write_table
from charter.runtime.ledger import Recorded
from charter.runtime.ledger.administration import ERASED, KINDS, sentence

_COLUMNS = ("record", "time", "what", "who", "shown", "ground")


@click.command("admin-events")
@with_source
@format_option
def audit_admin_events(source: Source, form: str) -> None:
    """List what was done to the ledger itself: holds and their release, erasures, changes of the signing key."""
    _write(source, KINDS, form)


@click.command("erasures")
@with_source
@format_option
def audit_erasures(source: Source, form: str) -> None:
    """List what was erased, by whom and on what ground."""
    _write(source, (ERASED,), form)


def _write(source: Source, kinds: Collection[str], form: str) -> None:
    with open_source(source) as ledger:
        rows = [_row(event) for event in ledger.events(kinds=kinds, allow_erased=True)]
    if form == "json":
        write_json({"events": rows})
    elif form == "csv":
        write_csv(_COLUMNS, rows)
    elif rows:
        write_table(_COLUMNS, rows)
    else:
        click.echo("none")


def _row(event: Recorded) -> dict[str, object]:
    body = event.body
    return {
        "record": event.seq,
        "time": event.time,
        "what": sentence(event),
        "who": body.get("actor"),
        "shown": "by a key" if body.get("key") else "claimed only",
        "ground": body.get("ground"),
    }
