"""`charter report`: the audit report as one HTML file."""

from pathlib import Path

import click

from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.output import write_whole
from charter.runtime.erased import code_with
from charter.runtime.failure import ExitCode


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file; `-` prints.  [default: charter-report.html]"
)
@project_option
def report(output: Path | None, project_dir: Path | None) -> int:
    """Write the audit report: one HTML file without scripts, for reading, mailing and printing.

    It is made from the ledger alone, verifies it on the way, and says what was not checked.
    Exit codes: 0 written, 1 the ledger was tampered with: written with what was found on top, or, where a record
    itself was changed, not at all; 6 written, but records that runs build on are erased.
    """
    from charter.runtime.ledger import Ledger
    from charter.runtime.report.build import build_report, ledger_view
    from charter.runtime.report.html import render
    from charter.runtime.report.source import read_source

    project = chosen_project(project_dir)
    with Ledger.open_read_only(project.ledger_path) as ledger:
        checkpoint = ledger.checkpoint()
    source = read_source(project)
    view = build_report(source, ledger_view(project, checkpoint))
    page = render(view)
    path = output or project.root / "charter-report.html"
    if str(path) == "-":
        click.echo(page)
    else:
        write_whole(path, page.encode("utf-8"), "the report", hint="Name another place with `-o`.")
        click.echo(f"{inert(view.state)}")
        click.echo(f"{len(view.stages)} stages and {len(view.decisions)} decisions written to {inert(path)}")
        click.echo(f"the ledger is {view.ledger.verdict}")
    return int(ExitCode.DENIED if view.ledger.tone == "bad" else code_with(source.state, ExitCode.OK))
