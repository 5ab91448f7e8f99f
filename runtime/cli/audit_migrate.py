"""`charter audit migrate`: copy the ledger into another store, or move it there."""

from pathlib import Path

import click

from charter.runtime.cli.audit_source import PLACE, find_source, source_options
from charter.runtime.cli.audit_verify import Progress
from charter.runtime.cli.inert import inert
from charter.runtime.failure import Failure
from charter.runtime.ledger.location import Location, moved_aside, write_pointer
from charter.runtime.ledger.migrate import copy_ledger


@click.command("migrate")
@click.argument("target", type=PLACE)
@source_options
@click.option("--switch", is_flag=True, help="From now on the project's ledger is the copy, in a database.")
def audit_migrate(
    target: Location, ledger: Location | None, project_dir: Path | None, key_path: Path | None, switch: bool
) -> None:
    """Copy the ledger to TARGET: a new file, or an empty PostgreSQL database (postgresql://HOST/NAME).

    Both are verified, and have the same records, root and signed checkpoint. A copy into a file is a backup of one
    consistent state, also while runs go on. With --switch nothing can be appended between copy and change-over; the
    old file stays as `.charter/ledger.db.moved`, with all its texts, and everybody who works on this directory uses
    the database.
    """
    source = find_source(ledger, project_dir, key_path)
    place = source.ledger_path
    if switch and (source.project is None or not isinstance(target, str) or not isinstance(place, Path)):
        raise Failure(
            "nothing to switch",
            "`--switch` moves a project's ledger from its file into a database: leave `--ledger` out and give a "
            "postgresql:// URL. To go back to a file, copy the ledger to one, stop all runs, and put it in the place "
            "of the project's `.charter/ledger.db`.",
        )
    kept = moved_aside(place) if isinstance(place, Path) else None

    def change_over() -> None:
        assert isinstance(place, Path) and isinstance(target, str) and kept is not None
        if kept.exists():
            raise Failure("old ledger is in the way", f"`{kept}` exists; move it away first.")
        draft = place.with_name(f".{place.name}.new")
        draft.unlink(missing_ok=True)
        write_pointer(draft, target)
        kept.hardlink_to(place)
        draft.replace(place)

    progress = Progress()
    try:
        copied = copy_ledger(
            place, target, key=source.key, progress=progress.show, switch=change_over if switch else None
        )
    finally:
        progress.clear()
    click.echo(f"{copied.size:,} records, root {copied.root.hex()}: the same in both")
    if switch:
        click.echo(f"the ledger is now {inert(target)}; the old file is kept as {inert(kept)}")
        click.echo(
            f"{inert(kept)} still has every text up to now, also what is erased from the database later: put it away "
            "or destroy it"
        )
