"""`charter compile`: write a charter's IR, the one document that a run, a resume and an audit need."""

from pathlib import Path

import click

from charter.compiler.ir import IR
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import charter_file, overrides, set_option
from charter.runtime.cli.output import write_whole
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.project import find_charter


@click.command("compile")
@charter_file
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Where the IR goes.  [default: FILE.json]")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="Also write the policies as an OPA bundle (.tar.gz): any OPA decides the same gates with it, if asked with "
    "--strict-builtin-errors (a server: ?strict-builtin-errors=true). Without, an error in a policy opens the gate.",
)
@click.option(
    "--bundle-key",
    type=click.Path(path_type=Path),
    help="Sign the bundle with this key (PEM; P-256 or RSA), for `opa run --verification-key`.",
)
@set_option
@click.pass_context
def compile_(
    context: click.Context,
    file: str | None,
    out: Path | None,
    bundle: Path | None,
    bundle_key: Path | None,
    set_: tuple[str, ...],
) -> None:
    """Compile FILE to its IR, and pin the digests of the files it names.

    The same charter and files give the same bytes on every machine. Nothing is run or asked.

    Exit code 2: the charter has errors.
    """
    from charter.compiler.codec import encode_ir
    from charter.compiler.compile import compile_charter

    if bundle_key is not None and bundle is None:
        raise Failure("nothing to sign", "`--bundle-key` signs the file that `--bundle FILE` writes; name one.")
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
    if bundle is not None:
        _write_bundle(bundle, bundle_key, result.ir, spared=(path, target))
    _show(target, result.ir)
    if bundle is not None:
        _show_bundle(bundle)


def _write_bundle(target: Path, key: Path | None, ir: IR, *, spared: tuple[Path, ...]) -> None:
    if target.resolve() in {path.resolve() for path in (*spared, *([] if key is None else [key]))}:
        raise Failure("would overwrite a file", f"`{target}` is read or written by this very command. Name another.")
    if key is None:
        from charter.compiler.rego.archive import bundle_archive

        archive = bundle_archive(ir.bundle)
    else:
        from charter.runtime.gates.signature import signed_archive

        archive = signed_archive(ir.bundle, key)
    write_whole(target, archive, "the bundle", hint="Name another place with `--bundle`.")


def _show_bundle(bundle: Path) -> None:
    click.echo(f"{inert(str(bundle))}")
    click.echo("  ask it    opa eval --strict-builtin-errors -b FILE -i INPUT data.charter.main.decision")
    click.echo("            a server: POST /v1/data/charter/main/decision?strict-builtin-errors=true")
    click.echo("            asked without this, OPA takes an error in a policy for a no, and the gate opens")


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
