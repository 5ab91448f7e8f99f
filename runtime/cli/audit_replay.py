"""`charter audit replay`: re-perform recorded decisions, and say which came out otherwise."""

from pathlib import Path

import click

from charter.runtime.audit.gone import counted
from charter.runtime.audit.past import chosen, read_past
from charter.runtime.audit.replay import Outcome, Redecided, Replay, replay
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import Counter, format_option, write_csv, write_json, write_table
from charter.runtime.cli.options import engine_options

_COLUMNS = ("seq", "time", "gate", "outcome", "then", "now", "what")


@click.command("replay")
@with_source
@click.option("--seq", "seqs", type=int, multiple=True, help="Only this decision, by its record's number; repeatable.")
@engine_options
@format_option
def audit_replay(
    source: Source,
    seqs: tuple[int, ...],
    engine: str | None,
    opa_url: str | None,
    opa_ca: Path | None,
    form: str,
) -> None:
    """Decide every recorded gate again, with the recorded policies and the recorded input.

    A decision that comes out otherwise is a finding, and so is one that does not fit its own input.

    \b
    Exit codes: 0 every decision came out the same, 1 at least one did not,
    6 something could not be re-decided, or there was nothing to re-decide.
    """
    from charter.runtime.gates.choose import open_engine

    with open_source(source) as opened:
        past = read_past(opened, source.store)
        wanted = list(chosen(past, set(seqs)))
        with open_engine(engine, url=opa_url, ca=opa_ca, guard=True) as policy_engine:
            counter = Counter("decisions")
            found = replay(past, policy_engine, wanted, counter.show)
            counter.clear()
    _WRITERS[form](found)
    raise SystemExit(found.exit_code)


def _write_table(found: Replay) -> None:
    shown = [item for item in found.done if item.outcome in {Outcome.CHANGED, Outcome.UNDECIDED}]
    write_table(_COLUMNS, [_row(item) for item in shown], colors={"changed": "red", "not re-decided": "yellow"})
    if shown:
        click.echo()
    compared = found.count(Outcome.SAME) + found.count(Outcome.CHANGED)
    click.echo(f"re-decided    {compared} of {found.total} decisions, with {found.engine}")
    if found.interrupted:
        click.echo(f"interrupted   {found.total - len(found.done)} decisions were not reached")
    if failed := found.count(Outcome.NO_POLICY):
        click.echo(
            f"not compared  {failed} denied by the gate itself (no engine answered, or a recall), which needs no policy"
        )
    if left := found.count(Outcome.UNDECIDED):
        click.echo(f"left out      {left} could not be re-decided; the table says why")
    if found.missing:
        shown_seqs = ", ".join(map(str, found.missing[:12])) + (", ..." if len(found.missing) > 12 else "")
        click.echo(
            click.style(f"missing       {counted('missing', len(found.missing))} (records {shown_seqs})", fg="red")
        )
    changed = found.count(Outcome.CHANGED)
    if changed:
        click.echo(click.style(f"verdict       {changed} CAME OUT OTHERWISE", fg="red", bold=True))
    elif found.exit_code:
        said = "what was re-decided came out the same" if compared else "NOTHING WAS RE-DECIDED"
        click.echo(click.style(f"verdict       INCOMPLETE: {said}", fg="yellow", bold=True))
    else:
        click.echo(click.style("verdict       EVERY DECISION CAME OUT THE SAME", fg="green", bold=True))


def _write_json(found: Replay) -> None:
    write_json(
        {
            "engine": found.engine,
            "total": found.total,
            "interrupted": found.interrupted,
            "bodies_missing_without_a_record": list(found.missing),
            "counts": {str(outcome): found.count(outcome) for outcome in Outcome},
            "exit_code": found.exit_code,
            "decisions": [_row(item) for item in found.done],
        }
    )


def _write_csv(found: Replay) -> None:
    write_csv(_COLUMNS, (_row(item) for item in found.done))


_WRITERS = {"table": _write_table, "json": _write_json, "csv": _write_csv}


def _row(item: Redecided) -> dict[str, object]:
    return {
        "seq": item.seq,
        "time": item.time[:19] + "Z",
        "gate": item.gate,
        "outcome": str(item.outcome),
        "then": item.then,
        "now": item.now,
        "what": list(item.what),
    }
