"""`charter audit verify`: is the ledger whole, unaltered and anchored."""

import contextlib
import json
import sys
from datetime import timedelta
from pathlib import Path

import click

from charter.runtime.anchoring.stamps import read_stamps
from charter.runtime.audit.gone import counted
from charter.runtime.cli.audit_source import Source, find_source, source_options
from charter.runtime.cli.inert import inert
from charter.runtime.cli.outsiders import trust_options
from charter.runtime.failure import Failure
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.checkpoint import read_note
from charter.runtime.ledger.cosignature import shown_time
from charter.runtime.ledger.location import Location, open_store_read_only, resolve
from charter.runtime.ledger.outside import Outside, Trust
from charter.runtime.ledger.timestamp import Stamp, is_installed
from charter.runtime.ledger.verify import Verdict, VerificationReport, verify_ledger

_CHECKED = (
    "header form, order, chain, ids, times, bodies, attachments, tree hashes, newest checkpoint and its signature"
)
_WORDS = {
    Verdict.TAMPERED: ("TAMPERED OR DAMAGED", "red"),
    Verdict.EMPTY: ("EMPTY: nothing is recorded", "yellow"),
    Verdict.INCOMPLETE: ("WHOLE, BUT INCOMPLETE", "yellow"),
    Verdict.NOT_ANCHORED: ("WHOLE, BUT NOT ANCHORED", "yellow"),
    Verdict.ANCHORED: ("WHOLE AND ANCHORED", "green"),
}


@click.command("verify")
@source_options
@click.option(
    "--pin",
    "pin_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Signed checkpoints kept away from the ledger, such as an old copy of charter.checkpoints; repeatable.",
)
@trust_options
@click.option(
    "--anchors",
    "anchor_path",
    type=click.Path(path_type=Path),
    help="Checkpoints that the ledger's holder gave you: they count only where a witness of yours cosigned them.  "
    "[default: the project's charter.checkpoints]",
)
@click.option(
    "--stamps",
    "stamp_folder",
    type=click.Path(path_type=Path),
    help="A folder of time stamps.  [default: the project's charter.timestamps]",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def audit_verify(
    ledger: Location | None,
    project_dir: Path | None,
    key_path: Path | None,
    pin_paths: tuple[Path, ...],
    trust: Trust,
    anchor_path: Path | None,
    stamp_folder: Path | None,
    form: str,
) -> None:
    """Check that the ledger is whole, unaltered and anchored.

    It is anchored by what its holder cannot make: a pin of yours, a time stamp by an authority that you trust, or
    cosignatures of witnesses that you trust.

    \b
    Exit codes: 0 whole and anchored, 1 tampered or damaged,
    6 whole but not anchored, or with bodies missing, or empty.
    """
    source = find_source(ledger, project_dir, key_path)
    beside = [path for path in (source.anchor_path, anchor_path) if path is not None]
    own = [path for path in pin_paths if not any(_is_same(path, other) for other in beside)]
    origin = _origin(source) if own or anchor_path else ""
    pins = [note for path in own for note in _of_this(read_anchors(path), origin)]
    local = read_anchors(beside[-1]) if beside else []
    stamps = _stamps(stamp_folder, source)
    progress = Progress()
    report = verify_ledger(
        source.ledger_path,
        pins=pins,
        local_pins=_of_this(local, origin) if anchor_path else local,
        stamps=stamps,
        trust=trust,
        public_key=source.key,
        progress=progress.show,
    )
    progress.clear()
    unread = 0 if is_installed() else len(stamps)
    if unread:
        why = "were not looked at, but for their size: pip install 'charter-lifecycle[timestamp]'"
        click.echo(f"{unread} time stamps {why}", err=True)
    if form == "json":
        document = _document(report, source) | {"time_stamps_not_read": unread}
        click.echo(json.dumps(document, indent=2, ensure_ascii=True))
    else:
        _print(report, source, trust)
    raise SystemExit(int(report.exit_code))


def _origin(source: Source) -> str:
    """The ledger's name by its key or, without one, as it names itself; empty when it cannot be read."""
    if source.key:
        return source.key.origin
    try:
        with contextlib.closing(open_store_read_only(resolve(source.ledger_path))) as store, store.snapshot() as reader:
            return reader.identity().origin
    except Failure:  # the verification will say it
        return ""


def _of_this(notes: list[str], origin: str) -> list[str]:
    """What a file says of this ledger, when it says something of it: a witness's file is about others too."""
    return [note for note in notes if read_note(note).origin == origin] or notes


def _stamps(folder: Path | None, source: Source) -> list[Stamp]:
    if folder is not None and not folder.is_dir():
        raise Failure("no folder of time stamps", f"There is no folder `{folder}`.")
    where = folder or (source.project.time_stamps_path if source.project else None)
    return read_stamps(where) if where else []


def _is_same(path: Path, other: Path) -> bool:
    """Whether a pin is the very file that whoever holds the ledger writes too."""
    return path.exists() and other.exists() and path.samefile(other)


class Progress:
    """A line that is rewritten on a terminal, and nothing elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """So many of so many records."""
        if self.live:
            click.echo(f"\r\x1b[2K{done:,} of {total:,} records", nl=False, err=True)

    def clear(self) -> None:
        """Remove the line."""
        if self.live:
            click.echo("\r\x1b[2K", nl=False, err=True)


def _print(report: VerificationReport, source: Source, trust: Trust) -> None:
    def line(name: str, text: str) -> None:
        click.echo(f"{name:<12} {text}")

    line("ledger", f"{inert(source.ledger_path)}, {inert(report.origin) or 'of unknown origin'}")
    line("records", f"{report.size:,}, root {report.root.hex()}" if report.origin else "none could be read")
    line("key", f"{inert(report.key) or 'none'} ({_key_from(source)})")
    line("checked", _checked(report))
    line("anchored", _anchoring(report))
    for item in _newest(report.outside):
        line(item.kind, f"{item.size:,} records at {shown_time(item.time)}, by {_name(item)}{_doubt(item)}")
    if any(item.kind == "time stamp" and not item.distrust for item in report.outside):
        waited = timedelta(seconds=report.unstamped)
        line("stamped", f"at the longest {waited} after it was recorded; until then its holder could rewrite a record")
    elif trust.authorities:
        line("time stamp", "none by an authority of yours")
    heard = {item.by for item in report.outside}
    for key in trust.witnesses:
        if str(key) not in heard:
            line("witness", f"no cosignature by {inert(key.name)}")
    if unexplained := report.bodies_missing - report.bodies_erased:
        line("missing", click.style(counted("missing", unexplained), fg="red"))
    if report.bodies_erased:
        line("erased", counted("erased", report.bodies_erased))
    if report.attachments_missing:
        line("missing", f"{report.attachments_missing:,} attachments")
    if report.keys > 1:
        line("keys", f"{report.keys} one after the other, each change signed by both")
    for finding in report.findings:
        line("finding", click.style(inert(finding), fg="red"))
    if report.finding_count > len(report.findings):
        line("", f"and {report.finding_count - len(report.findings):,} more")
    words, color = _WORDS[report.verdict]
    line("verdict", click.style(words, fg=color, bold=True))
    for advice in _advice(report, source):
        click.echo(f"             {advice}")


def _checked(report: VerificationReport) -> str:
    """What was looked at: of a file that is no ledger, nothing but that."""
    return _CHECKED if report.origin else "only whether the file is a ledger"


def _key_from(source: Source) -> str:
    return f"from {inert(source.key_path)}" if source.key_path else "as the ledger itself names it"


def _anchoring(report: VerificationReport) -> str:
    if report.anchored:
        newer = report.size - report.anchored
        rest = f"; the {newer:,} newer ones are signed, but nothing of it covers them" if newer else ""
        if report.anchored == report.pinned:
            rest = rest.replace("nothing of it covers", "no pin of yours covers")
        return f"the first {report.anchored:,} records, by {_anchored_by(report)}{rest}"
    if report.anchored_locally:
        return f"the first {report.anchored_locally:,} records, only by the file beside the ledger"
    return "nothing"


def _anchored_by(report: VerificationReport) -> str:
    """Whose word it is, of the largest size."""
    by = ["your pins"] if report.pinned == report.anchored else []
    trusted = [item for item in report.outside if item.kind == "time stamp" and not item.distrust]
    by += ["a time stamp"] if any(item.size == report.anchored for item in trusted) else []
    by += ["witnesses"] if report.witnessed == report.anchored else []
    return " and ".join(by)


def _newest(outside: tuple[Outside, ...]) -> list[Outside]:
    """The largest of each kind and author: older ones say nothing more."""
    newest: dict[tuple[str, str, str], Outside] = {}
    for item in sorted(outside, key=lambda item: (item.size, item.time)):
        newest[item.kind, item.by, item.distrust] = item
    return sorted(newest.values(), key=lambda item: (item.kind, -item.size, item.by))


def _name(item: Outside) -> str:
    """A witness by its name alone; the key was given."""
    return inert(item.by.split("+", 1)[0] if item.kind == "witness" else item.by)


def _doubt(item: Outside) -> str:
    return f"; does not count: {inert(item.distrust)}" if item.distrust else ""


def _advice(report: VerificationReport, source: Source) -> list[str]:
    if report.verdict is Verdict.TAMPERED:
        return ["Keep the file as it is for inquiry. What it says from the first finding on cannot be relied on."]
    advice = []
    if not report.anchored:
        advice = [
            "A signature and a chain cannot show that the whole ledger was rolled back or signed anew.",
            "Give `--pin FILE` with checkpoints that were kept where the ledger's holder cannot write:",
            "an earlier copy of charter.checkpoints from version control, mail or an archive. Time stamps and",
            "cosignatures count with `--tsa-ca` and `--witness`, when you trust who gave them.",
        ]
    if source.key_path is None:
        advice.append("Without `--key FILE`, anybody's key passes; a pin of yours vouches for it.")
    return advice


def _document(report: VerificationReport, source: Source) -> dict[str, object]:
    return {
        "ledger": str(source.ledger_path),
        "origin": report.origin,
        "verdict": report.verdict.value,
        "exit_code": int(report.exit_code),
        "records": report.size,
        "root": report.root.hex(),
        "key": report.key,
        "key_from": str(source.key_path) if source.key_path else None,
        "checked": _checked(report).split(", "),
        "pins": report.pins,
        "anchored_records": report.anchored,
        "anchored_records_by_pins": report.pinned,
        "anchored_records_by_witnesses": report.witnessed,
        "longest_seconds_before_a_time_stamp": report.unstamped,
        "anchored_records_by_the_file_beside_it": report.anchored_locally,
        "outside": [
            {"kind": item.kind, "by": item.by, "records": item.size, "time": item.time, "distrust": item.distrust}
            for item in report.outside
        ],
        "keys": report.keys,
        "bodies_missing": report.bodies_missing,
        "bodies_erased_by_a_record": report.bodies_erased,
        "bodies_missing_without_a_record": report.bodies_missing - report.bodies_erased,
        "attachments_missing": report.attachments_missing,
        "findings": [{"check": finding.check, "seq": finding.seq, "what": finding.what} for finding in report.findings],
        "finding_count": report.finding_count,
    }
