"""`charter audit sample`: draw records at random, so that the audited cannot choose which."""

import click

from charter.runtime.audit.filters import Filter, matching, moment
from charter.runtime.audit.gone import Gone, counted
from charter.runtime.audit.sample import draw
from charter.runtime.audit.sentences import outcome, sentence
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import format_option, write_csv, write_json, write_table
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger.checkpoint import read_note

_COLUMNS = ("seq", "time", "about", "outcome", "what")
_LONGEST = 1000
_COLORS = {"denied": "red", "waiting": "yellow", "allowed": "green"}


@click.command("sample")
@with_source
@click.option("--n", type=click.IntRange(min=1, max=1_000_000), default=25, show_default=True, help="How many.")
@click.option("--seed", "nonce", required=True, help="A nonce of yours, chosen after the ledger was handed over.")
@click.option(
    "--kind", "kinds", multiple=True, help="Draw from this kind of event; repeatable.  [default: gate.decided]"
)
@click.option("--since", metavar="TIME", help="Only events from this date or time on (UTC).")
@click.option("--until", metavar="TIME", help="Only events before this time, or up to the end of this date.")
@format_option
def audit_sample(
    source: Source, n: int, nonce: str, kinds: tuple[str, ...], since: str | None, until: str | None, form: str
) -> None:
    """Draw N decisions (or other events) at random.

    The draw depends on the ledger's root and on your nonce: the audited fixed the one before you named the other.
    Whoever has both draws the same. `charter audit replay --seq N` re-performs a drawn decision.

    \b
    Exit codes: 0 drawn, 6 there is nothing to draw from, or a body is missing there without any record of it.
    """
    if not nonce.strip() or len(nonce) > _LONGEST:
        raise Failure("not a nonce", f"`--seed` takes 1 to {_LONGEST} characters that nobody could foresee.")
    wanted = Filter(
        kinds=frozenset(kinds or {"gate.decided"}),
        since=moment(since, "--since") if since else "",
        until=moment(until, "--until", end_of_day=True) if until else "",
    )
    with open_source(source) as opened:
        checkpoint = read_note(opened.checkpoint())
        size, root = checkpoint.size, checkpoint.root
        events = {e.seq: e for e in matching(opened.events(allow_erased=True), wanted, lambda _: None) if e.seq < size}
        gone = Gone(opened)
        words = {seq: gone.word(event) for seq, event in events.items()}
    if not events:
        raise Failure("nothing to draw from", "No record matches.", exit_code=ExitCode.INCOMPLETE)
    drawn = [events[seq] for seq in draw(events, n, root, nonce)]
    rows = [
        {
            "seq": event.seq,
            "time": event.time[:19].replace("T", " "),
            "about": event.subject,
            "outcome": outcome(event, words[event.seq]),
            "what": sentence(event, words[event.seq]),
        }
        for event in drawn
    ]
    if form == "json":
        about = {"records": size, "root": root.hex(), "seed": nonce, "population": len(events)}
        write_json({**about, "drawn": rows})
    elif form == "csv":
        write_csv(_COLUMNS, rows)
    else:
        write_table(_COLUMNS, rows, colors=_COLORS)
    missing = [*words.values()].count("missing")
    click.echo(f"{len(drawn)} of {len(events)}, drawn under {size} records with root {root.hex()}", err=True)
    if missing:
        click.echo(f"{click.style('not certain', fg='yellow')}: among them {counted('missing', missing)}", err=True)
        raise SystemExit(int(ExitCode.INCOMPLETE))
