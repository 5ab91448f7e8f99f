"""`charter run`: do what is due, and say how it ended."""

import os
import sys
from pathlib import Path

import click

from charter.compiler.ir import IR, Approval
from charter.runtime.cli.conclusion import as_json, show_conclusion, show_not_run_yet
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import charter_file, engine_options, overrides, set_option
from charter.runtime.cli.progress import Progress
from charter.runtime.cli.signed import show_signatures
from charter.runtime.cli.signing import signing_key
from charter.runtime.conduct import conduct, default_jobs
from charter.runtime.project import Project, find_charter
from charter.runtime.session import Actor, authenticated_actor, claimed_actor, compiled, project_of
from charter.runtime.workers.local import LocalExecutor


@click.command()
@charter_file
@set_option
@click.option("--jobs", type=click.IntRange(1, 256), help="Stages at a time.  [default: CPUs]")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="Your private key: shows who runs this. What a run without it trains was trained by nobody known, and an "
    "approval that excludes the trainer then denies.",
)
@engine_options
@click.option("--json", "as_json_", is_flag=True, help="Print the conclusion as JSON.")
def run(
    file: str | None,
    set_: tuple[str, ...],
    jobs: int | None,
    key: Path | None,
    engine: str | None,
    opa_url: str | None,
    opa_ca: Path | None,
    as_json_: bool,
) -> None:
    """Do what is due in FILE's lifecycle, then stop and say what it waits for.

    Every transition is decided by OPA and recorded before it happens. What is finished is not done again.
    FILE may be left out where there is one charter; it may also be a compiled IR (.json).
    """
    from charter.runtime.gates.choose import open_engine

    path = find_charter(file)
    project = project_of(path)
    actor = authenticated_actor(project, signing_key(key).public, key) if key else claimed_actor()
    count = jobs or default_jobs()
    executor = LocalExecutor(count)
    try:
        # Workers warm up while the charter compiles; most of them want nothing preloaded.
        executor.expect(["plain"])
        ir = compiled(path, overrides(set_))
        with open_engine(engine, url=opa_url, ca=opa_ca) as policy_engine:
            progress = Progress(len(ir.stages), quiet=as_json_)
            if not as_json_:
                _headline(ir, project, actor, policy_engine.name)
                show_signatures(path, ir)
                _warnings(ir, actor, set_)
                show_not_run_yet(ir)
            with progress.shown():
                conclusion = conduct(
                    ir,
                    project,
                    engine=policy_engine,
                    executor=executor,
                    observer=progress,
                    actor=actor,
                    threads=max(1, default_jobs() // count),
                    overrides=overrides(set_),
                )
    finally:
        executor.close()
    if as_json_:
        click.echo(as_json(ir, conclusion))
    else:
        show_conclusion(ir, conclusion)
    sys.stdout.flush()
    raise SystemExit(int(conclusion.code))


def _headline(ir: IR, project: Project, actor: Actor, engine: str) -> None:
    who = actor.name if actor.key else f"{actor.name} (nobody was authenticated)"
    click.echo(
        f"{click.style(ir.lifecycle.name, bold=True)} {inert(ir.lifecycle.version)} in {os.path.relpath(project.root)}"
    )
    click.echo(f"  {len(ir.stages)} stages, policies {ir.bundle.digest[7:19]}, decided by {engine}, run by {who}")


def _warnings(ir: IR, actor: Actor, set_: tuple[str, ...]) -> None:
    """What should be known before the work begins."""
    warn = click.style("warning", fg="yellow")
    for item in set_:
        click.echo(f"  {warn}: {inert(item)} is set on the command line, not in the charter; it is recorded")
    if actor.key is not None:
        return
    for word, done in (
        ("trainer", "trained what this run trains"),
        ("author", "changed the charter, if this run is new"),
    ):
        wanted = [item.id for item in ir.controls if isinstance(item, Approval) and word in item.excluding]
        if wanted:
            click.echo(
                f"  {warn}: without `--key` nobody is known to have {done}, and `{wanted[0]}` excludes the {word}: it "
                "will be denied"
            )
