"""`charter recall`: suspend all that depends on a dataset, a model, an evaluation, a file, a person or a key."""

import json
from pathlib import Path

import click

from charter.runtime.audit.past import read_past
from charter.runtime.audit.recall import Reach, canonical_subject, reach
from charter.runtime.cli.act import Signer, record_act, signer_of
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger
from charter.runtime.report.numbers import plural
from charter.runtime.report.source import Source, ledger_key, read_source
from charter.runtime.store import ArtifactStore
from charter.runtime.suspension import RECALL, REINSTATE
from charter.runtime.trust.acts import Act, ActName


@click.command()
@click.argument("subject")
@click.option("--lift", is_flag=True, help="Lift a recall; for administrators of the trust root.")
@statement_options
@project_option
def recall(
    subject: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    lift: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Suspend every decision that depends on SUBJECT, and list the live deployments that rest on it.

    SUBJECT is a dataset, a model or an evaluation (dataset/loans, or loans where that is clear), a file's digest, or
    a person or a key that has signed. From now on gates refuse what was made from it, and signatures given so far by
    that person or key count no more. Anybody in the trust root may recall; nothing is stopped or deleted by it.
    """
    source = read_source(chosen_project(project_dir))
    signer = signer_of(source, key, person, comment)
    name, reached = _look(source, subject)
    what: ActName = REINSTATE if lift else RECALL
    act = Act(what, name, {"subject": name}, "", comment)
    _check(source, act, signer, comment)
    if not as_json:
        _show(name, reached, lift=lift)
    verb = "Lift the recall of" if lift else "Recall"
    confirm(f"{verb} `{name}` as {signer.person.name} <{signer.person.id}>?", yes=yes, as_json=as_json)
    body = record_act(source, act, signer, lambda now: act)
    if as_json:
        click.echo(json.dumps(_document(act, reached, body.statement), indent=2))
        return
    done = "lifted the recall of" if lift else "recalled"
    click.echo(f"{click.style(done, bold=True)} `{inert(name)}` as {body.person}; recorded as {body.statement[:19]}…")
    live = [item for item in reached.deployments if item.live]
    if lift:
        click.echo("  `charter run` asks its gates again")
    elif live:
        click.echo(f"  {plural(len(live), 'deployment')} still live: stop what must not go on, or retire the system")


def _look(source: Source, subject: str) -> tuple[str, Reach]:
    with Ledger.open_read_only(source.project.ledger_path, key=ledger_key(source.project)) as ledger:
        past = read_past(ledger, ArtifactStore(source.project.store))
        name = canonical_subject(past, source.ir, subject)
        return name, reach(past, name)


def _check(source: Source, act: Act, signer: Signer, comment: str) -> None:
    recalls = [item.seq for item in source.state.acts if (item.body.act, item.body.name) == (RECALL, act.name)]
    if act.act == RECALL:
        if not comment:
            raise Failure("no reason given", "People must know why: say it with `--comment`.")
        return
    if act.name.startswith(("person/", "key/")):
        raise Failure(
            "cannot be lifted",
            f"signatures of `{act.name}` from before its recall stay without effect. Who may sign signs again.",
        )
    if not recalls:
        raise Failure("not recalled", f"`{act.name}` is not recalled, so there is nothing to lift.")
    if signer.person.id not in signer.trust.current.administrators.people:
        raise Failure(
            "not an administrator",
            f"a recall is lifted by an administrator of the trust root, and `{signer.person.id}` is none.",
            exit_code=ExitCode.DENIED,
        )


def _show(name: str, reached: Reach, *, lift: bool) -> None:
    click.echo(f"{inert(name)}: {plural(len(reached.results), 'result')}, "
               f"{plural(len(reached.decisions), 'decision')} that allowed, "
               f"{plural(len(reached.signatures), 'signature')} depend on it")  # fmt: skip
    for stage, seq in reached.results:
        click.echo(f"  {'concerns' if lift else 'suspends':<9} {inert(stage)} (record {seq})")
    for seq in reached.signatures:
        click.echo(f"  {'voids':<9} the signature of record {seq}")
    for item in reached.deployments:
        word = click.style(f"{'live':<9}", fg="red") if item.live else f"{'was':<9}"
        click.echo(f"  {word} {inert(item)}")


def _document(act: Act, reached: Reach, statement: str) -> dict[str, object]:
    return {
        "act": act.act,
        "subject": act.name,
        "statement": statement,
        "results": [{"stage": stage, "record": seq} for stage, seq in reached.results],
        "decisions": list(reached.decisions),
        "signatures": list(reached.signatures),
        "deployments": [
            {"stage": item.stage, "record": item.record, "where": item.where, "live": item.live}
            for item in reached.deployments
        ],
    }
