"""`charter audit export`: the ledger in forms that other systems read."""

import sys
from pathlib import Path

import click

from charter.runtime.audit.exports.source import Exported, gone
from charter.runtime.audit.past import Past, read_past
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import Counter, cell
from charter.runtime.cli.inert import inert
from charter.runtime.cli.output import write_whole
from charter.runtime.failure import ExitCode, Failure

_FORMATS = ("jsonl", "csv", "cloudevents", "ocsf", "oscal", "in-toto", "cyclonedx")


@click.command("export")
@with_source
@click.option("--format", "form", required=True, type=click.Choice(_FORMATS), help="Which form; see docs/auditing.md.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write it.  [default: standard output]")
@click.option("--sign-with", type=click.Path(path_type=Path), help="Your private key, for in-toto.")
def audit_export(source: Source, form: str, output: Path | None, sign_with: Path | None) -> None:
    """Export the ledger.

    \b
    jsonl, csv   every record, one a line
    cloudevents  every record, as a CloudEvents 1.0 batch
    ocsf         every decision, as OCSF 1.4 compliance findings, one a line
    oscal        each control's latest decision, as OSCAL 1.1 assessment results
    in-toto      what was deployed, as SLSA verification summaries in signed DSSE envelopes
    cyclonedx    what was trained and deployed from which data, as a CycloneDX 1.6 ML-BOM

    \b
    Exit codes: 0 nothing that was recorded is gone, 6 a record's body is gone, or there is nothing to export.
    """
    if (form == "in-toto") != (sign_with is not None):
        raise Failure(
            "signature is missing" if form == "in-toto" else "nothing to sign",
            "An in-toto envelope is signed: give your key with `--sign-with FILE`. Other forms take no signature.",
        )
    with open_source(source) as opened:
        with Counter("records read").shown() as show:
            past = read_past(opened, source.store, show)
        made = _export(past, form, sign_with)
    if output is None:
        sys.stdout.write(made.data.decode())
        sys.stdout.flush()
    else:
        write_whole(output, made.data, "the export", hint="Choose a directory that you can write to.")
    lost = gone(past)
    left_out = "; ".join(filter(None, (made.left_out, lost)))
    click.echo(inert(f"{made.what}; left out: {left_out}" if left_out else made.what), err=True)
    if lost or not past.events:
        raise SystemExit(int(ExitCode.INCOMPLETE))


def _export(past: Past, form: str, sign_with: Path | None) -> Exported:
    from charter.runtime.audit.exports import cloudevents, cyclonedx, in_toto, lines, ocsf, oscal

    if form == "in-toto":
        from charter.runtime.cli.signing import signing_key

        assert sign_with is not None
        return in_toto.in_toto(past, signing_key(sign_with))
    if form == "csv":
        return lines.table(past, cell)
    plain = {
        "jsonl": lines.jsonl,
        "cloudevents": cloudevents.cloudevents,
        "ocsf": ocsf.ocsf,
        "oscal": oscal.oscal,
        "cyclonedx": cyclonedx.cyclonedx,
    }
    return plain[form](past)
