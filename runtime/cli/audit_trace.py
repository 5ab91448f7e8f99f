"""`charter audit trace`: follow an artifact back to its sources, and forward to its uses."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from charter.runtime.audit.past import fold_in
from charter.runtime.cli.audit_source import find_source, source_options
from charter.runtime.cli.gaps import show_gaps
from charter.runtime.cli.inert import inert
from charter.runtime.erased import code_with
from charter.runtime.failure import ExitCode
from charter.runtime.ledger import Ledger
from charter.runtime.ledger.location import Location
from charter.runtime.report.decisions import clock
from charter.runtime.report.numbers import duration, plural, size
from charter.runtime.report.trace import AFTER, Index, Row, Start, Word, find, index, trace
from charter.runtime.state import State

_COLORS = {"allowed": "green", "denied": "red", "waits": "yellow"}


@click.command("trace")
@click.argument("subject")
@click.option("--back", "direction", flag_value="back", default=True, help="What it came from.  [default]")
@click.option("--forward", "direction", flag_value="forward", help="What came of it.")
@source_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def audit_trace(
    subject: str, direction: str, ledger: Location | None, project_dir: Path | None, key_path: Path | None, form: str
) -> int:
    """Follow SUBJECT through the ledger, with every decision and signature on the way.

    SUBJECT is a digest or its first 8 digits, a stage (train/scorecard), an artifact (train/scorecard:model), a
    declaration (dataset/applications), its name, or a record's number. The ledger alone is enough. Exit code 6 when
    records are erased, which may have been on the way.
    """
    source = find_source(ledger, project_dir, key_path)
    with Ledger.open_read_only(source.ledger_path, key=source.key) as opened:
        events = list(opened.events(allow_erased=True))
        made = index(events, opened.attachment)
        trees = _trees(made, find(made, subject), forward=direction == "forward")
    if form == "json":
        document = {"subject": subject, "direction": direction, "trees": [list(map(_document, rows)) for rows in trees]}
        click.echo(json.dumps(document, indent=2))
    else:
        for rows in trees:
            _show(rows, direction)
    state = State()
    for event in events:
        fold_in(state, event)
    show_gaps(state, err=form == "json")
    return int(code_with(state, ExitCode.OK))


def _trees(made: Index, starts: Sequence[Start], *, forward: bool) -> list[list[Row]]:
    """One tree a start, without those that another tree holds: the first of them forward, the last of them back."""
    trees: list[list[Row]] = []
    shown: set[int] = set()
    for start in starts if forward else reversed(starts):
        if start.result.seq not in shown:
            trees.append(list(trace(made, start, forward=forward)))
            shown |= {row.result.seq for row in trees[-1]}
    return trees


def _show(rows: Sequence[Row], direction: str) -> None:
    forward = direction == "forward"
    stems = [""]
    for row in rows:
        del stems[row.depth :]
        branch = "" if row.depth == 0 else ("└─ " if row.last else "├─ ")
        below = "" if row.depth == 0 else ("   " if row.last else "│  ")
        stem = stems[-1] if row.depth else ""
        click.echo(f"{stem}{click.style(branch, dim=True)}{_title(row, forward=forward)}")
        stems.append(stem + below)
        for line in _details(row):
            click.echo(f"{stem}{click.style(below, dim=True)}    {line}")


def _title(row: Row, *, forward: bool) -> str:
    body = row.result.body
    tie = f"{click.style(_tie(row.how, forward=forward), dim=True)} " if row.how else ""
    check = f", check {body.check}" if body.check else ""
    name = click.style(inert(body.stage), bold=not row.seen)
    if row.seen:
        return f"{tie}{name} (above, record {row.result.seq})"
    reused = ", taken over unchanged" if body.reused else ""
    return f"{tie}{name}  iteration {body.iteration}{check}, record {row.result.seq}, {clock(row.result.time)}{reused}"


def _tie(how: str, *, forward: bool) -> str:
    if how == AFTER:
        return "then" if forward else "after"
    name, _, digest = how.partition(" sha256:")
    return f"{inert(name)} {digest[:12]} {'into' if forward else 'of'}"


def _details(row: Row) -> list[str]:
    if row.seen:
        return []
    body = row.result.body
    lines = [
        f"made {inert(name)} {artifact.digest if row.depth == 0 else artifact.digest[7:19]}, {size(artifact.size)}"
        for name, artifact in body.artifacts.items()
    ]
    if body.evidence:
        lines.append(f"measured {plural(len(body.evidence), 'fact')} in {duration(body.milliseconds / 1000)}")
    allowed = [f"{said.gate.rpartition(':')[2]} {_records(said)}" for said in row.decisions if said.word == "allowed"]
    if allowed:
        lines.append(f"{click.style('allowed', fg='green')} at {inert('; '.join(allowed))}")
    lines += [
        f"{click.style(said.word, fg=_COLORS.get(said.word))} at {said.gate.rpartition(':')[2]} {_records(said)}: "
        f"{inert(said.reason)}"
        for said in row.decisions
        if said.word != "allowed"
    ]
    lines += [f"{inert(text)}, record {seq}" for seq, text in row.people]
    return lines + [inert(note) for note in row.notes]


def _records(said: Word) -> str:
    return f"(record {', '.join(map(str, said.records))})"


def _document(row: Row) -> dict[str, Any]:
    body = row.result.body
    return {
        "depth": row.depth,
        "parent": row.parent,
        "how": row.how or None,
        "seen_above": row.seen,
        "stage": body.stage,
        "iteration": body.iteration,
        "check": body.check,
        "record": row.result.seq,
        "time": row.result.time,
        "key": body.key,
        "reused": body.reused,
        "artifacts": {name: artifact.digest for name, artifact in body.artifacts.items()},
        "decisions": [
            {"gate": said.gate, "decision": said.word, "records": list(said.records), "reason": said.reason or None}
            for said in row.decisions
        ],
        "people": [{"record": seq, "said": text} for seq, text in row.people],
        "notes": list(row.notes),
    }
