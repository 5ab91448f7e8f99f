"""`charter trust init`: start the trust root with its first administrator."""

from datetime import UTC, datetime
from pathlib import Path

import click

from charter.runtime.cli.signing import signing_key
from charter.runtime.cli.trust_show import show_trust
from charter.runtime.project import Project
from charter.runtime.trust import changes, file
from charter.runtime.trust.keys import read_public_key


@click.command("init")
@click.option("--person", required=True, help="Who administrates it, like an e-mail address.")
@click.option("--name", required=True, help="Their name.")
@click.option("--key", "public", required=True, type=click.Path(path_type=Path), help="Their public key.")
@click.option("--sign-with", "private", required=True, type=click.Path(path_type=Path), help="Their private key.")
@click.option("--project", "directory", type=click.Path(path_type=Path), help="The project; default: here.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def trust_init(person: str, name: str, public: Path, private: Path, directory: Path | None, *, as_json: bool) -> None:
    """Start the trust root `charter.trust.json`: version 1, with one administrator, who signs it.

    Put the file under version control. It says who people are and which roles they fill; each later
    version is signed by administrators of the version before.
    """
    project = Project((directory or Path.cwd()).absolute())
    made = changes.create(person, name, read_public_key(public), signing_key(private), datetime.now(UTC))
    file.save(project, made, new=True)
    show_trust(project, made, as_json=as_json)
