"""`charter audit prove`: a proof that one record is in the ledger, and the check of such a proof."""

from pathlib import Path

import click

from charter.runtime.cli.audit_source import find_source, source_options
from charter.runtime.cli.inert import inert
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger, Refused
from charter.runtime.ledger.keys import load_public_key
from charter.runtime.ledger.location import Location
from charter.runtime.ledger.proof import check_proof

_MAX_BYTES = 16 << 20


@click.command("prove")
@click.argument("seq", type=int, required=False)
@source_options
@click.option("--without-body", is_flag=True, help="Prove the header only; the body stays undisclosed.")
@click.option("--check", "proof_path", type=click.Path(path_type=Path), help="Check a proof instead; needs no ledger.")
def audit_prove(
    seq: int | None,
    ledger: Location | None,
    project_dir: Path | None,
    key_path: Path | None,
    without_body: bool,
    proof_path: Path | None,
) -> None:
    """Prove that one record is in the ledger.

    Prints the record, its path to the root and the signed checkpoint as one line of JSON. With --check, exit code 0
    means that the proof holds under the --key given, 1 that it does not, 6 that it holds under the key it names itself.
    """
    if (seq is None) == (proof_path is None):
        raise Failure("nothing to prove", "Name a record's number to prove it, or a proof with `--check FILE`.")
    if proof_path is not None:
        _check(proof_path, key_path)
        return
    assert seq is not None
    source = find_source(ledger, project_dir, key_path)
    with Ledger.open_read_only(source.ledger_path, key=source.key) as opened:
        click.echo(opened.prove(seq, with_body=not without_body).decode())


def _check(proof_path: Path, key_path: Path | None) -> None:
    key = load_public_key(key_path, None) if key_path else None
    try:
        with proof_path.open("rb") as file:
            data = file.read(_MAX_BYTES).removesuffix(b"\n")
    except OSError as error:
        raise Failure("proof is not readable", f"`{proof_path}`: {error.strerror}.") from None
    try:
        header, body, named = check_proof(data, key)
    except Refused as refused:
        raise Failure(refused.summary, refused.detail, exit_code=ExitCode.DENIED) from None
    click.echo(f"record {header.seq} of {inert(header.log)}, {header.ts}, {header.kind} about {header.subj}")
    click.echo("its body is in the proof and is the one committed to" if body is not None else "its body is not shown")
    if key is None:
        click.echo(f"signed by {named}, the key that the proof names itself: compare it, or give --key")
        raise SystemExit(int(ExitCode.INCOMPLETE))
    click.echo("signed by the given key")
