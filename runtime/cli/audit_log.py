"""`charter audit log`: the recorded events with plain filters, as a table, JSON or CSV that stay inert anywhere."""

import json
from collections import deque
from collections.abc import Iterator

import click

from charter.runtime.audit.exports.lines import COLUMNS, document
from charter.runtime.audit.filters import Filter, matching, moment, refuse_unknown_stage
from charter.runtime.audit.gone import Gone, counted
from charter.runtime.audit.sentences import outcome, sentence
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import format_option, write_csv
from charter.runtime.cli.inert import inert
from charter.runtime.events import BODIES
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger, Recorded
from charter.runtime.ledger.administration import KINDS

_COLORS = {"denied": "red", "missing": "red", "waiting": "yellow", "allowed": "green"}


@click.command("log")
@with_source
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind of event; repeatable.")
@click.option("--denied", is_flag=True, help="Exceptions: decisions that denied.")
@click.option("--waived", is_flag=True, help="Exceptions: what went by a waiver, and waivers being signed.")
@click.option("--self-approved", is_flag=True, help="Exceptions: approvals by who did the work, or owns the system.")
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

    Of --denied, --waived and --self-approved, any is enough; the other options narrow. The chain of records is checked
    while they are read; a record that was changed ends the list with exit code 1.

    \b
    Exit codes: 0 all that was asked for, 1 a record was changed,
    6 a record could not be judged, its body is missing without any record of it, or nothing is recorded.
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
        told = _Told(opened)
        found = matching(told.events(), wanted, opened.attachment, told.unjudged)
        shown = _WRITERS[form](deque(found, maxlen=limit) if limit else found, told.gone)
        click.echo(f"{shown} of {total} records", err=True)
        raise SystemExit(told.end() if total else int(ExitCode.INCOMPLETE))


class _Told:
    """What a list cannot show: records whose text is gone, and could therefore not be judged."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.gone = Gone(ledger)
        self.unjudged: list[Recorded] = []
        self.erased: list[Recorded] = []

    def events(self) -> Iterator[Recorded]:
        """All events; those without a body are remembered."""
        for event in self.ledger.events(allow_erased=True):
            if event.erased:
                self.erased.append(event)
            yield event

    def end(self) -> int:
        """Say it on standard error; the exit code."""
        if self.unjudged:
            words = sorted({self.gone.word(event) or "its policy input is gone" for event in self.unjudged})
            self._say(f"{len(self.unjudged):,} could not be judged ({', '.join(words)})", self.unjudged)
        missing = [event for event in self.erased if self.gone.word(event) == "missing"]
        if missing:
            self._say(counted("missing", len(missing)), missing)
        return int(ExitCode.INCOMPLETE if self.unjudged or missing else ExitCode.OK)

    def _say(self, what: str, events: list[Recorded]) -> None:
        seqs = ", ".join(str(event.seq) for event in events[:12]) + (", ..." if len(events) > 12 else "")
        click.echo(f"{click.style('not certain', fg='yellow')}: {what}: records {seqs}", err=True)


def _write_table(events: Iterator[Recorded] | deque[Recorded], gone: Gone) -> int:
    shown = 0
    for shown, event in enumerate(events, 1):
        if shown == 1:
            click.echo(click.style(f"{'seq':>6}  {'time (UTC)':<19}  {'about':<30}  what", bold=True))
        time = event.time[:19].replace("T", " ")
        word = gone.word(event)
        what = click.style(inert(sentence(event, word)), fg=_COLORS.get(outcome(event, word)))
        click.echo(f"{event.seq:>6}  {time}  {event.subject:<30}  {what}")
    return shown


def _write_json(events: Iterator[Recorded] | deque[Recorded], gone: Gone) -> int:
    shown = 0
    click.echo("[", nl=False)
    for shown, event in enumerate(events, 1):
        # ASCII only: control and bidirectional characters are spelled out, whoever prints this.
        click.echo(
            ("," if shown > 1 else "") + "\n" + json.dumps(document(event, gone.word(event)), ensure_ascii=True),
            nl=False,
        )
    click.echo("\n]" if shown else "]")
    return shown


def _write_csv(events: Iterator[Recorded] | deque[Recorded], gone: Gone) -> int:
    return write_csv(COLUMNS, (document(event, gone.word(event)) for event in events))


_WRITERS = {"table": _write_table, "json": _write_json, "csv": _write_csv}
