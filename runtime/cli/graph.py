"""`charter graph`: the lifecycle graph as text that Mermaid or Graphviz draws."""

import click

from charter.compiler.ir import IR
from charter.runtime.cli.options import charter_file, overrides, set_option
from charter.runtime.failure import ExitCode
from charter.runtime.project import find_charter


@click.command()
@charter_file
@set_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot"]),
    default="mermaid",
    show_default=True,
    help="Mermaid is shown by many Git hosts; dot is for Graphviz.",
)
@click.pass_context
def graph(context: click.Context, file: str | None, set_: tuple[str, ...], form: str) -> None:
    """Draw the lifecycle of FILE: its stages, the artifacts that flow, and the gates with what they decide.

    Exit code 2: the charter has errors.
    """
    from charter.compiler.drawing import dot, mermaid

    ir = _compiled(context, file, set_)
    click.echo(mermaid(ir) if form == "mermaid" else dot(ir), nl=False)


def _compiled(context: click.Context, file: str | None, set_: tuple[str, ...]) -> IR:
    from charter.compiler.compile import check_charter
    from charter.dsl.render import render_text

    result = check_charter(find_charter(file), overrides=overrides(set_))
    if result.draft is None:
        click.echo(render_text(result.diagnostics, result.sources, color=False).rstrip("\n"), err=True)
        context.exit(int(ExitCode.WRONG_INPUT))
    return result.draft
