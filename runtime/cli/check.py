"""`charter check`: prove what can be proved before a run, and say what was not checked."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import click

from charter.compiler.account import Item, not_checked, proved
from charter.compiler.compile import CompileResult, check_charter
from charter.dsl.diagnostics import Severity, has_errors
from charter.dsl.source import Source
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import overrides, set_option
from charter.runtime.cli.signed import show_signatures_of
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.project import find_charter

Results = dict[str, CompileResult]
"""What came out of each file, by its path."""

Together = dict[str, tuple[Item, ...]]
"""Who could ship together, by the path of the file; empty where nobody asked."""


@click.command()
@click.argument("files", nargs=-1, metavar="[FILES]...")
@set_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="For people; for tools; for code hosts and editors; for the log of a GitHub workflow.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Judge dates for this day, such as 2027-03-31: which waivers hold, which clauses bind. "
    "The compiler reads no clock.",
)
@click.option(
    "--baseline", is_flag=True, help="FILES are what others extend: check them as such, and show their digests."
)
@click.option("--collusion", is_flag=True, help="Say how few people, of which roles, could together ship.")
@click.pass_context
def check(
    context: click.Context,
    files: tuple[str, ...],
    set_: tuple[str, ...],
    form: str,
    as_of: datetime | None,
    collusion: bool,
    baseline: bool,
) -> None:
    """Prove what can be proved of FILES before anything runs, and say what was not checked.

    FILES may be left out where the directory has one charter. Nothing is run, asked or written. As JSON, several
    FILES make an array.

    Exit code 0: no errors (warnings are shown); 2: a charter has errors.
    """
    given = overrides(set_)
    paths = [find_charter(file) for file in dict.fromkeys(files)] or [find_charter(None)]
    if baseline:
        _refuse_with_baseline(form, given, as_of, collusion)
        context.exit(int(_check_baselines(paths)))
    day = as_of.date() if as_of else None
    results = {str(path): check_charter(path, overrides=given, as_of=day) for path in paths}
    together = {path: _together(result) for path, result in results.items()} if collusion else {}
    _SHOWN[form](results, together)
    failed = any(_failed(result) for result in results.values())
    context.exit(int(ExitCode.WRONG_INPUT if failed else ExitCode.OK))


def _refuse_with_baseline(form: str, given: dict[str, str], as_of: datetime | None, collusion: bool) -> None:
    if form != "text" or given or as_of or collusion:
        raise Failure("options that do not go together", "A baseline alone is checked as text, with no other option.")


def _check_baselines(paths: list[Path]) -> ExitCode:
    from charter.compiler.baseline import check_baseline
    from charter.dsl.render import render_text

    failed = False
    for path in paths:
        result, digest = check_baseline(path)
        if result.diagnostics:
            click.echo(render_text(result.diagnostics, result.sources, color=False))
        if digest is None:
            failed = True
            click.echo(f"{path}: {_verdict([result])}")
            continue
        severities = [item.severity for item in result.diagnostics]
        click.echo(f"{path}: no errors, {_counted(severities.count(Severity.WARNING), 'warning')}")
        click.echo(f'  extends "{path.name}" digest "{digest}"')
        click.echo("  What depends on the charter that extends it is proved there.")
    return ExitCode.WRONG_INPUT if failed else ExitCode.OK


def _together(result: CompileResult) -> tuple[Item, ...]:
    """Who could ship together; nothing is said of a charter with errors."""
    from charter.compiler.collusion import sentences, who_could_ship

    if result.charter is None or result.graph is None or _failed(result):
        return ()
    found = who_could_ship(result.charter, result.graph)
    return sentences(found) if found else (Item("nobody", "nothing is deployed, so nobody can ship anything"),)


def _failed(result: CompileResult) -> bool:
    return has_errors(result.diagnostics) or result.charter is None


def _show_text(results: Results, together: Together) -> None:
    from charter.dsl.render import render_text

    for number, (path, result) in enumerate(results.items()):
        if number:
            click.echo()
        if result.diagnostics:
            click.echo(render_text(result.diagnostics, result.sources, color=False).rstrip("\n"))
            click.echo()
        click.echo(f"{inert(path)}: {_verdict([result])}")
        if _failed(result) or result.charter is None:
            click.echo("`charter explain CODE` explains a finding.")
        else:
            _show_items("proved", proved(result.charter))
            _show_items("not checked", not_checked(result.charter))
            if path in together:
                _show_items("who could ship together", together[path])
            show_signatures_of(Path(path))


def _verdict(results: Collection[CompileResult]) -> str:
    severities = [item.severity for result in results for item in result.diagnostics]
    errors = _counted(severities.count(Severity.ERROR), "error")
    counts = f"{errors}, {_counted(severities.count(Severity.WARNING), 'warning')}"
    failed = sum(map(_failed, results))
    if not failed:
        return counts
    return f"{counts}; nothing is proved" + (f" of {failed} of {len(results)} charters" if len(results) > 1 else "")


def _show_items(title: str, items: tuple[Item, ...]) -> None:
    click.echo(f"\n{title}")
    for item in items:
        click.echo(f"  {item.area:<9} {item.text}")


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _account(path: str, result: CompileResult, together: Together) -> dict[str, object]:
    """What is proved and what was not checked; nothing is proved of a charter with errors."""
    green = result.charter if not _failed(result) else None
    return {
        "file": path,
        "ok": green is not None,
        "proved": _as_json(proved(green)) if green else [],
        "not_checked": _as_json(not_checked(green)) if green else [],
    } | ({"together": _as_json(together[path])} if path in together else {})


def _as_json(items: tuple[Item, ...]) -> list[dict[str, str]]:
    return [{"area": item.area, "text": item.text} for item in items]


def _show_json(results: Results, together: Together) -> None:
    import json

    from charter.dsl.render import render_json

    documents = [
        _account(path, result, together) | {"findings": json.loads(render_json(result.diagnostics, result.sources))}
        for path, result in results.items()
    ]
    text = json.dumps(documents if len(documents) > 1 else documents[0], indent=2, ensure_ascii=False)
    # The name of a file need not be text: half a character is written as JSON escapes it.
    click.echo(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _show_sarif(results: Results, together: Together) -> None:
    from charter.compiler.codes import PAGES
    from charter.dsl.sarif import render_sarif
    from charter.runtime.version import VERSION

    click.echo(
        render_sarif(
            {path: result.diagnostics for path, result in results.items()},
            _sources(results),
            version=VERSION,
            pages=[PAGES],
            account={"charters": [_account(path, result, together) for path, result in results.items()]},
        )
    )


def _show_github(results: Results, together: Together) -> None:
    from charter.dsl.github import command, render_github

    sources = _sources(results)
    for path, result in results.items():
        click.echo(render_github(result.diagnostics, sources), nl=False)
        if not _failed(result) and result.charter is not None:
            open_items = "\n".join(f"{item.area}: {item.text}" for item in not_checked(result.charter))
            click.echo(command("notice", open_items, file=path, title="not checked"), nl=False)
            if path in together:
                said = "\n".join(f"{item.area}: {item.text}" for item in together[path])
                click.echo(command("notice", said, file=path, title="who could ship together"), nl=False)
    click.echo(f"charter check: {_verdict(results.values())}")


def _sources(results: Results) -> dict[str, Source]:
    return {path: source for result in results.values() for path, source in result.sources.items()}


_SHOWN = {"text": _show_text, "json": _show_json, "sarif": _show_sarif, "github": _show_github}
