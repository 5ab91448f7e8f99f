"""`charter audit subject`: where one person's data went, and the record of the answer."""

import json
import secrets
from hashlib import sha256
from pathlib import Path

import click

from charter.runtime.audit.past import read_past
from charter.runtime.audit.person import Place, look_up
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import format_option, write_csv, write_json, write_table
from charter.runtime.cli.gaps import show_gaps
from charter.runtime.cli.output import write_whole
from charter.runtime.cli.signing import signing_key
from charter.runtime.events import SubjectAnswered
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import anchor
from charter.runtime.project import Project
from charter.runtime.session import authenticated_actor, open_journal, recorded_ir, recorded_state

_COLUMNS = ("where", "found", "do", "why")
_COLORS = {"erase": "red", "make anew": "red", "look yourself": "yellow", "keep": "cyan"}


@click.command("subject")
@click.argument("person", metavar="ID")
@with_source
@click.option("--column", "columns", multiple=True, help="Where ID stands; repeatable.  [default: `personal` columns]")
@click.option("--record", "record_path", type=click.Path(path_type=Path), help="Write the answer here, and record it.")
@click.option(
    "--sign-with", type=click.Path(path_type=Path), help="Your private key: shows who answered; for --record."
)
@format_option
def audit_subject(
    person: str,
    source: Source,
    columns: tuple[str, ...],
    record_path: Path | None,
    sign_with: Path | None,
    form: str,
) -> None:
    """Say where the data of the person ID went: sources, datasets, splits, models, logs and records.

    ID is the value that stands for them in a column. Each place is searched, with what can be erased, what must be
    kept and why, and what this command cannot tell. With --record, the answer is written to a file and recorded: the
    ledger gets its digest and counts, never the ID.

    \b
    Exit codes: 0 every place could be searched, 6 some could not.
    """
    if source.project is None:
        raise Failure(
            "no project", "The files of a project are searched: name it with `--project` instead of `--ledger`."
        )
    if (record_path is None) != (sign_with is None):
        raise Failure("record and key go together", "Give both `--record FILE` and `--sign-with KEY`, or neither.")
    state = recorded_state(source.project)
    ir = recorded_ir(source.project, state)
    with open_source(source) as opened:
        places = look_up(read_past(opened, source.store), ir, source.project, person, columns)
    rows: list[dict[str, object]] = [
        {"where": place.where, "found": place.found, "do": place.do, "why": place.why, "digest": place.digest}
        for place in places
    ]
    if form == "json":
        write_json({"id": person, "places": rows})
    elif form == "csv":
        write_csv(_COLUMNS, rows)
    else:
        shown = [row | {"found": "?" if row["found"] is None else row["found"]} for row in rows]
        write_table(_COLUMNS, shown, colors=_COLORS)
    if record_path is not None and sign_with is not None:
        _record(source.project, ir.lifecycle.name, places, rows, person, record_path, sign_with)
    if state.gaps:  # where their data went may have been said there
        show_gaps(state, err=True)
    if state.gaps or any(place.do == "look yourself" for place in places):
        raise SystemExit(int(ExitCode.INCOMPLETE))


def _record(
    project: Project,
    lifecycle: str,
    places: list[Place],
    rows: list[dict[str, object]],
    person: str,
    path: Path,
    sign_with: Path,
) -> None:
    """Write the answer, then record its digest: the nonce keeps the ID from being guessed from the ledger."""
    actor = authenticated_actor(project, signing_key(sign_with).public, sign_with)
    nonce = secrets.token_hex(16)
    answer = {"format": "charter-subject-answer/1", "id": person, "nonce": nonce, "places": rows}
    data = json.dumps(answer, indent=1, ensure_ascii=True, sort_keys=True).encode() + b"\n"
    write_whole(path, data, "the answer", hint="Choose a directory that you can write to.", mode=0o600)
    with open_journal(project, lifecycle, create=False, holds_back=True) as journal:  # people ask after an erasure
        counts: dict[str, int] = {}
        for place in places:
            counts[place.do] = counts.get(place.do, 0) + 1
        body = SubjectAnswered(
            run=journal.state.runs[-1].run,
            person=actor.name,
            key=actor.key or "",
            answer=f"sha256:{sha256(data).hexdigest()}",
            places=counts,
        )
        journal.note(body, f"lifecycle/{lifecycle}")
        journal.commit()
        anchor(journal.ledger, project.checkpoints_path)
    click.echo(f"answered by {actor.name}; recorded as {body.answer[:19]}…", err=True)
