"""`charter trust remove`: a person leaves, or gives up a role."""

from pathlib import Path

import click

from charter.runtime.cli.trust_change import change_options, change_trust, moment
from charter.runtime.trust import file
from charter.runtime.trust.changes import Removal


@click.command("remove")
@click.argument("person")
@click.option("--role", "roles", multiple=True, help="Only this role is taken from them; repeatable.")
@click.option("--administrator", is_flag=True, help="Only their right to change the trust root is taken.")
@click.option("--since", metavar="TIME", help="When they left.  [default: now]")
@click.option("--quorum", type=click.IntRange(min=1), help="How many administrators sign each change from now.")
@change_options
def trust_remove(
    person: str,
    roles: tuple[str, ...],
    since: str | None,
    quorum: int | None,
    privates: tuple[Path, ...],
    propose: Path | None,
    directory: Path | None,
    *,
    administrator: bool,
    as_json: bool,
) -> None:
    """Take PERSON out of the trust root, or only a role of theirs.

    What the ledger recorded of them before they left still counts; nothing that is recorded from then on does,
    whatever time it claims. Their keys are nobody's again. A role that is taken away counts no more at all.
    """
    project = file.find(directory)
    trust = file.load(project)
    removal = Removal(person, moment(since, "--since"), roles, administrator, quorum)
    change_trust(project, trust, removal, privates, propose, as_json=as_json)
