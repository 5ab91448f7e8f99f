"""`charter audit as-of`: how things stood at a cut-off date."""

import click

from charter.runtime.audit.as_of import AsOf, as_of
from charter.runtime.audit.filters import moment
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import write_json
from charter.runtime.cli.inert import inert
from charter.runtime.failure import ExitCode, Failure


@click.command("as-of")
@click.argument("date")
@with_source
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def audit_as_of(date: str, source: Source, form: str) -> None:
    """Say how things stood at DATE: what was live, approved and held back, and the ledger's root then.

    DATE is a date (its end counts) or a time, in UTC. The root is that of any checkpoint of the same size.
    """
    until = moment(date, "DATE", end_of_day=True)
    with open_source(source) as opened:
        found = as_of(opened, until)
    if not found.size:
        raise Failure(
            "nothing was recorded by then",
            f"The ledger has {found.later} records, and all of them are later than {until[:16]} UTC.",
            exit_code=ExitCode.INCOMPLETE,
        )
    if form == "json":
        write_json(_document(found, until))
    else:
        _show(found, until)
    if found.gone:
        raise SystemExit(int(ExitCode.INCOMPLETE))


def _show(found: AsOf, until: str) -> None:
    def line(name: str, text: object) -> None:
        click.echo(f"{name:<11} {inert(text)}")

    line("as of", f"{until[:19].replace('T', ' ')} UTC")
    line("records", f"{found.size:,} (the last of {found.last_time[:19]}Z); {found.later:,} came later")
    line("root", found.root.hex())
    if found.run is not None:
        line(
            "lifecycle", f"{found.run.lifecycle} {found.run.version}, iteration {found.iteration}, run {found.run.run}"
        )
        line("policies", f"{found.run.bundle}, of the charter that means {found.run.meaning}")
    line("decisions", ", ".join(f"{count} {word}" for word, count in sorted(found.decisions.items())) or "none")
    for deployment in found.live:
        line("live", deployment)
    if not found.live:
        line("live", "nothing")
    for seq, text in found.approvals:
        line("signed", f"{text} (record {seq})")
    for gate, word, seq in found.held_back:
        line(word, f"{gate} (record {seq})")
    if found.gone:
        line("gone", f"{found.gone} of these records have no body any more; what they said is not in this")


def _document(found: AsOf, until: str) -> dict[str, object]:
    return {
        "until": until,
        "records": found.size,
        "later": found.later,
        "root": found.root.hex(),
        "last_time": found.last_time,
        "iteration": found.iteration,
        "run": None if found.run is None else found.run.run,
        "bundle": None if found.run is None else found.run.bundle,
        "meaning": None if found.run is None else found.run.meaning,
        "decisions": found.decisions,
        "live": [{"stage": item.stage, "record": item.record, "where": item.where} for item in found.live],
        "signed": [{"record": seq, "what": text} for seq, text in found.approvals],
        "held_back": [{"gate": gate, "word": word, "record": seq} for gate, word, seq in found.held_back],
        "gone": found.gone,
    }
