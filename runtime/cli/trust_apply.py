"""`charter trust apply`: a proposal that a quorum has signed becomes the trust root's next version."""

from pathlib import Path

import click

from charter.runtime.cli.trust_show import show_trust
from charter.runtime.trust import file as trust_file
from charter.runtime.trust.proposal import apply_proposal, read_proposal


@click.command("apply")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--project", "directory", type=click.Path(path_type=Path), help="The project; default: here.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def trust_apply(file: Path, directory: Path | None, *, as_json: bool) -> None:
    """Make the proposal FILE the next version of the trust root, if a quorum of its administrators signed it."""
    project = trust_file.find(directory)
    trust = trust_file.load(project)
    made = apply_proposal(read_proposal(file, trust), trust)
    trust_file.save(project, made)
    show_trust(project, made, as_json=as_json)
