"""`charter audit whatif`: which past decisions other policies would flip, and what was deployed because of them."""

from pathlib import Path

import click

from charter.runtime.audit.past import chosen, read_past
from charter.runtime.audit.whatif import Flip, WhatIf, whatif, with_bundle, with_policies
from charter.runtime.cli.audit_source import Source, open_source, with_source
from charter.runtime.cli.audit_table import Counter, format_option, write_csv, write_json
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import engine_options, overrides, set_option
from charter.runtime.failure import Failure
from charter.runtime.session import compiled

_COLUMNS = ("seq", "time", "gate", "then", "now", "policies", "because", "deployed")
_COLORS = {"allowed": "green", "denied": "red", "waiting": "yellow"}


@click.command("whatif")
@with_source
@click.option("--policies", type=click.Path(path_type=Path), help="A folder of Rego files, or a pack, to ask instead.")
@click.option("--charter", "charter_path", type=click.Path(path_type=Path), help="A charter whose policies to ask.")
@set_option
@engine_options
@format_option
def audit_whatif(
    source: Source,
    policies: Path | None,
    charter_path: Path | None,
    set_: tuple[str, ...],
    engine: str | None,
    opa_url: str | None,
    opa_ca: Path | None,
    form: str,
) -> None:
    """List every past decision that other policies would flip, and what was deployed because of it.

    With --policies, files replace the recorded ones of the same package. With --charter, all bounds and rules are
    those of another charter (--set overrides its parameters). What was measured then is what is judged now.

    \b
    Exit codes: 0 nothing would flip, 1 something would, 6 something could not be asked.
    """
    from charter.runtime.gates.choose import open_engine

    if (policies is None) == (charter_path is None):
        raise Failure("nothing to ask", "Name the new policies: `--policies FOLDER`, or `--charter FILE`, not both.")
    if set_ and charter_path is None:
        raise Failure("nothing to override", "`--set` changes parameters of the charter that `--charter` names.")
    if policies is not None:
        change = with_policies(policies)
    else:
        assert charter_path is not None
        change = with_bundle(compiled(charter_path, overrides(set_)).bundle)
    with open_source(source) as opened:
        past = read_past(opened, source.store)
        with open_engine(engine, url=opa_url, ca=opa_ca, guard=True) as policy_engine:
            counter = Counter("decisions")
            found = whatif(past, policy_engine, chosen(past, ()), change, counter.show)
            counter.clear()
    if form == "json":
        write_json(_document(found))
    elif form == "csv":
        write_csv(_COLUMNS, map(_row, found.flips))
    else:
        _show(found)
    raise SystemExit(found.exit_code)


def _show(found: WhatIf) -> None:
    for flip in found.flips:
        then, now = (click.style(word, fg=_COLORS.get(word)) for word in (flip.then, flip.now))
        click.echo(f"record {flip.seq}  {flip.time[:16].replace('T', ' ')}  {inert(flip.gate)}: {then} then, {now} now")
        word = "no longer" if flip.now == "allowed" else "because"
        for text in flip.because:
            click.echo(f"  {word:<9} {inert(text)}")
        click.echo(f"  {'policy':<9} {inert(', '.join(flip.policies)) or 'none'}")
        for deployment in flip.deployed:
            click.echo(f"  {'deployed':<9} {inert(deployment)}")
    for seq, why in found.undecided[:20]:
        click.echo(f"record {seq}  {click.style('not asked', fg='yellow')}: {inert(why)}")
    left = found.total - found.asked if found.interrupted else 0
    rest = f"; interrupted, {left} not reached" if left else ""
    live = {item.stage for flip in found.flips for item in flip.deployed if item.live}
    click.echo(f"{len(found.flips)} of {found.asked} past decisions would flip{rest}")
    if live:
        click.echo(f"live because of them: {inert(', '.join(sorted(live)))}")


def _document(found: WhatIf) -> dict[str, object]:
    return {
        "asked": found.asked,
        "total": found.total,
        "interrupted": found.interrupted,
        "exit_code": found.exit_code,
        "flips": [
            _row(flip)
            | {
                "deployed": [
                    {"stage": item.stage, "record": item.record, "where": item.where, "live": item.live}
                    for item in flip.deployed
                ]
            }
            for flip in found.flips
        ],
        "not_asked": [{"seq": seq, "why": why} for seq, why in found.undecided],
    }


def _row(flip: Flip) -> dict[str, object]:
    return {
        "seq": flip.seq,
        "time": flip.time,
        "gate": flip.gate,
        "then": flip.then,
        "now": flip.now,
        "policies": list(flip.policies),
        "because": list(flip.because),
        "deployed": [str(item) for item in flip.deployed],
    }
