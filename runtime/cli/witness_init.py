"""`charter witness init`: make a witness, its key and its empty memory."""

from pathlib import Path

import click

from charter.runtime.anchoring.memory import start_memory
from charter.runtime.cli.audit_table import write_json
from charter.runtime.cli.inert import inert
from charter.runtime.cli.witness import witness_options
from charter.runtime.failure import Failure
from charter.runtime.ledger.checkpoint import NoteError
from charter.runtime.ledger.cosignature import Cosigner, check_name
from charter.runtime.ledger.errors import Unavailable
from charter.runtime.ledger.keys import create_file, create_private, load_private


@click.command("init")
@click.argument("name")
@witness_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def witness_init(name: str, key: Path, state: Path, *, as_json: bool) -> None:
    """Make a witness called NAME, such as bank.example/witness: a key pair, and a memory that is empty.

    Nothing is ever overwritten. Use the key for this witness alone.
    """
    try:
        check_name(name)
    except NoteError as error:
        raise Failure("not a name of a witness", f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    public = key.with_suffix(".pub")
    if len({path.resolve() for path in (key, public, state)}) < 3:
        raise Failure(
            "one file for two things",
            f"The private key would be `{key}`, the public one `{public}` and the memory `{state}`. Name other ones: "
            "the public key is for others, and must not lie where the private one does.",
        )
    for path in (key, public, state):
        if path.exists():
            raise Unavailable("file is there already", f"`{path}` is not overwritten. Name another one.")
    create_private(key)
    cosigner = Cosigner(name, load_private(key))
    create_file(public, f"{cosigner.key}\n".encode(), 0o644)
    start_memory(state)
    if as_json:
        write_json({"private": str(key), "public": str(public), "state": str(state), "key": str(cosigner.key)})
        return
    click.echo(f"private  {inert(key)}      keep it to yourself")
    click.echo(f"public   {inert(public)}      for ledgers and auditors: {inert(cosigner.key)}")
    click.echo(f"memory   {inert(state)}      never restore an older copy")
