"""What every command that tells of the state says of records that are gone."""

import click

from charter.runtime.cli.inert import inert
from charter.runtime.erased import lost
from charter.runtime.state import State

_MOST_GAPS = 10


def show_gaps(state: State, *, err: bool = False) -> None:
    """Name what is gone, and what that means; nothing when all is there.

    Args:
        state: what was told of.
        err: on the error stream, for commands whose output is read by tools.
    """
    gaps = list(state.gaps.values())
    for gap in gaps[:_MOST_GAPS]:
        click.echo(f"  {click.style('erased', fg='yellow')}   {inert(lost(gap))}", err=err)
    if len(gaps) > _MOST_GAPS:
        click.echo(f"  {click.style('erased', fg='yellow')}   {len(gaps) - _MOST_GAPS} more records", err=err)
    if gaps:
        click.echo(
            "  not known  what these records said counts for nothing here: work may have been done, denied or halted "
            "that is not shown, so nothing above is complete, no run goes on, and nothing is signed",
            err=err,
        )


def gaps_json(state: State) -> list[dict[str, object]]:
    """The same for tools."""
    return [
        {
            "record": gap.seq,
            "kind": gap.kind,
            "about": gap.subject,
            "time": gap.time,
            "ground": gap.ground,
            "by": gap.by,
        }
        for gap in state.gaps.values()
    ]
