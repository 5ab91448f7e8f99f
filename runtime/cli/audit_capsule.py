"""`charter audit capsule`: everything for a stranger in one file; its verifier; the check of such a file."""

import subprocess
import sys
from pathlib import Path

import click

from charter.runtime.audit.capsule import make_capsule, verifier
from charter.runtime.audit.past import read_past
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import Counter
from charter.runtime.cli.inert import inert
from charter.runtime.cli.output import write_whole
from charter.runtime.failure import ExitCode, Failure


@click.command("capsule")
@with_source
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where to write it.  [default: LEDGER.capsule.zip]"
)
@click.option("--verifier", "verifier_path", type=click.Path(path_type=Path), help="Write only the verifier, to keep.")
def audit_capsule(source: Source, output: Path | None, verifier_path: Path | None) -> None:
    """Hand over a ledger: one file with records, policies, inputs, keys and a verifier that needs only Python.

    The receiver runs `python3 -I verify.py FILE --pin CHECKPOINTS`, with a verify.py from a place that they trust.

    Exit codes: 0 everything is in it, 6 something was not there any more and is left out, or
    nothing is recorded.
    """
    if verifier_path is not None:
        write_whole(verifier_path, verifier(), "the verifier", hint="Choose a directory that you can write to.")
        click.echo(f"wrote {inert(verifier_path)}")
        return
    with open_source(source) as opened:
        with Counter("records read").shown() as show:
            past = read_past(opened, source.store, show)
        with Counter("records packed").shown() as show:
            made = make_capsule(past, source.project, show)
        name = opened.origin.rpartition("/")[2]
    target = output or Path(f"{name}.capsule.zip")
    write_whole(target, made.data, "the capsule", hint="Choose a directory that you can write to.")
    click.echo(f"wrote {inert(target)}: {made.records:,} records, {len(made.members)} files, {len(made.data):,} bytes")
    for text in made.missing[:20]:
        click.echo(f"  {click.style('left out', fg='yellow')} {inert(text)}")
    if made.missing or not made.records:
        raise SystemExit(int(ExitCode.INCOMPLETE))


@click.command("check-capsule", context_settings={"ignore_unknown_options": True})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--pin", "pins", multiple=True, type=click.Path(path_type=Path), help="Checkpoints you kept; repeatable.")
@click.option("--key", type=click.Path(path_type=Path), help="The ledger's public key, from your own files.")
def audit_check_capsule(file: Path, pins: tuple[Path, ...], key: Path | None) -> None:
    """Check a capsule with the verifier of this installation, in a process of its own."""
    if not file.is_file():
        raise Failure("no such capsule", f"`{inert(file)}` is not a file. `charter audit capsule` makes one.")
    script = Path(__file__).parents[1] / "audit" / "capsule_verify.py"
    arguments = [part for pin in pins for part in ("--pin", str(pin))] + (["--key", str(key)] if key else [])
    done = subprocess.run([sys.executable, "-I", str(script), str(file), *arguments], check=False)  # noqa: S603 - our own script
    raise SystemExit(done.returncode)
