"""`charter halt`: stop every further effect of a lifecycle at once."""

from pathlib import Path

import click

from charter.runtime.cli.act import record_act, signer_of
from charter.runtime.cli.emergency import check_lifecycle, check_reason, conclude, servers_of, stop_servers
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.source import Source, read_source
from charter.runtime.trust.acts import Act


@click.command()
@click.argument("lifecycle")
@click.option(
    "--stop-servers", "stopping", is_flag=True, help="Also stop what is being served; a later run puts it back."
)
@statement_options
@project_option
def halt(
    lifecycle: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    stopping: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Halt LIFECYCLE: nothing is deployed, rolled on or back, retrained, retired or erased any more.

    Anybody in the trust root may. A run in progress stops at its next gate, before anything that the gate allowed
    happens. It goes on only when a quorum of the trust root's administrators has signed `charter resume`.
    """
    source = read_source(chosen_project(project_dir))
    check_lifecycle(source, lifecycle)
    check_reason(comment)
    signer = signer_of(source, key, person, comment)
    act = _act(source, comment, stopping=stopping)
    live = servers_of(source)
    if not as_json:
        click.echo(f"{click.style(inert(lifecycle), bold=True)}: {inert(comment)}")
        for stage, address in live:
            after = "is stopped" if stopping else "goes on serving: `--stop-servers` stops it, too"
            click.echo(f"  {stage} at {inert(address)} {after}")
    confirm(f"Halt `{lifecycle}` as {signer.person.name} <{signer.person.id}>?", yes=yes, as_json=as_json)
    # Whatever happens beside it, a halt is a halt: it is about the lifecycle and not about what was shown.
    body = record_act(source, act, signer, lambda _: act)
    stopped, failures = stop_servers(source) if stopping else ((), ())
    quorum = signer.trust.current.administrators.quorum
    conclude(
        body,
        {"stopped": list(stopped), "administrators_to_resume": quorum},
        f"halted `{lifecycle}`; it takes {quorum} of the trust root's administrators to resume it",
        as_json=as_json,
    )
    if failures:
        raise Failure(
            failures[0].summary,
            " ".join(failure.detail for failure in failures) + " The halt itself is recorded.",
            exit_code=ExitCode.ENVIRONMENT,
        )


def _act(source: Source, comment: str, *, stopping: bool) -> Act:
    addresses = [address for _, address in servers_of(source)] if stopping else []
    about = {"lifecycle": source.ir.lifecycle.name, "stop_servers": addresses}
    return Act("halt", source.ir.lifecycle.name, about, comment=comment)
