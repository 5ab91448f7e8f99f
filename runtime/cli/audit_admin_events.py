"""`charter audit admin-events` and `erasures`: what was done to the ledger itself, by whom and why."""

from collections.abc import Collection

import click

from charter.runtime.audit.gone import Gone, counted
from charter.runtime.audit.sentences import sentence
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import format_option, write_csv, write_json, write_table
from charter.runtime.failure import ExitCode
from charter.runtime.ledger import Recorded
from charter.runtime.ledger.administration import ERASED, KINDS

_COLUMNS = ("record", "time", "what", "who", "shown", "ground")


@click.command("admin-events")
@with_source
@format_option
def audit_admin_events(source: Source, form: str) -> None:
    """List what was done to the ledger itself: holds and their release, erasures, changes of the signing key.

    \b
    Exit codes: 0 all of it, 6 what one of these records said is missing without any record of it.
    """
    _write(source, KINDS, form)


@click.command("erasures")
@with_source
@format_option
def audit_erasures(source: Source, form: str) -> None:
    """List what was erased, by whom and on what ground.

    \b
    Exit codes: 0 all of it, 6 what one of these records said is missing without any record of it.
    """
    _write(source, (ERASED,), form)


def _write(source: Source, kinds: Collection[str], form: str) -> None:
    with open_source(source) as ledger:
        gone = Gone(ledger)
        found = [(event, gone.word(event)) for event in ledger.events(kinds=kinds, allow_erased=True)]
    rows = [_row(event, word) for event, word in found]
    if form == "json":
        write_json({"events": rows})
    elif form == "csv":
        write_csv(_COLUMNS, rows)
    elif rows:
        write_table(_COLUMNS, rows)
    else:
        click.echo("none")
    if missing := sum(word == "missing" for _, word in found):
        click.echo(f"{click.style('not certain', fg='yellow')}: {counted('missing', missing)}", err=True)
        raise SystemExit(int(ExitCode.INCOMPLETE))


def _row(event: Recorded, gone: str) -> dict[str, object]:
    body = event.body
    return {
        "record": event.seq,
        "time": event.time,
        "what": sentence(event, gone),
        "who": body.get("actor", ""),
        "shown": "" if event.erased else "by a key" if body.get("key") else "claimed only",
        "ground": body.get("ground", ""),
    }
