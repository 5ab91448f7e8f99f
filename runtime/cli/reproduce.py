"""`charter reproduce`: measure again what a run measured, and sign that it came out the same."""

from pathlib import Path

import click

from charter.compiler.canonical import digest_of
from charter.runtime.again import TOLERANCE, Compared, measurable, measure_again
from charter.runtime.cli.act import record_act, refuse_own, signer_of
from charter.runtime.cli.emergency import conclude
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.controls import measured_view
from charter.runtime.report.source import Source, whole_source
from charter.runtime.trust.acts import Act
from charter.runtime.trust.attestations import own_work
from charter.runtime.workers.local import LocalExecutor


@click.command()
@click.argument("stage", metavar="STAGE")
@statement_options
@project_option
def reproduce(
    stage: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Do STAGE (such as `evaluate/holdout`) again on the same inputs, and sign that it measured the same.

    The grade of its evidence is `reproduced` from then on: for exactly these values of exactly this result. Whoever
    opened the run that measured it, or that trained its model, cannot. Exit code 1 when anything comes out otherwise;
    nothing is signed then.
    """
    source = whole_source(chosen_project(project_dir))
    signer = signer_of(source, key, person, comment)
    wanted, result = measurable(source, stage)
    refuse_own(
        own_work(source.ir, signer.person.id, result.body.key, source.state, signer.trust),
        f"`{signer.person.id}` cannot reproduce `{stage}`: {{}}.",
    )
    executor = LocalExecutor(1)
    try:
        compared = measure_again(source, wanted, result, executor)
    finally:
        executor.close()
    if not as_json:
        _show(stage, compared)
    different = [item for item in compared if not item.same]
    if different or not compared:
        raise Failure(
            "not reproduced",
            f"{len(different)} of {len(compared)} measurements of `{stage}` came out otherwise, so nothing was signed. "
            "Find out what differs: the machine, the libraries, or the files.",
            exit_code=ExitCode.DENIED,
        )
    act = _act(source, stage, comment)
    confirm(
        f"Sign that you measured this again, as {signer.person.name} <{signer.person.id}>?", yes=yes, as_json=as_json
    )
    body = record_act(source, act, signer, lambda now: _act(now, stage, comment))
    conclude(
        body,
        {"records": len(compared)},
        f"reproduced `{stage}`; the next `charter run` asks again where it was denied for its grade",
        as_json=as_json,
    )


def _show(stage: str, compared: tuple[Compared, ...]) -> None:
    click.echo(f"{click.style(inert(stage), bold=True)}, measured again:")
    for item in compared:
        view = measured_view(item.recorded)
        now = "nothing of the kind" if item.again is None else measured_view(item.again).exact
        mark = click.style("same", fg="green") if item.same else click.style(f"now {inert(now)}", fg="red")
        click.echo(f"  {inert(view.label)} = {inert(view.exact)}  {mark}")


def _act(source: Source, stage: str, comment: str) -> Act:
    _, result = measurable(source, stage)
    about = {
        "lifecycle": source.ir.lifecycle.name,
        "stage": result.body.stage,
        "key": result.body.key,
        "records": [digest_of(record) for record in result.body.evidence],
        "tolerance": repr(TOLERANCE),
    }
    return Act("reproduce", stage, about, "", comment)
