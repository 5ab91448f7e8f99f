"""The review packet as text."""

import click

from charter.runtime.cli.inert import inert
from charter.runtime.english import Section
from charter.runtime.report.controls import ControlView, Measured
from charter.runtime.report.numbers import listed, plural, size
from charter.runtime.report.packet import Packet
from charter.runtime.report.source import Source
from charter.runtime.trust.root import Person

_COLORS = {"met": "green", "breached": "red", "waived": "yellow", "advisory": "yellow", "warned": "yellow"}


def show_packet(source: Source, packet: Packet, person: Person | None, *, meaning: bool = False) -> None:
    """Print what a signature will be about; with `meaning`, also what the charter means on the way there."""
    head, approval = source.ir.lifecycle, packet.approval
    _line(f"{click.style(inert(head.name), bold=True)} {inert(head.version)}, iteration {packet.reviewed.iteration}")
    _line(f"  {inert(head.purpose)}")
    _line(f"  risk {head.risk}; owner {inert(head.owner)}; policies {inert(', '.join(head.packs)) or 'none'}")
    you = f"; you sign as {inert(person.name)} <{person.id}>" if person else ""
    _line(f"  `{approval.id}` asks for {inert(approval.text)}{you}")
    if meaning:
        show_meaning(packet.meaning)

    _heading("What was required, and what was measured")
    for control in packet.controls:
        show_control(control)
    _heading("Measured besides")
    for stage, measured in packet.other:
        _line(f"  {inert(stage)}: {_value(measured)}")
    if packet.farther:
        _line(f"  and {plural(packet.farther, 'fact')} of the stages before; see `charter report`")

    _heading("How it came about")
    for stage, count in packet.attempts.items():
        _line(f"  {stage} was measured {plural(count, 'time')} on the rows it is judged on")
    for sentence in packet.raised:
        _line(f"  {inert(sentence)}")
    for denied in packet.denied:
        _line(f"  {click.style('denied', fg='red')} {denied.time[:16]} {denied.gate}: {inert(denied.message)} "
              f"(record {denied.seq})")  # fmt: skip
    if not packet.denied:
        _line("  no gate on the way denied in this iteration")
    for sentence in packet.loosened:
        _line(f"  {click.style('loosened', fg='red')} {inert(sentence)}")
    for override in packet.overrides:
        _line(f"  {click.style('set on the command line', fg='yellow')} {inert(override)}")
    for waiver in packet.waivers:
        _line(f"  {click.style('waiver', fg='yellow')} {inert(waiver.waiver.name)} of {waiver.waiver.control}: "
              f"{inert(waiver.waiver.reason)} ({waiver.standing})")  # fmt: skip

    if packet.changes is not None:
        changes = packet.changes
        _heading(f"Since {changes.person} approved on {changes.time[:10]} (record {changes.seq})")
        for line in changes.lines:
            _line(f"  {inert(line)}")
        if not changes.lines:
            _line("  nothing that was reviewed has changed")
    _heading("What the signature is good for")
    for artifact in packet.artifacts:
        _line(f"  {artifact.digest[:19]}…  {size(artifact.size):>9}  {inert(artifact.name)}")
    _line(f"  all of it together: {packet.reviewed.digest()}")
    _signed(packet)


def show_control(control: ControlView) -> None:
    """Print one control with what was measured for it."""
    word = click.style(f"{control.word:<19}", fg=_COLORS.get(control.standing, "red"))
    _line(f"  {word} {inert(control.text)}  [{control.id}]")
    if control.fragile:
        _line(click.style("      by the point estimate only: the interval reaches past the bound", fg="yellow"))
    for measured in control.measured[:5]:
        _line(f"      {_value(measured)}")
    if len(control.measured) > 5:
        _line(f"      and {len(control.measured) - 5} more that are farther from the bound")
    for message in control.messages:
        _line(f"      {inert(message)}")


def _value(measured: Measured) -> str:
    parts = [f"{inert(measured.label)} = {inert(measured.value)}"]
    if measured.interval:
        parts.append(f"[{measured.interval}]")
    about = [f"n {measured.n}" if measured.n else "", measured.grade, inert(measured.method)]
    return f"{' '.join(parts)}  ({', '.join(filter(None, about))})"


def _signed(packet: Packet) -> None:
    approved = [item.person for item in packet.verdict.approvals]
    rejected = [item.person for item in packet.verdict.rejections]
    if approved:
        _line(f"  signed so far: {listed(approved)}")
    if rejected:
        _line(click.style(f"  rejected by {listed(rejected)}: approvals do not count", fg="red"))


def show_meaning(sections: tuple[Section, ...]) -> None:
    """Print a charter's meaning in plain English."""
    for section in sections:
        _heading(inert(section.title))
        for sentence in section.sentences:
            _line(f"  {inert(sentence)}")


def _heading(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


def _line(text: str) -> None:
    click.echo(text)
