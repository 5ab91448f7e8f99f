"""`charter approve`: sign an approval of exactly what was measured."""

from pathlib import Path

import click

from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.statement import decide, statement_options


@click.command()
@click.argument("name")
@statement_options
@project_option
def approve(
    name: str, key: Path, person: str | None, comment: str, project_dir: Path | None, *, yes: bool, as_json: bool
) -> None:
    """Sign the approval NAME of the charter.

    Shows what a signature is about: the artifacts, the evidence against its bounds, what was denied or
    waived on the way, and how often it was tried. The signature is good for exactly that, and for nothing
    that is changed later. A run may go on beside it.
    """
    decide("approve", name, chosen_project(project_dir), key, person, comment, yes=yes, as_json=as_json)
