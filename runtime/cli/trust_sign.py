"""`charter trust sign`: an administrator signs a change that somebody else proposed."""

from pathlib import Path

import click

from charter.runtime.cli.output import write_whole
from charter.runtime.cli.signing import confirm, signing_key
from charter.runtime.cli.trust_change import show_proposal
from charter.runtime.trust import file as trust_file
from charter.runtime.trust.proposal import add_signature, read_proposal, render_proposal


@click.command("sign")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--sign-with",
    "private",
    required=True,
    type=click.Path(path_type=Path),
    help="Your private key, an administrator's.",
)
@click.option("--yes", is_flag=True, help="Sign without asking; needed where nobody can be asked.")
@click.option("--project", "directory", type=click.Path(path_type=Path), help="The project; default: here.")
def trust_sign(file: Path, private: Path, directory: Path | None, *, yes: bool) -> None:
    """Show what the proposal FILE changes, and add your signature to it.

    Pass the file on until the quorum is there; then anybody can `charter trust apply` it.
    """
    trust = trust_file.load(trust_file.find(directory))
    proposal = read_proposal(file, trust)
    signed = add_signature(proposal, trust, signing_key(private))
    show_proposal(proposal, trust, file)
    confirm("Sign this?", yes=yes, as_json=False)
    write_whole(file, render_proposal(signed), "the proposal", hint="Name a file that can be written.")
    click.echo("signed")
    show_proposal(signed, trust, file)
