"""`charter trust show`: who may do what, and under which keys."""

from pathlib import Path

import click
import msgspec

from charter.runtime.cli.inert import inert
from charter.runtime.project import Project
from charter.runtime.trust import file
from charter.runtime.trust.root import TrustRoot


@click.command("show")
@click.option("--project", "directory", type=click.Path(path_type=Path), help="The project; default: here.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def trust_show(directory: Path | None, *, as_json: bool) -> None:
    """Verify the whole chain of the trust root, and show its present version."""
    project = file.find(directory)
    show_trust(project, file.load(project), as_json=as_json)


def show_trust(project: Project, trust: TrustRoot, *, as_json: bool) -> None:
    """Print a verified trust root."""
    current = trust.current
    if as_json:
        document = msgspec.to_builtins(current) | {"digest": trust.digest}
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return
    many = f"{current.version} versions" if current.version > 1 else "1 version"
    click.echo(f"{inert(project.trust_root_path)}: version {current.version} of {current.time}, {many} verified")
    click.echo(f"digest {trust.digest}")
    for person in current.people:
        duties = list(trust.roles_of(person.id))
        if person.id in current.administrators.people:
            duties.insert(0, f"administrator (quorum {current.administrators.quorum})")
        click.echo(f"\n{click.style(person.name, bold=True)} <{person.id}>")
        click.echo(f"  {', '.join(duties) or 'no role'}")
        for key in person.keys:
            click.echo(f"  {key.id}")
        if not person.keys:
            click.echo("  no key: they cannot sign")
    if current.ended:
        click.echo(f"\n{click.style('Keys that count no more', bold=True)}")
    for item in current.ended:
        click.echo(f"  {item.key} of {item.person}: {item.because}, since {item.since}")
