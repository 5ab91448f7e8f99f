"""`charter check`: prove what can be proved before a run, and say what was not checked."""

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
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="For people; for tools; for code hosts and editors; for the log of a GitHub workflow.",
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
    _SHOWN[form](str(path), result, failed)
    context.exit(int(ExitCode.WRONG_INPUT if failed else ExitCode.OK))


def _show_text(path: str, result: CompileResult, failed: bool) -> None:
    from charter.dsl.render import render_text

    if result.diagnostics:
        click.echo(render_text(result.diagnostics, result.sources, color=False).rstrip("\n"))
        click.echo()
    click.echo(f"{path}: {_verdict(result, failed=failed)}")
    if failed or result.charter is None:
        click.echo("`charter explain CODE` explains a finding.")
        return
    _show_items("proved", proved(result.charter))
    _show_items("not checked", not_checked(result.charter))


def _verdict(result: CompileResult, *, failed: bool) -> str:
    errors = sum(item.severity is Severity.ERROR for item in result.diagnostics)
    warnings = sum(item.severity is Severity.WARNING for item in result.diagnostics)
    counts = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    return f"{counts}; nothing is proved" if failed else counts


def _show_items(title: str, items: tuple[Item, ...]) -> None:
    click.echo(f"\n{title}")
    for item in items:
        click.echo(f"  {item.area:<9} {item.text}")


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _account(result: CompileResult, *, failed: bool) -> dict[str, list[dict[str, str]]]:
    """What is proved and what was not checked; nothing is proved of a charter with errors."""
    green = result.charter if not failed else None
    return {
        "proved": [{"area": item.area, "text": item.text} for item in proved(green)] if green else [],
        "not_checked": [{"area": item.area, "text": item.text} for item in not_checked(green)] if green else [],
    }


def _show_json(path: str, result: CompileResult, failed: bool) -> None:
    import json

    from charter.dsl.render import render_json

    document = {
        "file": path,
        "ok": not failed,
        "findings": json.loads(render_json(result.diagnostics, result.sources)),
        **_account(result, failed=failed),
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _show_sarif(path: str, result: CompileResult, failed: bool) -> None:
    from charter.compiler.codes import PAGES
    from charter.dsl.sarif import render_sarif
    from charter.runtime.version import VERSION

    click.echo(
        render_sarif(
            result.diagnostics,
            result.sources,
            path=path,
            version=VERSION,
            pages=[PAGES],
            account=_account(result, failed=failed),
        )
    )


def _show_github(path: str, result: CompileResult, failed: bool) -> None:
    from charter.dsl.github import command, render_github

    click.echo(render_github(result.diagnostics, result.sources), nl=False)
    open_items = _account(result, failed=failed)["not_checked"]
    if open_items:
        message = "\n".join(f"{item['area']}: {item['text']}" for item in open_items)
        click.echo(command("notice", message, file=path, title="not checked"), nl=False)
    click.echo(f"charter check: {_verdict(result, failed=failed)}")


_SHOWN = {"text": _show_text, "json": _show_json, "sarif": _show_sarif, "github": _show_github}
