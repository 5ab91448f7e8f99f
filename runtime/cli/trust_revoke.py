"""`charter trust revoke`: a key is lost, or in other hands."""

from pathlib import Path
from typing import Literal

import click

from charter.runtime.cli.trust_change import change_options, change_trust, moment
from charter.runtime.failure import Failure
from charter.runtime.trust import file
from charter.runtime.trust.changes import Revocation
from charter.runtime.trust.keys import read_public_key


@click.command("revoke")
@click.argument("person")
@click.option(
    "--because",
    required=True,
    type=click.Choice(["lost", "compromised"]),
    help="`compromised` if somebody else may have it; then say since when.",
)
@click.option("--since", metavar="TIME", help="From when on it counts no more.  [default for `lost`: now]")
@click.option("--key-id", "ids", multiple=True, help="Only this key (`SHA256:...`); repeatable.  [default: all]")
@click.option("--new-key", "publics", multiple=True, type=click.Path(path_type=Path), help="A public key instead.")
@change_options
def trust_revoke(
    person: str,
    because: Literal["lost", "compromised"],
    since: str | None,
    ids: tuple[str, ...],
    publics: tuple[Path, ...],
    privates: tuple[Path, ...],
    propose: Path | None,
    directory: Path | None,
    *,
    as_json: bool,
) -> None:
    """End PERSON's keys, and give them new ones.

    What the ledger recorded before --since still counts. What it recorded from then on does not, whatever time a
    signature claims: a thief chooses that, but not when the ledger hears of it.
    """
    if because == "compromised" and since is None:
        raise Failure(
            "since when?",
            "give `--since` the earliest time at which somebody else may have had the key: what was signed with it "
            "from then on counts for nothing.",
        )
    project = file.find(directory)
    trust = file.load(project)
    keys = tuple(read_public_key(path) for path in publics)
    revocation = Revocation(person, because, moment(since, "--since"), ids, keys)
    change_trust(project, trust, revocation, privates, propose, as_json=as_json)
