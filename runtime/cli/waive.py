"""`charter waive`: sign a waiver that the charter asks for, or take one's signature back."""

import difflib
import json
from pathlib import Path

import click

from charter.compiler.ir import IR, Waiver
from charter.runtime.cli.act import Signer, demand_role, record_act, refuse_own, signer_of
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.packet import show_control
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.numbers import listed
from charter.runtime.report.packet import control_in
from charter.runtime.report.source import Source, whole_source
from charter.runtime.trust.acts import Act
from charter.runtime.trust.waivers import WaiverVerdict, barred, bars, waived_control, waiver_about


@click.command()
@click.argument("name")
@click.option("--withdraw", is_flag=True, help="Take your own signature under this waiver back.")
@statement_options
@project_option
def waive(
    name: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    withdraw: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Sign the waiver NAME, which the charter asks for.

    Shows what would be lived with, why, and until when. The signature is good for that one control with that
    bound, that subject and that day; a change of any of them voids it. The gate then warns instead of denying,
    and names the waiver; it does so in no other place, and never for what is `absolute`.
    """
    source = whole_source(chosen_project(project_dir))
    waiver = _waiver(source.ir, name)
    signer = signer_of(source, key, person, comment)
    demand_role(signer, waiver.role, f"`{waiver.name}`")
    verdict = source.waiver_verdict(waiver)
    _check(source, verdict, signer, withdraw=withdraw)
    act = _act(source, waiver, comment, withdraw=withdraw)
    if not as_json:
        _show(source, verdict)
    verb = "Take back your signature under" if withdraw else "Sign"
    confirm(f"{verb} `{waiver.name}` as {signer.person.name} <{signer.person.id}>?", yes=yes, as_json=as_json)
    body = record_act(source, act, signer, lambda now: _act(now, _waiver(now.ir, name), comment, withdraw=withdraw))
    after = whole_source(source.project).waiver_verdict(waiver)
    if as_json:
        document = {
            "act": body.act,
            "waiver": waiver.name,
            "control": waiver.control,
            "until": waiver.until,
            "person": body.person,
            "key": body.key,
            "statement": body.statement,
            "signatures_missing": after.missing,
            "in_force": after.in_force,
        }
        click.echo(json.dumps(document, indent=2))
        return
    done = "taken back:" if withdraw else "signed"
    click.echo(
        f"{click.style(done, bold=True)} `{waiver.name}` as {body.person}; recorded as {body.statement[:19]}…\n"
        f"  it is {after.standing}; the next `charter run` asks `{waived_control(source.ir, waiver).gate}` again"
    )


def _waiver(ir: IR, name: str) -> Waiver:
    waivers = {waiver.name: waiver for waiver in ir.waivers}
    if name in waivers:
        return waivers[name]
    if not waivers:
        raise Failure(
            "no such waiver",
            f"the charter `{ir.lifecycle.name}` asks for no waiver. Write a `waiver` block, and `charter run` once.",
        )
    near = difflib.get_close_matches(name, waivers, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"It asks for {', '.join(f'`{item}`' for item in waivers)}."
    raise Failure("no such waiver", f"the charter `{ir.lifecycle.name}` asks for no waiver `{name}`. {hint}")


def _act(source: Source, waiver: Waiver, comment: str, *, withdraw: bool) -> Act:
    return Act("withdraw" if withdraw else "waive", waiver.name, waiver_about(source.ir, waiver), waiver.role, comment)


def _check(source: Source, verdict: WaiverVerdict, signer: Signer, *, withdraw: bool) -> None:
    waiver, person = verdict.waiver, signer.person.id
    signed = next((act for act in verdict.granted if act.person == person), None)
    if withdraw:
        if signed is None:
            raise Failure("nothing to take back", f"no signature of `{person}` under `{waiver.name}` counts.")
        return
    if verdict.lapsed:
        raise Failure(
            "the waiver has lapsed",
            f"`{waiver.name}` was good until {waiver.until}, and that day is over. Mend what it was for, or change "
            "the day in the charter and have it signed again.",
            exit_code=ExitCode.DENIED,
        )
    if signed is not None:
        raise Failure(
            "already signed",
            f"`{person}` signed `{waiver.name}` (record {signed.seq}), and it counts. There is nothing more to sign.",
        )
    control = waived_control(source.ir, waiver)
    if getattr(control, "enforce", "absolute") == "absolute":
        raise Failure(
            "cannot be waived",
            f"`{control.id}` is `absolute`: nobody can waive it, for no reason.",
            exit_code=ExitCode.DENIED,
        )
    refuse_own(
        barred(person, bars(source.ir, waiver, source.state, signer.trust)),
        f"`{person}` cannot waive `{control.id}`: {{}}. Somebody else of `{waiver.role}` must sign; the owner must be "
        "a person of the trust root, and models must be trained with `charter run --key YOUR.key`.",
    )


def _show(source: Source, verdict: WaiverVerdict) -> None:
    waiver, head = verdict.waiver, source.ir.lifecycle
    click.echo(f"{click.style(inert(head.name), bold=True)} {inert(head.version)}: the waiver `{waiver.name}`")
    click.echo(f"  reason        {inert(waiver.reason)}")
    click.echo(f"  compensating  {inert(waiver.compensating) or 'nothing'}")
    click.echo(f"  until         {waiver.until}, that day included")
    click.echo(f"  granted by    {waiver.quorum} of {waiver.role}")
    click.echo(f"\n{click.style('What would be lived with', bold=True)}")
    show_control(control_in(source, waived_control(source.ir, waiver)))
    if verdict.granted:
        click.echo(f"  signed so far: {listed([act.person for act in verdict.granted])}")
    for item in verdict.ignored:
        click.echo(f"  does not count: record {item.seq} of {inert(item.person)}, {inert(item.reason)}")
