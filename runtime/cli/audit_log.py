"""`charter audit log`: the recorded events with plain filters, as a table, JSON or CSV that stay inert anywhere."""

import json
from collections import deque
from collections.abc import Iterator

import click

from charter.runtime.audit.exports.lines import COLUMNS, document
from charter.runtime.audit.filters import Filter, matching, moment, refuse_unknown_stage
from charter.runtime.audit.sentences import outcome, sentence
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import format_option, write_csv
from charter.runtime.cli.inert import inert
from charter.runtime.events import BODIES
from charter.runtime.failure import Failure
from charter.runtime.ledger import Recorded
from charter.runtime.ledger.administration import KINDS

_COLORS = {"denied": "red", "waiting": "yellow", "allowed": "green"}


@click.command("log")
@with_source
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind of event; repeatable.")
@click.option("--denied", is_flag=True, help="Only decisions that denied.")
@click.option("--waived", is_flag=True, help="Only decisions that went by a waiver, and waivers being signed.")
@click.option("--self-approved", is_flag=True, help="Only approvals by who did the work, or owns the system.")
@click.option("--stage", help="Only events of this stage.")
@click.option("--subject", help="Only events about this subject.")
@click.option("--since", metavar="TIME", help="Only events from this date or time on (ISO 8601, UTC).")
@click.option("--until", metavar="TIME", help="Only events before this time, or up to the end of this date.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the newest N that match.")
@format_option
def audit_log(
    source: Source,
    *,
    kinds: tuple[str, ...],
    stage: str | None,
    subject: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    form: str,
    **flags: bool,
) -> None:
    """List what was recorded.

    The chain of records is checked while they are read; a record that was changed ends the list with exit code 1.
    """
    every = {*BODIES, *KINDS}
    unknown = [kind for kind in kinds if kind not in every]
    if unknown:
        known = ", ".join(sorted(every))
        raise Failure("no such kind", f"`{inert(unknown[0])}` is no kind of event. Kinds: {known}.")
    wanted = Filter(
        kinds=frozenset(kinds),
        stage=stage,
        subject=subject,
        since=moment(since, "--since") if since else "",
        until=moment(until, "--until", end_of_day=True) if until else "",
        **flags,
    )
    with open_source(source) as opened:
        if stage is not None:
            refuse_unknown_stage(stage, opened.events(allow_erased=True))
        total = opened.size
        found = matching(opened.events(allow_erased=True), wanted, opened.attachment)
        shown = _WRITERS[form](deque(found, maxlen=limit) if limit else found)
    click.echo(f"{shown} of {total} records", err=True)


def _write_table(events: Iterator[Recorded] | deque[Recorded]) -> int:
    shown = 0
    for shown, event in enumerate(events, 1):
        if shown == 1:
            click.echo(click.style(f"{'seq':>6}  {'time (UTC)':<19}  {'about':<30}  what", bold=True))
        time = event.time[:19].replace("T", " ")
        what = click.style(inert(sentence(event)), fg=_COLORS.get(outcome(event)))
        click.echo(f"{event.seq:>6}  {time}  {event.subject:<30}  {what}")
    return shown


def _write_json(events: Iterator[Recorded] | deque[Recorded]) -> int:
    shown = 0
    click.echo("[", nl=False)
    for shown, event in enumerate(events, 1):
        # ASCII only: control and bidirectional characters are spelled out, whoever prints this.
        click.echo(("," if shown > 1 else "") + "\n" + json.dumps(document(event), ensure_ascii=True), nl=False)
    click.echo("\n]" if shown else "]")
    return shown


def _write_csv(events: Iterator[Recorded] | deque[Recorded]) -> int:
    return write_csv(COLUMNS, map(document, events))


_WRITERS = {"table": _write_table, "json": _write_json, "csv": _write_csv}
