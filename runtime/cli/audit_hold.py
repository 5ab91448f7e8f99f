"""`charter audit hold`: forbid erasing records, for instance while there is a lawsuit; list and release holds."""

from pathlib import Path

import click

from charter.runtime.cli.audit_table import write_json, write_table
from charter.runtime.cli.inert import inert
from charter.runtime.cli.keeper import keeper_options, keeping
from charter.runtime.cli.options import chosen_project
from charter.runtime.failure import Failure
from charter.runtime.ledger import Ledger
from charter.runtime.ledger.custody import current_holds, order_hold, release_hold

_COLUMNS = ("hold", "records", "since", "record", "ground")


@click.command("hold")
@click.argument("name", required=False)
@keeper_options
@click.option("--from", "first", type=click.IntRange(min=0), default=0, show_default=True, help="The first record.")
@click.option("--to", "last", type=click.IntRange(min=0), help="The last one.  [default: all that follow too]")
@click.option("--release", is_flag=True, help="End the hold NAME.")
def audit_hold(
    name: str | None,
    sign_with: Path | None,
    ground: str,
    project_dir: Path | None,
    *,
    as_json: bool,
    first: int,
    last: int | None,
    release: bool,
) -> None:
    """Order the hold NAME: what it covers cannot be erased until it is released. Without NAME, list the holds."""
    if name is None:
        if release or sign_with is not None or ground:
            raise Failure("no hold named", "Give the hold a NAME; without one, the holds in force are listed.")
        _list(project_dir, as_json=as_json)
        return
    with keeping(project_dir, sign_with) as (_, ledger, by):
        if release:
            receipt = release_hold(ledger, name, ground, by)
        else:
            receipt = order_hold(ledger, name, first, last, ground, by)
    if as_json:
        write_json({"hold": name, "record": receipt.seq, "released": release})
        return
    span = f"records {first} to {last}" if last is not None else f"record {first} and all that follow"
    click.echo(f"released {inert(name)} (record {receipt.seq})" if release else f"{inert(name)} holds {span}")


def _list(project_dir: Path | None, *, as_json: bool) -> None:
    with Ledger.open_read_only(chosen_project(project_dir).ledger_path) as ledger:
        found = current_holds(ledger).values()
    rows = [
        {
            "hold": hold.name,
            "records": f"{hold.first}-{'' if hold.last is None else hold.last}",
            "since": hold.time[:10],
            "record": hold.seq,
            "ground": hold.ground,
        }
        for hold in found
    ]
    if as_json:
        write_json({"holds": rows})
    elif rows:
        write_table(_COLUMNS, rows)
    else:
        click.echo("no holds")
