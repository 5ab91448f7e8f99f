"""`charter compile`: write a charter's IR, the one document that a run, a resume and an audit need."""

from pathlib import Path

import click

from charter.compiler.ir import IR
from charter.runtime.cli.options import charter_file, overrides, set_option
from charter.runtime.cli.output import write_whole
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.project import find_charter


@click.command("compile")
@charter_file
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Where the IR goes.  [default: FILE.json]")
@set_option
@click.pass_context
def compile_(context: click.Context, file: str | None, out: Path | None, set_: tuple[str, ...]) -> None:
    """Compile FILE to its IR, and pin the digests of the files it names.

    The same charter and files give the same bytes on every machine. Nothing is run or asked.

    Exit code 2: the charter has errors.
    """
    from charter.compiler.codec import encode_ir
    from charter.compiler.compile import compile_charter

    path = find_charter(file)
    result = compile_charter(path, overrides=overrides(set_))
    if result.diagnostics:
        from charter.dsl.render import render_text

        click.echo(render_text(result.diagnostics, result.sources, color=False).rstrip("\n"), err=True)
    if result.ir is None:
        context.exit(int(ExitCode.WRONG_INPUT))
    target = out or path.with_suffix(".json")
    if target.resolve() == path.resolve():
        raise Failure("would overwrite the charter", f"`{target}` is the charter itself. Name another file with `-o`.")
    write_whole(target, encode_ir(result.ir), "the IR", hint="Name another place with `-o`.")
    _show(target, result.ir)


def _show(target: Path, ir: IR) -> None:
    gates = sum(bool(gate.controls) for stage in ir.stages for gate in (stage.entry, stage.exit))
    click.echo(f"{target}")
    click.echo(f"  digest    {ir.digest}")
    click.echo(f"  meaning   {ir.meaning}")
    click.echo(f"  bundle    {ir.bundle.digest}")
    click.echo(f"  stages    {len(ir.stages)}, with {len(ir.controls)} controls at {gates} gates")
    click.echo(f"  pinned    {len(ir.pins)} files")
    click.echo("  controls")
    for control in ir.controls:
        click.echo(f"    {control.gate:<32} {control.id}")
