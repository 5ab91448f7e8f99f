"""`charter audit erase`: remove the text of records for good; their headers stay, and the chain still holds."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from charter.runtime.cli.inert import inert
from charter.runtime.cli.keeper import keeper_options, keeping
from charter.runtime.cli.signing import confirm
from charter.runtime.events import BODIES
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger, Recorded
from charter.runtime.ledger.custody import erase
from charter.runtime.ledger.location import moved_aside
from charter.runtime.project import Project
from charter.runtime.retention import strictest
from charter.runtime.store import ArtifactStore


@click.command("erase")
@click.argument("seqs", metavar="SEQ...", type=int, nargs=-1, required=True)
@keeper_options
@click.option(
    "--attachments-only", is_flag=True, help="Erase what they carry, such as policy inputs; keep the records."
)
@click.option("--stop-runs", is_flag=True, help="Erase also what runs build on: no run goes on in this project then.")
@click.option("--despite-retention", metavar="LAW", help="The law that asks for it although a pack asks to keep it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def audit_erase(
    seqs: tuple[int, ...],
    sign_with: Path | None,
    ground: str,
    project_dir: Path | None,
    *,
    as_json: bool,
    attachments_only: bool,
    stop_runs: bool,
    despite_retention: str | None,
    yes: bool,
) -> None:
    """Erase the records SEQ: their bodies and attachments leave the ledger, its log and the unused space of its file.

    Their headers stay: the ledger still verifies, says how many bodies are gone, and is called incomplete. Records
    under a hold, or that a pack asks to keep, are not erased. Copies elsewhere (backups, capsules, exports, the
    artifact store) are not touched.
    """
    with keeping(project_dir, sign_with) as (project, ledger, by):
        _refuse_retention(project, ledger, seqs, despite_retention)

        def may(event: Recorded) -> None:
            if event.kind in BODIES and not (stop_runs or attachments_only):
                raise Failure(
                    "runs build on this record",
                    f"Record {event.seq} ({event.kind}) is part of what runs are folded from: without it `charter run` "
                    "stops for good in this project. `--attachments-only` erases what it carries and keeps the record; "
                    "`--stop-runs` erases it all the same.",
                    exit_code=ExitCode.DENIED,
                )

        what = "attachments" if attachments_only else "body and attachments"
        confirm(f"Erase the {what} of {len(set(seqs))} records for good?", yes=yes, as_json=as_json)
        said = f"{ground} (despite retention: {despite_retention})" if despite_retention and ground else ground
        done = erase(ledger, seqs, said, by, attachments_only=attachments_only, may=may)
        ledger.scrub()
        moved = moved_aside(project.ledger_path)
        left = str(moved) if moved.exists() else None
    if as_json:
        document = {
            "record": done.seq,
            "bodies_erased": done.records,
            "attachments_erased": done.attachments,
            "attachments_kept": done.kept,
            "still_in": left,
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(
        f"erased      {len(done.records)} bodies, {len(done.attachments)} attachments; record {done.seq} says so"
    )
    for digest in done.kept:
        click.echo(f"kept    {inert(digest[:16])}…: another record carries it too; name that one as well")
    if left:
        click.echo(f"still there in {inert(left)}: the file that the ledger was before it moved into a database")
    click.echo("still there in backups, capsules, exports and the artifact store, if it ever was: look there yourself")


def _refuse_retention(project: Project, ledger: Ledger, seqs: Sequence[int], despite: str | None) -> None:
    """The packs in force may ask to keep the records; what the law asks for wins over a wish to erase."""
    if despite:
        return
    kept = strictest(ledger, ArtifactStore(project.store), seqs)
    if kept is None or kept.until <= datetime.now(UTC):
        return
    raise Failure(
        "records must be kept",
        f"The pack `{kept.pack}` asks to keep record {kept.first} for {kept.lasting} ({kept.clause}: {kept.title}), "
        f"which is not before {kept.until:%Y-%m-%d}. So says the charter of the run {kept.run}; a later change of the "
        "charter does not shorten it. If another law asks for the erasure all the same, name it with "
        "`--despite-retention`; it is recorded.",
        exit_code=ExitCode.DENIED,
    )
