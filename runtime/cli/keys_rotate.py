"""`charter keys rotate`: give the ledger a new signing key."""

from pathlib import Path

import click

from charter.runtime.cli.audit_table import write_json
from charter.runtime.cli.inert import inert
from charter.runtime.cli.keeper import keeper_options, keeping
from charter.runtime.ledger.custody import rotate_key


@click.command("rotate")
@keeper_options
def keys_rotate(sign_with: Path | None, ground: str, project_dir: Path | None, *, as_json: bool) -> None:
    """Give the ledger a new signing key.

    The change is a record, signed by the old key and the new one, so whoever kept an older public key can still
    verify. From there on the old key counts for nothing: a longer ledger that it signs is refused. Its private half
    stays beside the new one as ledger.key.retired-ID; destroy it.
    """
    with keeping(project_dir, sign_with) as (project, ledger, by):
        old, new, receipt = rotate_key(ledger, project.ledger_key_path, ground, by)
        kept = f"{project.ledger_key_path}.retired-{old.id.hex()}"
    if as_json:
        write_json({"record": receipt.seq, "old": str(old), "new": str(new), "retired_private_key": kept})
        return
    click.echo(f"old key  {old}")
    click.echo(f"new key  {new}")
    click.echo(f"record   {receipt.seq}, signed by both; anchored with the new key")
    click.echo(f"destroy  {inert(kept)}")
    click.echo("hand out ledger.pub again to whoever verifies; the old one still leads to the new one")
