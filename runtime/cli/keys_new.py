"""`charter keys new`: make an Ed25519 key pair."""

import json
from pathlib import Path

import click

from charter.runtime.trust.keys import write_pair


@click.command("new")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--protect", is_flag=True, help="Ask for a passphrase and encrypt the private key with it.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def keys_new(path: Path, *, protect: bool, as_json: bool) -> None:
    """Make a key pair: the private half at PATH, the public half at PATH.pub.

    Nothing is ever overwritten. Give the public half to an administrator of the trust root.
    """
    passphrase = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True) if protect else None
    key = write_pair(path, passphrase.encode() if passphrase else None)
    if as_json:
        click.echo(json.dumps({"private": str(path), "public": f"{path}.pub", "id": key.public.id}))
        return
    click.echo(f"private  {path}      keep it to yourself")
    click.echo(f"public   {path}.pub  give it to an administrator, for `charter trust add`")
    click.echo(f"id       {key.public.id}")
