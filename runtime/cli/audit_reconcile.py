"""`charter audit reconcile`: compare the ledger's runs with a list that another system kept."""

from functools import partial
from pathlib import Path

import click

from charter.runtime.audit.filters import Filter, matching, moment
from charter.runtime.audit.reconcile import LEDGER_FIELDS, Reconciled, read_column, reconcile
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import format_option, write_csv, write_json, write_table

_COLUMNS = ("finding", "value", "record")
_COLORS = {"not in the ledger": "red", "not in the list": "red", "listed twice": "yellow"}


@click.command("reconcile")
@partial(with_source, key="--ledger-key")
@click.option("--with", "path", required=True, type=click.Path(path_type=Path), help="A CSV file with a heading.")
@click.option("--key", "column", required=True, help="Its column that names runs, such as `run_id`.")
@click.option(
    "--field",
    type=click.Choice(list(LEDGER_FIELDS)),
    default="run",
    show_default=True,
    help="What of the ledger to compare it with.",
)
@click.option("--since", metavar="TIME", help="Only records from this date or time on (UTC).")
@click.option("--until", metavar="TIME", help="Only records before this time, or up to the end of this date.")
@format_option
def audit_reconcile(
    source: Source, path: Path, column: str, field: str, since: str | None, until: str | None, form: str
) -> None:
    """Say what another system knows of and the ledger does not, and the other way round.

    A ledger shows by itself that nothing was taken out of it, never that everything was put in.
    `charter run --json` names the run, for CI to keep.

    \b
    Exit codes: 0 both lists name the same, 1 they differ, 6 one of them is empty.
    """
    listed = read_column(path, column)
    wanted = Filter(
        since=moment(since, "--since") if since else "",
        until=moment(until, "--until", end_of_day=True) if until else "",
    )
    with open_source(source) as opened:
        found = reconcile(listed, matching(opened.events(allow_erased=True), wanted, lambda _: None), field)
    rows = _rows(found)
    if form == "json":
        counts = {"rows": found.rows, "recorded": found.records, "exit_code": int(found.exit_code)}
        write_json({**counts, "findings": rows})
    elif form == "csv":
        write_csv(_COLUMNS, rows)
    else:
        write_table(_COLUMNS, rows, colors=_COLORS)
    word = "nothing to compare" if int(found.exit_code) == 6 else f"{len(rows)} findings"
    click.echo(f"{found.rows} listed, {found.records} recorded, {word}", err=True)
    raise SystemExit(int(found.exit_code))


def _rows(found: Reconciled) -> list[dict[str, object]]:
    findings: list[tuple[str, str, int | None]] = [("not in the ledger", value, None) for value in found.unrecorded]
    findings += [("not in the list", value, seq) for value, seq in found.unlisted]
    findings += [("listed twice", value, None) for value in found.repeated]
    return [dict(zip(_COLUMNS, finding, strict=True)) for finding in findings]
