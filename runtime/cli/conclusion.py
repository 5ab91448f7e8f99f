"""How a run ended, for people and for tools."""

import json
from collections.abc import Mapping
from typing import Any

import click

from charter.compiler.ir import IR
from charter.compiler.not_run import is_refused
from charter.runtime.assess import Assessment, Status
from charter.runtime.cli.inert import inert
from charter.runtime.conclude import Conclusion
from charter.runtime.failure import ExitCode

_HEADLINES = {
    ExitCode.OK: ("green", "done", "every stage is finished and every gate allowed it"),
    ExitCode.DENIED: ("red", "denied", "at least one gate said no, or a stage failed; nothing after it ran"),
    ExitCode.WAITING: ("yellow", "waiting", "nothing more can happen until what is named below"),
    ExitCode.ENVIRONMENT: ("red", "undecided", "the policy engine failed, and what is not decided is denied"),
    ExitCode.WRONG_INPUT: ("red", "nothing to do", "the charter has no stages"),
}

_LIVED_WITH = ("under the waiver", "glass was broken")


def show_conclusion(ir: IR, conclusion: Conclusion) -> None:
    """Print the end of a run."""
    color, word, meaning = _HEADLINES[conclusion.code]
    click.echo()
    click.echo(
        f"{click.style(word, fg=color, bold=True)}: {_retired(conclusion) or meaning} (exit {int(conclusion.code)})"
    )
    for assessment in conclusion.standing.values():
        if assessment.status in {Status.DENIED, Status.FAILED, Status.WAITING}:
            click.echo(f"  {assessment.status:<8} {assessment.stage.id}: {inert(assessment.why)}")
    for assessment in conclusion.standing.values():
        if assessment.status is Status.DONE and any(word in assessment.why for word in _LIVED_WITH):
            click.echo(f"  {click.style('waived', fg='yellow')}   {assessment.stage.id}: {inert(assessment.why)}")
    for assessment in conclusion.standing.values():
        if assessment.until is not None:
            click.echo(f"  next     {assessment.stage.id}: due {assessment.until:%Y-%m-%d %H:%M} UTC")
    show_loose_ends(conclusion)
    click.echo(f"  recorded in the ledger: {conclusion.records} records, iteration {conclusion.iteration}")
    for line in _hints(ir, conclusion):
        click.echo(f"  {line}")


def not_run_yet(ir: IR) -> list[str]:
    """Ids of the stages that are compiled and that this version refuses to run."""
    return [stage.id for stage in ir.stages if is_refused(stage.callable)]


def show_not_run_yet(ir: IR) -> None:
    """Say by name where a run will stop because this version can go no further."""
    for stage in ir.stages:
        if is_refused(stage.callable):
            warn = click.style("not run yet", fg="yellow")
            why = ", ".join(map(str, stage.spec.get("not_run", ())))
            click.echo(f"  {warn}: {inert(stage.id)}, which asks for {inert(why)}; a run stops there")


def show_loose_ends(conclusion: Conclusion) -> None:
    """What no stage's line tells: servers that nobody governs, and data that is still to be erased."""
    for name in conclusion.ungoverned:
        click.echo(
            f"  {click.style('ungoverned', fg='red')} {inert(name)} still serves, and the charter has no such "
            "deployment: put it back with a retirement"
        )
    for dataset, due in conclusion.erasures:
        click.echo(f"  erasure  {dataset}: due {due:%Y-%m-%d} (a later `charter run` does it)")


def _retired(conclusion: Conclusion) -> str | None:
    for assessment in conclusion.standing.values():
        if assessment.stage.kind == "retire" and assessment.status is Status.DONE:
            return f"`{assessment.stage.name}` is retired, its server stopped and its records archived"
    return None


def _hints(ir: IR, conclusion: Conclusion) -> list[str]:
    waiting = [
        item for item in conclusion.standing.values() if item.status is Status.WAITING and item.stage.kind == "approve"
    ]
    hints = [f"to sign:  charter approve {item.stage.name} --key YOUR.key" for item in waiting]
    if any(item.status is Status.DENIED for item in conclusion.standing.values()):
        hints.append("to see each decision with its evidence:  charter report, or charter audit log --denied")
    return hints


def as_json(ir: IR, conclusion: Conclusion) -> str:
    """The conclusion for tools."""
    return json.dumps(
        {
            "lifecycle": ir.lifecycle.name,
            "version": ir.lifecycle.version,
            "outcome": conclusion.code.name.lower(),
            "exit_code": int(conclusion.code),
            "iteration": conclusion.iteration,
            "records": conclusion.records,
            "stages": standing_json(conclusion.standing),
            "erasures": [{"dataset": name, "due": due.isoformat()} for name, due in conclusion.erasures],
            "ungoverned": list(conclusion.ungoverned),
        },
        indent=2,
    )


def standing_json(standing: Mapping[str, Assessment]) -> list[dict[str, Any]]:
    """Where each stage stands, in the graph's order."""
    return [
        {
            "stage": item.stage.id,
            "status": str(item.status),
            "why": item.why,
            "key": item.key,
            "due": item.until.isoformat() if item.until else None,
        }
        for item in standing.values()
    ]
