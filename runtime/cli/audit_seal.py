"""`charter audit seal` and `check-segment`: records in a compressed file that verifies alone."""

from pathlib import Path

import click

from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import write_json
from charter.runtime.cli.audit_verify import Progress
from charter.runtime.cli.inert import inert
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.keys import load_public_key
from charter.runtime.ledger.segment import SegmentReport, seal, verify_segment


@click.command("seal")
@click.argument("path", type=click.Path(path_type=Path))
@with_source
@click.option("--from", "first", type=click.IntRange(min=0), default=0, show_default=True, help="The first record.")
@click.option("--to", "last", type=click.IntRange(min=0), help="The last one.  [default: the newest]")
def audit_seal(path: Path, source: Source, first: int, last: int | None) -> None:
    """Write records to PATH: compressed JSON lines with their attachments and proofs, which verify without the ledger.

    Nothing leaves the ledger. The file holds the signed checkpoint of now: keep it anchored.
    """
    progress = Progress()
    try:
        with open_source(source) as ledger:
            seal(ledger, first, ledger.size if last is None else last + 1, path, progress=progress.show)
        report = verify_segment(path, key=source.key, progress=progress.show)
    finally:
        progress.clear()
    if report.findings:
        path.unlink()
        raise Failure(
            "segment does not hold",
            f"{report.findings[0]}. It was removed again. Run `charter audit verify`.",
            exit_code=ExitCode.DENIED,
        )
    click.echo(f"records {report.first} to {report.end - 1} sealed in {inert(path)} ({path.stat().st_size:,} bytes)")


@click.command("check-segment")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--key", "key_path", type=click.Path(path_type=Path), help="The ledger's public key, from your own files."
)
@click.option(
    "--pin",
    "pin_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Signed checkpoints kept away from the ledger; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def audit_check_segment(path: Path, key_path: Path | None, pin_paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Check a sealed segment: every record, attachment, hash and signature.

    \b
    Exit codes: 0 whole and anchored by a pin of yours, 1 tampered or damaged,
    6 whole but not anchored, or with bodies missing.
    """
    key = load_public_key(key_path, None) if key_path else None
    pins = [note for pin in pin_paths for note in read_anchors(pin)]
    progress = Progress()
    try:
        report = verify_segment(path, key=key, pins=pins, progress=progress.show)
    finally:
        progress.clear()
    code = _code(report)
    if as_json:
        write_json(
            {
                "origin": report.origin,
                "first": report.first,
                "last": report.end - 1,
                "key": report.key,
                "key_was_given": key is not None,
                "anchored": report.anchored,
                "bodies_missing": report.bodies_missing,
                "attachments_missing": report.attachments_missing,
                "findings": [{"check": item.check, "seq": item.seq, "what": item.what} for item in report.findings],
                "exit_code": int(code),
            }
        )
    else:
        _print(report, key_path)
    raise SystemExit(int(code))


def _code(report: SegmentReport) -> ExitCode:
    if report.findings:
        return ExitCode.DENIED
    whole = report.anchored and not report.bodies_missing and not report.attachments_missing
    return ExitCode.OK if whole else ExitCode.INCOMPLETE


def _print(report: SegmentReport, key_path: Path | None) -> None:
    click.echo(f"segment   records {report.first} to {report.end - 1} of {inert(report.origin) or 'an unknown ledger'}")
    named = f"from {inert(key_path)}" if key_path else "as the segment itself names it"
    click.echo(f"key       {inert(report.key) or 'none'} ({named})")
    if report.bodies_missing or report.attachments_missing:
        click.echo(f"missing   {report.bodies_missing:,} bodies, {report.attachments_missing:,} attachments")
    for finding in report.findings:
        click.echo(f"finding   {click.style(inert(finding), fg='red')}")
    words = {
        ExitCode.DENIED: ("TAMPERED OR DAMAGED", "red"),
        ExitCode.OK: ("WHOLE AND ANCHORED", "green"),
        ExitCode.INCOMPLETE: ("WHOLE, BUT INCOMPLETE" if report.anchored else "WHOLE, BUT NOT ANCHORED", "yellow"),
    }[_code(report)]
    click.echo(f"verdict   {click.style(words[0], fg=words[1], bold=True)}")
