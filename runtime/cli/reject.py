"""`charter reject`: sign a rejection, which beats approvals."""

from pathlib import Path

import click

from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.statement import decide, statement_options


@click.command()
@click.argument("name")
@statement_options
@project_option
def reject(
    name: str, key: Path, person: str | None, comment: str, project_dir: Path | None, *, yes: bool, as_json: bool
) -> None:
    """Sign a rejection of what the approval NAME of the charter is about.

    One rejection by somebody who may decide outweighs every approval of the same thing, until something
    that was reviewed changes, or the same person approves.
    """
    decide("reject", name, chosen_project(project_dir), key, person, comment, yes=yes, as_json=as_json)
