"""`charter review`: what an approver should know before signing, as text or as a page."""

from pathlib import Path

import click
import msgspec

from charter.compiler.ir import Approval
from charter.runtime.cli.gaps import show_gaps
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.output import write_whole
from charter.runtime.cli.packet import show_packet
from charter.runtime.cli.statement import find_approval
from charter.runtime.erased import code_with
from charter.runtime.failure import ExitCode
from charter.runtime.report.packet import packet
from charter.runtime.report.source import read_source


@click.command()
@click.argument("name")
@click.option("--html", "html", type=click.Path(path_type=Path), help="Write it as one HTML file; `-` prints.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@project_option
def review(name: str, html: Path | None, project_dir: Path | None, *, as_json: bool) -> int:
    """Show what a signature under the approval NAME would be about. Signs nothing, and needs no key.

    The charter's meaning in plain English, every control with its evidence and grade, what was denied, waived or
    loosened on the way, how often the test set was used, and what changed since it was last approved.

    Exit codes: 0 it can be signed, 5 it is too early, 6 records that runs build on are erased: nothing is signed.
    """
    source = read_source(chosen_project(project_dir))
    approval: Approval = find_approval(source.ir, name)
    there_is = packet(source, approval)
    if as_json:
        document = msgspec.to_builtins(there_is) | {"digest": there_is.reviewed.digest()}
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    elif html is not None:
        from charter.runtime.report.html import render_packet

        page = render_packet(there_is, source)
        if str(html) == "-":
            click.echo(page)
        else:
            write_whole(html, page.encode("utf-8"), "the packet", hint="Name another place with `--html`.")
            click.echo(f"the review packet of `{approval.id}` is written to {inert(html)}")
    else:
        show_packet(source, there_is, None, meaning=True)
        for stage, why in there_is.unready:
            click.echo(f"too early to sign: {stage} is not done ({inert(why)})")
    show_gaps(source.state, err=as_json or html is not None)
    return int(code_with(source.state, ExitCode.WAITING if there_is.unready else ExitCode.OK))
