"""`charter why`: why a gate is closed, and the smallest sets of evidence or signatures that would open it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from charter.runtime.cli.gaps import show_gaps
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, engine_options, project_option
from charter.runtime.erased import code_with
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gates.choose import open_engine
from charter.runtime.gates.engine import EngineFailure
from charter.runtime.report.source import read_source
from charter.runtime.why.explain import Why, resolve, why
from charter.runtime.why.moves import Move
from charter.runtime.why.search import Found

_COLORS = {"open": "green", "denied": "red", "waiting": "yellow", "not known": "yellow"}


@click.command("why")
@click.argument("target", metavar="STAGE|GATE")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@engine_options
@project_option
def why_(
    target: str,
    engine: str | None,
    opa_url: str | None,
    opa_ca: Path | None,
    project_dir: Path | None,
    *,
    as_json: bool,
) -> int:
    """Say why a gate is closed, and the smallest sets of evidence or signatures that would turn it green.

    Every set was put to the policy engine, which allowed it. For the charter's own controls the sets are exact; for
    rules that other people wrote they come from a bounded search, and that is said. Changes nothing.

    Exit codes: 0 open, 1 denied, 5 waiting for somebody or something, 6 not known: records that runs build on are
    erased.
    """
    source = read_source(chosen_project(project_dir))
    gates = resolve(source.ir, target)
    with open_engine(engine, url=opa_url, ca=opa_ca) as opened:
        try:
            opened.load(source.ir.bundle)
        except EngineFailure as failure:
            raise Failure(
                "the policy engine cannot load the policies", f"{failure.message}.", exit_code=ExitCode.ENVIRONMENT
            ) from failure
        told = [why(source, gate, opened) for gate in gates]
        by = f"{opened.name} {opened.version}"
    closed = [item for item in told if item.word != "open"]
    if as_json:
        click.echo(json.dumps([_document(item) for item in told], indent=2, default=str))
    else:
        for item in told if not closed else closed[:1]:
            _show(item, by)
    show_gaps(source.state, err=as_json)
    words = {"": ExitCode.OK, "denied": ExitCode.DENIED}
    return int(code_with(source.state, words.get(closed[0].word if closed else "", ExitCode.WAITING)))


def _show(item: Why, by: str) -> None:
    record = f" (record {item.seq})" if item.seq is not None else ""
    word = click.style(item.word, fg=_COLORS.get(item.word), bold=True)
    click.echo(f"{click.style(item.gate, bold=True)} is {word}{record}: {inert(item.said)}")
    for violation in item.violations:
        click.echo(f"  {click.style('✗', fg='red')} {inert(violation['message'])}  {_about(violation)}")
    if item.found is not None:
        _show_found(item.found, by)
    elif item.violations:
        click.echo("nothing was searched that could turn it green: no policy decided this, so mend what is named above")


def _about(violation: Mapping[str, Any]) -> str:
    clauses = ", ".join(violation.get("clauses") or ())
    return inert(f"[{violation['control']}, {violation['severity']}{', serves ' + clauses if clauses else ''}]")


def _show_found(found: Found, by: str) -> None:
    for number, moves in enumerate(found.sets, 1):
        head = "what would turn it green" if number == 1 else "or"
        click.echo(f"\n{click.style(head, bold=True)}")
        for move in moves:
            _show_move(move)
    if not found.sets:
        head = (
            "nothing was found that turns it green; the search was bounded"
            if _bounded(found)
            else "nothing that is measured or signed turns it green"
        )
        click.echo(f"\n{click.style(head, bold=True)}")
    for violation in found.stuck if not found.sets else ():
        severity = "it is absolute, so nobody can waive it" if violation.get("severity") == "absolute" else "none found"
        remedy = violation.get("remedy") or "change what the message names"
        click.echo(f"  {inert(violation['message'])}: {severity}; what helps is to {inert(remedy)}")
    click.echo(f"\n{_how(found, by)}")


def _show_move(move: Move) -> None:
    click.echo(f"  + {inert(move.what)}")
    click.echo(f"      serves {inert(', '.join(move.serves))}")
    if move.people or move.command.startswith(("charter approve", "charter waive")):
        click.echo(f"      who    {', '.join(move.people) or 'nobody who could act now: see `charter trust show`'}")
    if move.command:
        click.echo(f"      act    {move.command}")


def _how(found: Found, by: str) -> str:
    asked = f"{by} was asked {found.trials} times"
    if found.guessed or (not found.sets and found.stuck and _searched(found)):
        return (
            f"searched, not proved: a rule that other people wrote is involved; {asked}, with at most two changes to "
            "its evidence at a time, and there may be other ways"
        )
    if not found.exhausted:
        return f"{asked}, and the search was stopped there: there may be other ways"
    return f"exact: these are all the smallest sets for the charter's own controls; {asked} and allowed each of them"


def _bounded(found: Found) -> bool:
    """Whether there may be ways that were not tried."""
    return found.guessed or not found.exhausted or _searched(found)


def _searched(found: Found) -> bool:
    return any(item.get("code") in {"rule_not_met", "policy_denied"} for item in found.stuck)


def _document(item: Why) -> dict[str, Any]:
    found = item.found
    return {
        "gate": item.gate,
        "status": item.word,
        "said": item.said,
        "record": item.seq,
        "violations": list(item.violations),
        "sets": [
            [
                {
                    "what": move.what,
                    "control": move.control,
                    "serves": list(move.serves),
                    "people": list(move.people),
                    "command": move.command,
                }
                for move in moves
            ]
            for moves in (found.sets if found else ())
        ],
        "exact": found is not None and not _bounded(found),
        "asked": found.trials if found else 0,
    }
