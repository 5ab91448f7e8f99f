"""`charter init`: start a project from the template of a risk class."""

from pathlib import Path

import click

from charter.runtime.cli.inert import inert
from charter.runtime.scaffold import RISKS, project_files, system_name, write_project


@click.command()
@click.argument("directory", required=False, default=".", type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--risk", required=True, type=click.Choice(RISKS), help="Risk class in the terms of the EU AI Act.")
@click.option("--name", help="Name of the system.  [default: the directory's]")
def init(directory: Path, risk: str, name: str | None) -> None:
    """Start a project in DIR, the current directory if left out.

    It gets a charter that `charter check` finds nothing wrong with, made-up rows to run it on, policies, a workflow for
    GitHub, and a README that says what to change first. Nothing that is there is overwritten.

    Exit code 2: something is in the way, and nothing was written.
    """
    system = system_name(name, directory)
    files = project_files(risk, system)
    write_project(directory, files)
    click.echo(f"{inert(directory)}: {system}, {risk} risk")
    for file in files:
        click.echo(f"  {file}")
    click.echo("README.md says what to change first; `charter check` says what is proved, and what is not.")
