"""`charter close-review`: somebody else closes the review of broken glass."""

from pathlib import Path

import click

from charter.runtime.cli.act import record_act, signer_of
from charter.runtime.cli.emergency import check_reason, conclude
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.source import Source, whole_source
from charter.runtime.trust.acts import Act
from charter.runtime.trust.emergencies import Glass, broken_glass
from charter.runtime.why.explain import resolve


@click.command("close-review")
@click.argument("gate")
@statement_options
@project_option
def close_review(
    gate: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Close the review of the glass that was broken at GATE, with your conclusion as --comment.

    Anybody in the trust root may who did not break it. The exception counts no more from then on: what it let pass
    stays as it is, and the next time the gate is asked it needs what the charter asks for.
    """
    source = whole_source(chosen_project(project_dir))
    check_reason(comment)
    signer = signer_of(source, key, person, comment)
    glass = _open(source, gate)
    gate = glass.gate
    if glass.record.body.person == signer.person.id:
        raise Failure(
            "duties are separated",
            f"`{signer.person.id}` broke the glass at `{gate}`; somebody else must review that.",
            exit_code=ExitCode.DENIED,
        )
    if not as_json:
        body = glass.record.body
        said = f"{body.person} broke the glass at {glass.record.time[:19]}Z (record {glass.record.seq}): {body.comment}"
        click.echo(f"{click.style(gate, bold=True)}: {inert(said)}")
        click.echo(f"  your conclusion: {inert(comment)}")
    question = f"Close the review of `{gate}` as {signer.person.name} <{signer.person.id}>?"
    confirm(question, yes=yes, as_json=as_json)
    signed = record_act(source, _act(source, glass, comment), signer, lambda now: _act(now, _open(now, gate), comment))
    conclude(signed, {"gate": gate}, f"the review of `{gate}` is closed", as_json=as_json)


def _open(source: Source, gate: str) -> Glass:
    """The oldest open review there; of a gate that the charter no longer has, by the gate's whole name."""
    still = [glass for glass in broken_glass(source.acts, source.trust) if glass.closed is None]
    gates = {gate} if any(glass.gate == gate for glass in still) else {item.id for item in resolve(source.ir, gate)}
    for glass in still:
        if glass.gate in gates:
            return glass
    raise Failure("no open review", f"no glass is broken at `{gate}`, or its review is closed.")


def _act(source: Source, glass: Glass, comment: str) -> Act:
    about = {"lifecycle": source.ir.lifecycle.name, "gate": glass.gate, "of": glass.record.body.statement}
    return Act("close-review", glass.gate, about, comment=comment)
