"""`charter resume`: let a halted lifecycle go on, when a quorum of administrators agrees."""

from pathlib import Path

import click

from charter.runtime.cli.act import record_act, signer_of
from charter.runtime.cli.emergency import check_administrator, check_lifecycle, check_reason, conclude
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import Failure
from charter.runtime.report.source import Source, whole_source
from charter.runtime.trust.acts import Act
from charter.runtime.trust.emergencies import halts


@click.command()
@click.argument("lifecycle")
@statement_options
@project_option
def resume(
    lifecycle: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Sign that LIFECYCLE may go on after a halt.

    It takes as many administrators of the trust root as a change of the trust root does: who writes the charter, or
    runs it, cannot lift a halt. What was decided before it and has not happened is made up for by the next run.
    """
    source = whole_source(chosen_project(project_dir))
    check_lifecycle(source, lifecycle)
    check_reason(comment)
    signer = signer_of(source, key, person, comment)
    check_administrator(signer, "resuming")
    standing = halts(source.acts, signer.trust)
    if not standing:
        raise Failure("not halted", f"nobody has halted `{lifecycle}`, so there is nothing to resume.")
    if all(signer.person.id in item.resumed_by for item in standing):
        raise Failure("already signed", f"`{signer.person.id}` has signed to resume `{lifecycle}`.")
    if not as_json:
        for item in standing:
            body = item.record.body
            said = f"halted by {body.person} at {item.record.time[:19]}Z (record {item.record.seq}): {body.comment}"
            click.echo(f"  {inert(said)}")
    question = f"Resume `{lifecycle}` as {signer.person.name} <{signer.person.id}>?"
    confirm(question, yes=yes, as_json=as_json)
    body = record_act(source, _act(source, comment), signer, lambda now: _act(now, comment))
    left = halts(whole_source(source.project).acts, signer.trust)
    missing = max((item.missing for item in left), default=0)
    after = f"{missing} more of the administrators must sign" if missing else "`charter run` goes on"
    conclude(body, {"signatures_missing": missing}, f"signed to resume `{lifecycle}`: {after}", as_json=as_json)


def _act(source: Source, comment: str) -> Act:
    """About exactly the halts that stand: one that comes later is not lifted by it."""
    standing = [item.record.body.statement for item in halts(source.acts, source.trust)]
    about = {"lifecycle": source.ir.lifecycle.name, "halts": standing}
    return Act("resume", source.ir.lifecycle.name, about, comment=comment)
