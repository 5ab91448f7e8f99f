"""`charter attest`: a named role vouches for evidence that was recorded."""

import difflib
from pathlib import Path

import click

from charter.runtime.cli.act import demand_role, record_act, refuse_own, signer_of
from charter.runtime.cli.emergency import conclude
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import Failure
from charter.runtime.report.controls import measured_view
from charter.runtime.report.source import Source, whole_source
from charter.runtime.state import Finished
from charter.runtime.trust.acts import Act
from charter.runtime.trust.attestations import attestation_about, own_work


@click.command()
@click.argument("evidence", metavar="STAGE:METRIC")
@click.option("--role", required=True, help="The role of the charter in which you vouch for it.")
@statement_options
@project_option
def attest(
    evidence: str,
    role: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Sign that the evidence STAGE:METRIC (such as `evaluate/holdout:roc_auc`) is right as it was recorded.

    Its grade is `attested` from then on: for exactly these values of exactly this result, and not for what is
    measured later. Whoever opened the run that measured it, or that
    trained its model, cannot.
    """
    source = whole_source(chosen_project(project_dir))
    signer = signer_of(source, key, person, comment)
    _known_role(source, role)
    demand_role(signer, role, f"attesting as `{role}`")
    finished, metric = _found(source, evidence)
    refuse_own(
        own_work(source.ir, signer.person.id, finished.body.key, source.state, signer.trust),
        f"`{signer.person.id}` cannot attest `{evidence}`: {{}}.",
    )
    act = _act(source, evidence, role, comment)
    if not as_json:
        click.echo(f"{click.style(inert(evidence), bold=True)}, recorded at {finished.time[:19]}Z:")
        for record in finished.body.evidence:
            if record.metric == metric:
                view = measured_view(record)
                interval = f" [{view.interval}]" if view.interval else ""
                click.echo(f"  {inert(view.label)} = {inert(view.exact)}{interval}  ({view.grade})")
    question = f"Attest this as {signer.person.name} <{signer.person.id}>, {role}?"
    confirm(question, yes=yes, as_json=as_json)
    body = record_act(source, act, signer, lambda now: _act(now, evidence, role, comment))
    conclude(
        body,
        {"role": role, "records": len(act.about["records"])},
        f"attested `{evidence}` as {role}; the next `charter run` asks again where it was denied for its grade",
        as_json=as_json,
    )


def _known_role(source: Source, role: str) -> None:
    names = [item.name for item in source.ir.roles]
    if role not in names:
        near = difflib.get_close_matches(role, names, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else f"It has {', '.join(f'`{item}`' for item in names) or 'none'}."
        raise Failure("no such role", f"the charter `{source.ir.lifecycle.name}` has no role `{role}`. {hint}")


def _found(source: Source, evidence: str) -> tuple[Finished, str]:
    stage, colon, metric = evidence.rpartition(":")
    standing = source.standing.get(stage)
    if not colon or standing is None:
        known = [f"`{name}`" for name, item in source.standing.items() if item.result and item.result.body.evidence]
        raise Failure(
            "no such evidence",
            f"`{evidence}` should be a stage and a metric, such as `evaluate/holdout:roc_auc`. Stages with evidence: "
            f"{', '.join(known) or 'none yet'}.",
        )
    if standing.result is None:
        raise Failure("nothing measured yet", f"`{stage}` has no result that counts now: {standing.why}.")
    metrics = list(dict.fromkeys(record.metric for record in standing.result.body.evidence))
    if metric not in metrics:
        near = difflib.get_close_matches(metric, metrics, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else f"It measured {', '.join(metrics) or 'nothing'}."
        raise Failure("no such evidence", f"`{stage}` did not measure `{metric}`. {hint}")
    return standing.result, metric


def _act(source: Source, evidence: str, role: str, comment: str) -> Act:
    finished, metric = _found(source, evidence)
    return Act("attest", evidence, attestation_about(source.ir, finished, metric), role, comment)
