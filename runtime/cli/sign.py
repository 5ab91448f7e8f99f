"""`charter sign`: an officer signs what a charter means, after it was shown in plain English."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import charter_file
from charter.runtime.cli.output import write_whole
from charter.runtime.cli.packet import show_meaning
from charter.runtime.cli.signing import check_comment, confirm, key_owner, signing_key
from charter.runtime.english import plain_english
from charter.runtime.failure import Failure
from charter.runtime.project import find_charter
from charter.runtime.session import compiled
from charter.runtime.trust import file as trust_file
from charter.runtime.trust.meaning import (
    judge,
    meaning_of,
    read_envelopes,
    rules_and_schemas,
    sign_meaning,
    signature_path,
)
from charter.runtime.trust.statement import Signatory


@click.command()
@charter_file
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Your private key.")
@click.option("--as", "person", help="Who you are, if you want that to be checked against the key.")
@click.option("--comment", default="", help="Why, in your words; it is signed too.")
@click.option("--yes", is_flag=True, help="Sign without asking; needed where nobody can be asked.")
@click.option("--json", "as_json", is_flag=True, help="Print what was signed as JSON; needs --yes.")
def sign(file: str | None, key: Path, person: str | None, comment: str, *, yes: bool, as_json: bool) -> None:
    """Show what FILE means in plain English, and sign that meaning.

    The signature stands in FILE.signed beside it, for version control. Reformatting, comments and another order
    keep it; a change of any bound, role, rule or duty voids it, and so does a change of a Rego file or a schema that
    the charter names. `charter check`, `plan` and `run` say whether the signed meaning is the present one.
    """
    path = find_charter(file)
    ir = compiled(path, {})
    trust = trust_file.load(trust_file.find(path.absolute().parent))
    private = signing_key(key)
    who = key_owner(trust, private, person, key)
    check_comment(comment)
    target = signature_path(path)
    envelopes = read_envelopes(target)
    if any(item.person == who.id for item in judge(ir, envelopes, trust).current):
        raise Failure(
            "already signed", f"`{who.id}` has signed what `{path}` means now. There is nothing more to sign."
        )
    if not as_json:
        show_meaning(plain_english(ir))
        for name, digest in rules_and_schemas(ir).items():
            click.echo(f"  {inert(name)}, as it is now: {digest[:19]}…")
        click.echo(f"\nall of it together: {meaning_of(ir)}")
    confirm(f"Sign that meaning as {who.name} <{who.id}>?", yes=yes, as_json=as_json)
    if meaning_of(compiled(path, {})) != meaning_of(ir):
        raise Failure("the charter changed", f"`{path}` changed while you were reading, so nothing was signed.")
    by = Signatory(who.id, private, trust.digest)
    signed = sign_meaning(ir, by, datetime.now(UTC), comment=comment)
    write_whole(
        target, b"".join(item + b"\n" for item in (*envelopes, signed)), "the signature", hint="Check the folder."
    )
    if as_json:
        click.echo(json.dumps({"person": who.id, "meaning": meaning_of(ir), "file": str(target)}, indent=2))
    else:
        click.echo(f"{click.style('signed', bold=True)} as {who.id}; the signature stands in {inert(target)}")
