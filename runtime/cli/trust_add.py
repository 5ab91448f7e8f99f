"""`charter trust add`: add a person, a key or a role to the trust root."""

from datetime import UTC, datetime
from pathlib import Path

import click

from charter.runtime.cli.signing import signing_key
from charter.runtime.cli.trust_show import show_trust
from charter.runtime.trust import changes, file
from charter.runtime.trust.changes import Addition
from charter.runtime.trust.keys import read_public_key


@click.command("add")
@click.argument("person")
@click.option("--name", help="Their name; needed for a new person.")
@click.option("--key", "publics", multiple=True, type=click.Path(path_type=Path), help="A public key of theirs.")
@click.option("--role", "roles", multiple=True, help="A role that they fill, as the charter names it.")
@click.option("--administrator", is_flag=True, help="They may change the trust root.")
@click.option("--quorum", type=click.IntRange(min=1), help="How many administrators sign each change from now.")
@click.option(
    "--sign-with",
    "privates",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="An administrator's private key; repeat it for a quorum.",
)
@click.option("--project", "directory", type=click.Path(path_type=Path), help="The project; default: here.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def trust_add(
    person: str,
    name: str | None,
    publics: tuple[Path, ...],
    roles: tuple[str, ...],
    quorum: int | None,
    privates: tuple[Path, ...],
    directory: Path | None,
    *,
    administrator: bool,
    as_json: bool,
) -> None:
    """Add PERSON, or a key, a role or a duty of theirs: the next version of the trust root.

    It is signed by administrators of the present version, as many as their quorum asks for.
    """
    project = file.find(directory)
    addition = Addition(
        person,
        name,
        tuple(read_public_key(path) for path in publics),
        roles=roles,
        administrator=administrator,
        quorum=quorum,
    )
    trust = file.load(project)
    made = changes.extend(trust, addition, [signing_key(path) for path in privates], datetime.now(UTC))
    file.save(project, made)
    show_trust(project, made, as_json=as_json)
