"""`charter doctor`: which policy engines work here, shown by a decision, and why the others do not."""

import json
import platform
from dataclasses import asdict
from pathlib import Path

import click

from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import opa_server_options
from charter.runtime.failure import ExitCode
from charter.runtime.gates.choose import open_engine
from charter.runtime.gates.probe import Probe, probe
from charter.runtime.version import VERSION

_DIFFERENCES = (
    "Between engines, sums of fractions in a project's own Rego may differ in the last digit, and so may how a "
    "fraction is written; the rest is in docs/policies.md."
)


@click.command()
@opa_server_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def doctor(opa_url: str | None, opa_ca: Path | None, as_json: bool) -> None:
    """Have every policy engine decide a small gate, and say which of them work.

    Exit codes: 0 the engine that runs use by default works (with --opa-url, the server too), 4 it does not.
    """
    needed = [
        probe("embedded", open_engine("embedded")),
        probe("embedded, in its limited process", open_engine("embedded", guard=True)),
    ]
    probes = [*needed, probe("opa", open_engine("opa"))]
    if opa_url is not None:
        server = probe(f"opa at {opa_url}", open_engine("opa", url=opa_url, ca=opa_ca))
        probes.append(server)
        needed.append(server)
    works = all(item.works for item in needed)
    if as_json:
        click.echo(json.dumps(_document(probes, works), indent=2))
    else:
        _show(probes)
    raise SystemExit(int(ExitCode.OK if works else ExitCode.ENVIRONMENT))


def _document(probes: list[Probe], works: bool) -> dict[str, object]:
    return {
        "charter": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "works": works,
        "engines": [asdict(item) for item in probes],
    }


def _show(probes: list[Probe]) -> None:
    click.echo(f"charter {VERSION}, Python {platform.python_version()}, {platform.platform()}")
    for item in probes:
        mark = click.style("works", fg="green") if item.works else click.style("does not work", fg="red")
        click.echo(f"\n{inert(item.name)}: {mark}")
        if item.works and item.seconds is not None:
            took = f"{item.seconds * 1000:.1f} ms a decision"
            click.echo(f"  version {inert(item.version)}, allowed and denied as it must, {took}")
            if item.digest.startswith("sha256:"):
                click.echo(f"  {item.digest}")
        for line in _wrapped(inert(item.detail)):
            click.echo(f"  {line}")
    click.echo()
    for line in _wrapped(_DIFFERENCES):
        click.echo(line)


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 96, break_long_words=False, break_on_hyphens=False)
