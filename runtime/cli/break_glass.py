"""`charter break-glass`: a named, signed, dated exception at one gate, whose review must be closed by its date."""

from datetime import date, timedelta
from pathlib import Path

import click

from charter.compiler.ir import Gate
from charter.runtime.cli.act import record_act, signer_of
from charter.runtime.cli.emergency import check_administrator, check_reason, conclude
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import confirm
from charter.runtime.cli.statement import statement_options
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.source import Source, whole_source
from charter.runtime.state import Decided
from charter.runtime.trust.acts import Act
from charter.runtime.trust.emergencies import LONGEST_REVIEW_DAYS, broken_glass, glass_controls, shown_breach
from charter.runtime.why.explain import resolve

_NEVER = frozenset({"evidence_missing", "evidence_malformed", "evidence_grade", "interval_missing", "rejected"})


@click.command("break-glass")
@click.argument("gate")
@click.option(
    "--review-by",
    required=True,
    metavar="DATE",
    help=f"The last day for somebody else to close the review; at most {LONGEST_REVIEW_DAYS} days from now.",
)
@statement_options
@project_option
def break_glass(
    gate: str,
    review_by: str,
    key: Path,
    person: str | None,
    comment: str,
    project_dir: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Let GATE allow exactly the work that it denies now, in an emergency.

    An administrator of the trust root signs, with a reason. What is mandatory then warns instead of denying,
    signatures that are missing included; never what is absolute, never evidence that is missing, never against a
    rejection, and never another breach than those shown, nor after a control of the gate changed. It opens a review,
    which somebody else must close with `charter close-review` by its date: until then the exception counts for this
    gate and this work, after that the whole lifecycle stands still.
    """
    source = whole_source(chosen_project(project_dir))
    check_reason(comment)
    signer = signer_of(source, key, person, comment)
    check_administrator(signer, "breaking the glass")
    at = _gate(source, gate)
    last = _day(source, review_by)
    act = _act(source, at, last, comment)
    for glass in broken_glass(source.acts, signer.trust):
        same = glass.controls == act.about["controls"] and glass.shown.issuperset(act.about["shown"])
        if same and glass.open_for(at.id, str(act.about["key"]), source.now):
            raise Failure(
                "already broken", f"the glass at `{at.id}` is broken for this work (record {glass.record.seq})."
            )
    if not as_json:
        _show(source, at, last, comment)
    question = f"Break the glass at `{at.id}` as {signer.person.name} <{signer.person.id}>?"
    confirm(question, yes=yes, as_json=as_json)
    body = record_act(source, act, signer, lambda now: _act(now, at, last, comment))
    conclude(
        body,
        {"gate": at.id, "review_by": last},
        f"the glass at `{at.id}` is broken: the next `charter run` asks it again\n"
        f"  somebody else must close the review by {last}:  charter close-review {at.id} --key KEY --comment '...'",
        as_json=as_json,
    )


def _gate(source: Source, name: str) -> Gate:
    """The gate that denies; of a stage, the one of its two."""
    closed = [gate for gate in resolve(source.ir, name) if _denied(source, gate) is not None]
    if not closed:
        raise Failure("nothing to break", f"no gate of `{name}` denies anything now; `charter why {name}` says more.")
    return closed[0]


def _denied(source: Source, gate: Gate) -> Decided | None:
    decided: Decided | None = getattr(source.state.stage(gate.stage), gate.point)
    current = decided is not None and decided.body.key == (source.standing[gate.stage].key or decided.body.key)
    return decided if decided is not None and current and not decided.body.allow else None


def _act(source: Source, gate: Gate, review_by: str, comment: str) -> Act:
    decided = _denied(source, gate)
    if decided is None:
        raise Failure("nothing to break", f"`{gate.id}` does not deny any more.", exit_code=ExitCode.WAITING)
    for item in decided.body.violations:
        if item.get("severity") == "absolute" or item.get("code") in _NEVER:
            why = "it is absolute" if item.get("severity") == "absolute" else "no emergency makes up for that"
            raise Failure(
                "this glass does not break",
                f"`{gate.id}` denies because {item.get('message')}: {why}. `charter why {gate.id}` says what helps.",
                exit_code=ExitCode.DENIED,
            )
    about = {
        "lifecycle": source.ir.lifecycle.name,
        "gate": gate.id,
        "key": decided.body.key,
        "meaning": source.ir.meaning,
        "controls": glass_controls(source.ir, gate),
        "shown": sorted({shown_breach(gate.id, item) for item in decided.body.violations}),
        "review_by": review_by,
    }
    return Act("break-glass", gate.id, about, comment=comment)


def _day(source: Source, text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Failure("not a day", f"`--review-by {inert(text)[:40]}` should be a day such as `2026-12-01`.") from None
    today = source.now.date()
    if not today <= day <= today + timedelta(days=LONGEST_REVIEW_DAYS):
        raise Failure(
            "not that day",
            f"the review must be closed between today and {today + timedelta(days=LONGEST_REVIEW_DAYS)}, not by {day}.",
        )
    return day.isoformat()


def _show(source: Source, gate: Gate, review_by: str, comment: str) -> None:
    decided = _denied(source, gate)
    assert decided is not None
    click.echo(f"{click.style(gate.id, bold=True)} denies (record {decided.seq}); this would let it pass:")
    for item in decided.body.violations:
        click.echo(f"  {inert(item.get('message'))}  [{inert(item.get('control'))}]")
    click.echo(f"  because: {inert(comment)}")
    click.echo(f"  for this work only ({decided.body.key[:19]}…), to be reviewed by somebody else by {review_by}")
