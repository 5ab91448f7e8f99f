"""`charter inbox`: what waits for people, since when and until when."""

import dataclasses
import json
from pathlib import Path

import click

from charter.runtime.cli.gaps import show_gaps
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import key_owner, signing_key
from charter.runtime.erased import code_with
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.inbox import Item, ago, inbox
from charter.runtime.report.source import Source, read_source
from charter.runtime.trust import file
from charter.runtime.trust.times import parse_time

_VERBS = {
    "approve": "approve or reject",
    "waive": "sign the waiver",
    "attest": "attest, if it is right",
    "reproduce": "measure again",
    "alert": "look at the alert",
    "review": "close the review",
    "resume": "resume or leave halted",
}


@click.command("inbox")
@click.option("--key", type=click.Path(path_type=Path), help="Only what waits for whom this private key belongs to.")
@click.option("--as", "person", help="Only what waits for this person.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@project_option
def inbox_(key: Path | None, person: str | None, project_dir: Path | None, *, as_json: bool) -> int:
    """Show what waits for me, since when, and until when; without --key or --as, for everybody.

    Exit codes: 0 nothing waits, 5 something does, 6 records that runs build on are erased: more or less may wait.
    """
    source = read_source(chosen_project(project_dir))
    who = _who(source, key, person)
    items = [item for item in inbox(source) if who is None or who in item.people]
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(item) for item in items], indent=2))
    else:
        _show(source, items, who)
    show_gaps(source.state, err=as_json)
    return int(code_with(source.state, ExitCode.WAITING if items else ExitCode.OK))


def _who(source: Source, key: Path | None, person: str | None) -> str | None:
    if key is not None:
        return key_owner(file.load(source.project), signing_key(key), person, key).id
    if person is not None and (source.trust is None or source.trust.person(person) is None):
        people = ", ".join(f"`{item.id}`" for item in source.trust.current.people) if source.trust else "no trust root"
        raise Failure("nobody of that name", f"`{inert(person)}` is not in the trust root, which has {people}.")
    return person


def _show(source: Source, items: list[Item], who: str | None) -> None:
    head = source.ir.lifecycle
    name = f"{click.style(inert(head.name), bold=True)} {inert(head.version)}, iteration {source.state.iteration}"
    waits = f"{len(items)} thing{'s wait' if len(items) != 1 else ' waits'}" if items else "nothing waits"
    click.echo(f"{name}: {waits} for {who or 'people'}")
    for item in items:
        click.echo(f"\n{click.style(_VERBS[item.kind], bold=True)} {inert(item.name)}: {inert(item.why)}")
        if item.since:
            click.echo(f"  since   {item.since} ({ago(item.since, source.now)} ago)")
        if item.until:
            left = ago(item.until, source.now)
            over = parse_time(item.until) < source.now
            click.echo(f"  until   {item.until} ({f'{left} ago' if over else f'in {left}'})")
        asked = f"{item.role}: " if item.role else ""
        click.echo(f"  whom    {inert(asked)}{', '.join(item.people) or 'nobody who could act now'}")
        if item.kind == "approve":
            click.echo(f"  read    charter review {item.name}")
        if item.command:
            click.echo(f"  act     {item.command}")
