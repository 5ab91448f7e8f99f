"""`charter check`: prove what can be proved before a run, and say what was not checked."""

import json
from typing import Any

import click

from charter.compiler.account import Item, not_checked, proved
from charter.compiler.compile import CompileResult, check_charter
from charter.dsl.diagnostics import Severity, has_errors
from charter.runtime.cli.options import charter_file, overrides, set_option
from charter.runtime.failure import ExitCode
from charter.runtime.project import find_charter


@click.command()
@charter_file
@set_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for tools.",
)
@click.pass_context
def check(context: click.Context, file: str | None, set_: tuple[str, ...], form: str) -> None:
    """Prove what can be proved of FILE before anything runs, and say what was not checked.

    FILE may be left out where the directory has one charter. Nothing is run, asked or written.

    Exit code 0: no errors (warnings are shown); 2: the charter has errors.
    """
    path = find_charter(file)
    result = check_charter(path, overrides=overrides(set_))
    failed = has_errors(result.diagnostics) or result.charter is None
    if form == "json":
        click.echo(json.dumps(_document(str(path), result, failed=failed), indent=2, ensure_ascii=False))
    else:
        _show(str(path), result, failed=failed)
    context.exit(int(ExitCode.WRONG_INPUT if failed else ExitCode.OK))


def _show(path: str, result: CompileResult, *, failed: bool) -> None:
    from charter.dsl.render import render_text

    if result.diagnostics:
        click.echo(render_text(result.diagnostics, result.sources, color=False).rstrip("\n"))
        click.echo()
    errors = sum(item.severity is Severity.ERROR for item in result.diagnostics)
    warnings = sum(item.severity is Severity.WARNING for item in result.diagnostics)
    if failed or result.charter is None:
        click.echo(f"{path}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}; nothing is proved")
        click.echo("`charter explain CODE` explains a finding.")
        return
    click.echo(f"{path}: no errors, {_counted(warnings, 'warning')}")
    _show_items("proved", proved(result.charter))
    _show_items("not checked", not_checked(result.charter))


def _show_items(title: str, items: tuple[Item, ...]) -> None:
    click.echo(f"\n{title}")
    for item in items:
        click.echo(f"  {item.area:<9} {item.text}")


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _document(path: str, result: CompileResult, *, failed: bool) -> dict[str, Any]:
    from charter.dsl.render import render_json

    green = result.charter if not failed else None
    return {
        "file": path,
        "ok": not failed,
        "findings": json.loads(render_json(result.diagnostics, result.sources)),
        "proved": [{"area": item.area, "text": item.text} for item in proved(green)] if green else [],
        "not_checked": [{"area": item.area, "text": item.text} for item in not_checked(green)] if green else [],
    }
