"""`charter status`: where the lifecycle stands, from the ledger alone."""

import json
from pathlib import Path

import click

from charter.compiler.ir import IR
from charter.runtime.assess import Assessment, Basis, as_it_ended, assess_all
from charter.runtime.cli.conclusion import show_loose_ends, standing_json
from charter.runtime.cli.gaps import gaps_json, show_gaps
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.conclude import conclude
from charter.runtime.erased import code_with
from charter.runtime.failure import ExitCode
from charter.runtime.people import signed_under, standing_still
from charter.runtime.result_key import lock_digest
from charter.runtime.session import dead_deployments, ledger_time, recorded_ir, recorded_state
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore


@click.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(project_dir: Path | None, as_json: bool) -> None:
    """Show where the lifecycle stands: what is live, who is waited for, what was alerted.

    Exit codes as of the run that left it so: 0 done, 1 denied or failed, 5 waiting. 6 instead of 0 and 5: records that
    runs build on are erased, so less can be concluded.
    """
    project = chosen_project(project_dir)
    state = recorded_state(project)
    ir = recorded_ir(project, state)
    dead = dead_deployments(state)
    store, trust = ArtifactStore(project.store), signed_under(project, state)
    basis = Basis(ir, state, store, ledger_time(state), lock_digest(project.root), dead, trust)
    standing = {name: as_it_ended(item, state) for name, item in assess_all(basis).items()}
    conclusion = conclude(ir, state, standing)
    still = standing_still(project, state, ledger_time(state))
    code = code_with(state, ExitCode.DENIED if still else conclusion.code)
    if as_json:
        click.echo(json.dumps(_document(ir, state, standing, dead, code) | {"halted": still}, indent=2))
    else:
        _show(ir, state, standing, dead)
        if still:
            click.echo(f"  {click.style('halted', fg='red')}   {inert(still)}")
        show_loose_ends(conclusion)
        show_gaps(state)
        click.echo(f"{code.name.lower()} (exit {int(code)})")
    raise SystemExit(int(code))


def _document(
    ir: IR, state: State, standing: dict[str, Assessment], dead: frozenset[str], code: ExitCode
) -> dict[str, object]:
    return {
        "lifecycle": ir.lifecycle.name,
        "version": ir.lifecycle.version,
        "iteration": state.iteration,
        "outcome": code.name.lower(),
        "runs": len(state.runs),
        "open_run": _open_run(state),
        "servers": {
            stage: {"address": servers[-1].get("address"), "answers": stage.partition("/")[2] not in dead}
            for stage, servers in state.servers.items()
            if servers
        },
        "stages": standing_json(standing),
        "alerts": [
            {"time": time, "control": body.control, "reaction": body.reaction, "to": body.to, "outcome": body.outcome}
            for _, time, body in state.reactions
        ],
        "erased": gaps_json(state),
    }


def _open_run(state: State) -> str | None:
    """The latest run, if it never closed: it runs now, or was killed."""
    last = state.runs[-1].run
    return None if last in state.closed else last


def _show(ir: IR, state: State, standing: dict[str, Assessment], dead: frozenset[str]) -> None:
    click.echo(
        f"{click.style(ir.lifecycle.name, bold=True)} {inert(ir.lifecycle.version)}, iteration {state.iteration}, "
        f"{len(state.runs)} runs, {state.size} records until {state.last_time}"
    )
    if (name := _open_run(state)) is not None:
        click.echo(f"  the latest run, {name}, has not closed: it runs now, or it was killed and `charter run` goes on")
    for item in standing.values():
        click.echo(f"  {item.status:<8} {item.stage.id:<34} {inert(item.why)}")
    for stage, servers in state.servers.items():
        for server in servers[-1:]:
            gone, there = ("is gone or altered", "is intact") if "file" in server else ("does not answer", "answers")
            state_of_it = gone if stage.partition("/")[2] in dead else there
            click.echo(f"  live     {stage} at {inert(server.get('address'))}, which {state_of_it}")
    for _, time, body in state.reactions:
        to = f" {body.to}" if body.to else ""
        click.echo(
            f"  alert    {time[:16]} {inert(body.control)} breached: {body.reaction}{inert(to)}; {inert(body.outcome)}"
        )
