"""`charter trust add`: add a person, a key or a role to the trust root."""

from pathlib import Path

import click

from charter.runtime.cli.trust_change import change_options, change_trust
from charter.runtime.trust import file
from charter.runtime.trust.changes import Addition
from charter.runtime.trust.keys import read_public_key
from charter.runtime.trust.roles import refuse_unknown_roles


@click.command("add")
@click.argument("person")
@click.option("--name", help="Their name; needed for a new person.")
@click.option("--key", "publics", multiple=True, type=click.Path(path_type=Path), help="A public key of theirs.")
@click.option("--role", "roles", multiple=True, help="A role that they fill, as the charter names it.")
@click.option("--new-role", is_flag=True, help="The role is in no charter here yet.")
@click.option("--administrator", is_flag=True, help="They may change the trust root.")
@click.option("--quorum", type=click.IntRange(min=1), help="How many administrators sign each change from now.")
@change_options
def trust_add(  # noqa: PLR0913 - one parameter an option
    person: str,
    name: str | None,
    publics: tuple[Path, ...],
    roles: tuple[str, ...],
    quorum: int | None,
    privates: tuple[Path, ...],
    propose: Path | None,
    directory: Path | None,
    *,
    new_role: bool,
    administrator: bool,
    as_json: bool,
) -> None:
    """Add PERSON, or a key, a role or a duty of theirs: the next version of the trust root.

    It is signed by administrators of the present version, as many as their quorum asks for: here, with
    --sign-with, or each on their own machine, with --propose.
    """
    project = file.find(directory)
    trust = file.load(project)
    if not new_role:
        refuse_unknown_roles(project, trust, roles)
    addition = Addition(
        person,
        name,
        tuple(read_public_key(path) for path in publics),
        roles=roles,
        administrator=administrator,
        quorum=quorum,
    )
    change_trust(project, trust, addition, privates, propose, as_json=as_json)
