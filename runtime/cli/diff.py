"""`charter diff`: what two versions of a charter demand, side by side; it says meaning, not lines."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import click
import msgspec

from charter.compiler.diff import Difference, Report, Version, differences, version_of_charter, version_of_ir
from charter.compiler.ir import Place
from charter.runtime.cli.inert import inert
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.project import find_charter

_TITLES = (
    ("weakened", "Weakened: less is asked than before"),
    ("removed", "Removed: no longer asked"),
    ("changed", "Changed, and nobody can tell that it is no less: counted as weakened"),
    ("strengthened", "Strengthened: more is asked than before"),
    ("added", "Added: not asked before"),
)


@click.command()
@click.argument("files", nargs=-1, metavar="OLD NEW")
@click.option("--git", "revision", metavar="REV", help="Compare with FILE at a revision, or at two: `v1..v2`.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="For people; for tools; for the log of a GitHub workflow.",
)
@click.pass_context
def diff(context: click.Context, files: tuple[str, ...], revision: str | None, form: str) -> None:
    """Say what charter NEW demands that OLD did not, and the other way round: meaning, not lines.

    With --git, one FILE is compared with itself at REV. A compiled charter (`.json`) may stand for a file.

    Exit code 0: nothing asks for less; 2: a charter has errors; 3: a control was weakened, and no waiver covers it.
    """
    with ExitStack() as stack:
        old, new = _versions(files, revision, stack)
        report = differences(old, new, date.today())
    _SHOWN[form](old, new, report)
    context.exit(int(ExitCode.WEAKENED if report.weakened else ExitCode.OK))


def _versions(files: tuple[str, ...], revision: str | None, stack: ExitStack) -> tuple[Version, Version]:
    if revision is None:
        if len(files) != 2:
            raise Failure("two charters are compared", "Name the old one and the new one: `charter diff OLD NEW`.")
        return _read(Path(files[0])), _read(Path(files[1]))
    if len(files) > 1:
        raise Failure("one charter is compared with itself", "Name one file: `charter diff --git main FILE`.")
    from charter.runtime.revision import at_revision

    path = find_charter(files[0] if files else None)
    first, both, second = revision.partition("..")
    old = _read(stack.enter_context(at_revision(path, first)), (path, first))
    if not both:
        return old, _read(path)
    second = second or "HEAD"
    return old, _read(stack.enter_context(at_revision(path, second)), (path, second))


def _read(path: Path, shown: tuple[Path, str] | None = None) -> Version:
    """One charter; `shown` is what it is called, with its revision, if it lies elsewhere for the time being.

    Raises:
        Failure: it has errors.
    """
    from charter.compiler.codec import BadIR
    from charter.compiler.compile import check_charter
    from charter.compiler.files import ProjectFiles
    from charter.dsl.diagnostics import has_errors
    from charter.dsl.render import render_text
    from charter.runtime.session import compiled

    if path.suffix == ".json":
        try:
            return version_of_ir(compiled(path, {}))
        except BadIR as problem:
            raise Failure(problem.summary, f"`{path}`: {problem.detail}") from None
    result = check_charter(path)
    if result.charter is None or has_errors(result.diagnostics):
        name = f"`{shown[0]}` at `{shown[1]}`" if shown else f"`{path}`"
        findings = render_text(result.diagnostics, result.sources, color=False).rstrip()
        if shown is not None:
            findings = findings.replace(f"{path.parent}/", f"{shown[1]}:")
        raise Failure(f"{name} has errors, so nothing is compared", findings, rendered=True)
    version = version_of_charter(result.charter, result.sources, ProjectFiles(path.absolute().parent))
    return _renamed(version, path.parent, *shown) if shown else version


def _renamed(version: Version, there: Path, path: Path, revision: str) -> Version:
    """The same, its places called by revision and file, `main:credit.charter`."""

    def called(place: Place) -> Place:
        name = Path(place.file)
        inside = name.relative_to(there) if name.is_relative_to(there) else Path(name.name)
        return msgspec.structs.replace(place, file=f"{revision}:{path.parent / inside}")

    locate = version.locate
    waivers = {
        name: msgspec.structs.replace(asked, place=called(asked.place)) for name, asked in version.waivers.items()
    }
    return msgspec.structs.replace(
        version, waivers=waivers, locate=lambda standard, side: called(locate(standard, side))
    )


def _show_text(old: Version, new: Version, report: Report) -> None:
    click.echo(inert(_headline(old, new)))
    for verdict, title in _TITLES:
        items = [item for item in report.differences if item.control and item.verdict == verdict]
        if items:
            click.echo(f"\n{title}")
            for item in items:
                _lines(item)
    others = [item for item in report.differences if not item.control]
    for title, items in (("Waivers: requests, which count when signed", list(report.waivers)), ("Also", others)):
        if items:
            click.echo(f"\n{title}")
            for item in items:
                _lines(item)
    click.echo(f"\n{_verdict(report)}")


def _headline(old: Version, new: Version) -> str:
    name = old.lifecycle if old.lifecycle == new.lifecycle else f"{old.lifecycle} → {new.lifecycle}"
    return f"{name}, version {old.version} → {new.version}"


def _lines(item: Difference) -> None:
    covered = f"  (covered by waiver `{item.waiver}`, if it is signed)" if item.waiver else ""
    click.echo(f"  {inert(item.subject)}  {click.style(inert(_what(item)), bold=True)}{inert(covered)}")
    for word, text, place in (("was", item.old_text, item.old_place), ("now", item.new_text, item.new_place)):
        if place is not None:
            click.echo(f"    {word:<4}{inert(text)}  [{inert(place.file)}:{place.line}:{place.column}]")
    for side in item.aspects:
        if side.name != "bound":  # the two lines above say it
            stands = f", {_STANDS[side.order.value]}" if side.control else ""
            click.echo(f"    {inert(side.name)}: {inert(side.old)} → {inert(side.new)}{stands}")


_STANDS = {"weaker": "weaker", "tighter": "stricter", "incomparable": "neither weaker nor stricter"}


def _what(item: Difference) -> str:
    return f"{item.id}: {item.verdict.value}"


def _verdict(report: Report) -> str:
    if not report.differences and not report.waivers:
        return "They mean the same."
    counts = _counted(report)
    open_ = len(report.weakened)
    if open_:
        return f"{counts}. Less is asked in {open_} {'place' if open_ == 1 else 'places'} that no waiver covers."
    return f"{counts}. Nothing asks for less without a waiver."


def _counted(report: Report) -> str:
    parts = []
    for verdict, _ in _TITLES:
        count = sum(item.control and item.verdict == verdict for item in report.differences)
        if count:
            parts.append(f"{count} {verdict}")
    rest = sum(not item.control for item in report.differences)
    return ", ".join([*parts, *([f"{rest} that no gate decides on"] if rest else [])]) or "no control changed"


def _show_json(old: Version, new: Version, report: Report) -> None:
    document = {
        "old": {"lifecycle": old.lifecycle, "version": old.version},
        "new": {"lifecycle": new.lifecycle, "version": new.version},
        "weakened": bool(report.weakened),
        "differences": [_document(item) for item in report.differences],
        "waivers": [_document(item) for item in report.waivers],
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _document(item: Difference) -> dict[str, object]:
    return {
        "verdict": item.verdict.value,
        "subject": item.subject,
        "id": item.id,
        "control": item.control,
        "loosens": item.loosens,
        "waiver": item.waiver,
        "aspects": [
            {"name": s.name, "order": s.order.value, "old": s.old, "new": s.new, "control": s.control}
            for s in item.aspects
        ],
        "old": _stated(item.old_text, item.old_place),
        "new": _stated(item.new_text, item.new_place),
    }


def _stated(text: str | None, place: Place | None) -> dict[str, object] | None:
    return {"text": text, "place": msgspec.to_builtins(place)} if place is not None else None


def _show_github(old: Version, new: Version, report: Report) -> None:
    for line in _annotations(report):
        click.echo(line, nl=False)
    click.echo(f"{inert(_headline(old, new))}: {_verdict(report)}")


def _annotations(report: Report) -> Iterator[str]:
    """Beside the new line, or beside nothing where the line is gone."""
    from charter.dsl.github import command

    for item in (*report.differences, *report.waivers):
        if not item.control:
            continue
        place = item.new_place
        where = {"file": place.file, "line": str(place.line)} if place is not None else {}
        kind = "error" if item.loosens and item.waiver is None else "warning" if item.loosens else "notice"
        was = f"was: {item.old_text} ({item.old_place.file}:{item.old_place.line})" if item.old_place else ""
        said = "\n".join(filter(None, [was, f"now: {item.new_text}" if item.new_text else "now: nothing"]))
        sides = "".join(f"\n{side.name}: {side.old} → {side.new}" for side in item.aspects)
        yield command(kind, said + sides, **where, title=_what(item))


_SHOWN: dict[str, Callable[[Version, Version, Report], None]] = {
    "text": _show_text,
    "json": _show_json,
    "github": _show_github,
}
