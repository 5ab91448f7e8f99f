"""`charter plan`: what would run, what is up to date and why, and which gates are open. Changes nothing."""

import json

import click

from charter.compiler.ir import IR
from charter.runtime.assess import Assessment, Basis, Status, assess_all
from charter.runtime.cli.conclusion import not_run_yet, show_not_run_yet, standing_json
from charter.runtime.cli.gaps import gaps_json, show_gaps
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import charter_file, overrides, set_option
from charter.runtime.cli.signed import show_signatures
from charter.runtime.erased import code_with
from charter.runtime.failure import ExitCode
from charter.runtime.people import signed_under, standing_still
from charter.runtime.project import find_charter
from charter.runtime.result_key import lock_digest
from charter.runtime.session import compiled, dead_deployments, ledger_time, project_of, recorded_state
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore

_WORDS = {
    Status.DONE: ("up to date", "green"),
    Status.RUN: ("run", "cyan"),
    Status.DECIDE: ("decide", "cyan"),
    Status.DENIED: ("ask again", "red"),
    Status.WAITING: ("waits", "yellow"),
    Status.LATER: ("later", "yellow"),
    Status.BLOCKED: ("after", None),
    Status.FAILED: ("run", "cyan"),
}


@click.command()
@charter_file
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(file: str | None, set_: tuple[str, ...], as_json: bool) -> None:
    """Show what `charter run` would do with FILE now, and why. Nothing is run, asked or recorded.

    Exit code 0: there is something to do, or all is done; 5: only people or time can move it on; 6: records that runs
    build on are erased, so `charter run` does nothing.
    """
    path = find_charter(file)
    ir = compiled(path, overrides(set_))
    project = project_of(path)
    state = recorded_state(project)
    state.iteration = state.iteration or 1
    basis = Basis(
        ir,
        state,
        ArtifactStore(project.store),
        ledger_time(state),
        lock_digest(project.root),
        dead_deployments(state),
        signed_under(project, state),
        hopeful=True,
    )
    standing = assess_all(basis)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "lifecycle": ir.lifecycle.name,
                    "ir": ir.digest,
                    "stages": standing_json(standing),
                    "not_run_yet": not_run_yet(ir),
                    "erased": gaps_json(state),
                },
                indent=2,
            )
        )
    else:
        _show(ir, state, standing)
        show_signatures(path, ir)
        if still := standing_still(project, state, ledger_time(state)):
            click.echo(f"  {click.style('halted', fg='red')}: {inert(still)}")
        show_gaps(state)
    due = {Status.RUN, Status.DECIDE, Status.DENIED, Status.FAILED}
    statuses = {item.status for item in standing.values()}
    idle = not statuses & due and statuses != {Status.DONE}
    raise SystemExit(int(code_with(state, ExitCode.WAITING if idle else ExitCode.OK)))


def _show(ir: IR, state: State, standing: dict[str, Assessment]) -> None:
    click.echo(
        f"{click.style(ir.lifecycle.name, bold=True)} {inert(ir.lifecycle.version)}, iteration {state.iteration}"
    )
    for item in standing.values():
        word, color = _WORDS[item.status]
        entry, exit_ = _gates(ir, state, item)
        mark = click.style(f"{word:<10}", fg=color)
        click.echo(f"  {mark} {item.stage.id:<34} {entry} {exit_}  {inert(item.why)}")
    counts: dict[str, int] = {}
    for item in standing.values():
        counts[_WORDS[item.status][0]] = counts.get(_WORDS[item.status][0], 0) + 1
    click.echo("  " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    click.echo("  gates, entry then exit: ● open  ○ undecided  ✗ closed")
    show_not_run_yet(ir)


def _gates(ir: IR, state: State, item: Assessment) -> tuple[str, str]:
    known = state.stages.get((state.iteration, item.stage.id))
    marks = []
    for point in ("entry", "exit"):
        decided = getattr(known, point) if known else None
        key = item.key or (decided.body.key if decided else "")
        if decided is None or decided.body.key != key or decided.body.bundle != ir.bundle.digest or item.key is None:
            marks.append("○")
        else:
            marks.append(click.style("●", fg="green") if decided.body.allow else click.style("✗", fg="red"))
    return marks[0], marks[1]
