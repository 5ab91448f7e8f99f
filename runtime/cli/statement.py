"""What `charter approve` and `charter reject` share: check who signs, show the review packet, sign, record."""

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from charter.compiler.canonical import canonical_json, digest
from charter.compiler.ir import IR, Approval
from charter.runtime.assess import Status
from charter.runtime.cli.packet import show_packet
from charter.runtime.cli.signing import check_comment, confirm, key_owner, signing_key
from charter.runtime.events import StatementSigned
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import anchor
from charter.runtime.project import Project
from charter.runtime.report.packet import Packet, packet
from charter.runtime.report.source import Source, whole_source
from charter.runtime.session import open_journal
from charter.runtime.trust import file
from charter.runtime.trust.approvals import exclusion
from charter.runtime.trust.root import Person, TrustRoot
from charter.runtime.trust.statement import Decision, Signatory, approve_stage, sign_statement

Command = TypeVar("Command", bound=Callable[..., Any])


def statement_options(command: Command) -> Command:
    """The options of a command that signs a statement."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print what was recorded as JSON; needs --yes."),
        click.option("--yes", is_flag=True, help="Sign without asking; needed where nobody can be asked."),
        click.option("--comment", default="", help="Why, in your words; it is signed too."),
        click.option("--as", "person", help="Who you are, if you want that to be checked against the key."),
        click.option("--key", required=True, type=click.Path(path_type=Path), help="Your private key."),
    ):
        command = option(command)
    return command


def decide(
    decision: Decision,
    name: str,
    project: Project,
    key_path: Path,
    claimed: str | None,
    comment: str,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what there is to decide, have it signed, and record it beside whatever runs.

    Raises:
        Failure: there is nothing to sign, this person may not sign it, or nobody can be asked.
    """
    source = whole_source(project)
    approval = find_approval(source.ir, name)
    trust = file.load(project)
    key = signing_key(key_path)
    person = key_owner(trust, key, claimed, key_path)
    _check_duties(source, approval, trust, person, decision)
    there_is = packet(source, approval)
    _check_time(there_is, person, decision)
    check_comment(comment)
    if not as_json:
        show_packet(source, there_is, person)
    question = f"{decision.capitalize()} `{approval.id}` as {person.name} <{person.id}>?"
    confirm(question, yes=yes, as_json=as_json)
    recorded = _record(source, approval, there_is, Signatory(person.id, key, trust.digest), decision, comment)
    _conclude(recorded, there_is, _opened(source, approval), as_json=as_json)


def find_approval(ir: IR, name: str) -> Approval:
    """The approval of that name.

    Raises:
        Failure: there is none; the detail suggests one.
    """
    approvals = {control.id: control for control in ir.controls if isinstance(control, Approval)}
    if name in approvals:
        return approvals[name]
    if not approvals:
        raise Failure("no such approval", f"the charter `{ir.lifecycle.name}` asks for no approval.")
    near = difflib.get_close_matches(name, approvals, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"It has {', '.join(f'`{item}`' for item in approvals)}."
    raise Failure("no such approval", f"the charter `{ir.lifecycle.name}` has no approval `{name}`. {hint}")


def _check_duties(source: Source, approval: Approval, trust: TrustRoot, person: Person, decision: Decision) -> None:
    if person.id not in trust.members(approval.role):
        members = ", ".join(f"`{member}`" for member in trust.members(approval.role)) or "nobody yet"
        raise Failure(
            "not in the role",
            f"`{approval.id}` is decided by `{approval.role}`: {members}. `{person.id}` is none of them.",
            exit_code=ExitCode.DENIED,
        )
    reason = exclusion(person.id, approval, source.case(approval, trust).excluded)
    if reason is None:
        return
    if reason.startswith("they are"):
        raise Failure(
            "duties are separated",
            f"`{person.id}` cannot {decision} `{approval.id}`: {reason}. "
            f"Somebody else of `{approval.role}` must decide.",
            exit_code=ExitCode.DENIED,
        )
    raise Failure(
        "duties cannot be separated",
        f"{reason}. The `owner` must be a person of the trust root, and models must be trained in a run that "
        "says who runs it: `charter run --key YOUR.key`.",
        exit_code=ExitCode.DENIED,
    )


def _check_time(there_is: Packet, person: Person, decision: Decision) -> None:
    if there_is.unready:
        lines = "\n".join(f"- `{stage}`: {why}" for stage, why in there_is.unready)
        raise Failure(
            "too early to decide",
            f"everything before `{there_is.approval.id}` must be done and allowed first. Run `charter run`; "
            f"this is not done:\n{lines}",
            exit_code=ExitCode.WAITING,
        )
    standing = there_is.verdict.approvals if decision == "approve" else there_is.verdict.rejections
    for signed in standing:
        if signed.person == person.id:
            raise Failure(
                f"already {'approved' if decision == 'approve' else 'rejected'}",
                f"`{person.id}` signed that at {signed.signed_at} (record {signed.seq}), and it counts. "
                "There is nothing more to sign.",
            )


def _record(
    source: Source, approval: Approval, there_is: Packet, by: Signatory, decision: Decision, comment: str
) -> StatementSigned:
    with open_journal(source.project, source.ir.lifecycle.name, create=False) as journal:
        # Time passed while a person read: sign only if a run beside this has not changed what was shown.
        fresh = whole_source(source.project)
        if fresh.ir.meaning != source.ir.meaning or fresh.reviewed(approval) != there_is.reviewed:
            raise Failure(
                "what there is to decide changed",
                "a run recorded something new while you were reading, so nothing was signed. Look again.",
                exit_code=ExitCode.WAITING,
            )
        statement, envelope = sign_statement(source.ir, there_is.reviewed, decision, by, journal.now(), comment=comment)
        body = StatementSigned(
            run=source.state.runs[-1].run,
            type=decision,
            approval=approval.id,
            person=by.person,
            role=approval.role,
            key=by.key.public.id,
            statement=digest(canonical_json(statement)),
            envelope=digest(envelope),
            iteration=there_is.reviewed.iteration,
        )
        journal.note(body, approve_stage(source.ir, approval).id, {body.envelope: envelope})
        journal.commit()
        anchor(journal.ledger, source.project.checkpoints_path)
    return body


def _opened(source: Source, approval: Approval) -> int | None:
    """The record of the decision that already opened the approval's gate, if one did."""
    stage = approve_stage(source.ir, approval)
    decided = source.state.stage(stage.id).exit
    return decided.seq if decided and source.standing[stage.id].status is Status.DONE else None


def _conclude(body: StatementSigned, there_is: Packet, opened: int | None, *, as_json: bool) -> None:
    signed = {item.person for item in there_is.verdict.approvals} | {body.person}
    missing = max(0, there_is.approval.quorum - len(signed)) if body.type == "approve" else 0
    if as_json:
        document = {
            "decision": body.type,
            "approval": body.approval,
            "person": body.person,
            "key": body.key,
            "statement": body.statement,
            "reviewed": there_is.reviewed.digest(),
            "iteration": body.iteration,
            "signatures_missing": missing,
            "gate_opened_before": opened,
        }
        click.echo(json.dumps(document, indent=2))
        return
    done = "approved" if body.type == "approve" else "rejected"
    click.echo(f"{click.style(done, bold=True)} `{body.approval}` as {body.person}; recorded as {body.statement[:19]}…")
    if opened is not None:
        click.echo(
            f"  its gate had opened before (record {opened}): the next `charter run` decides it again; what happened "
            "is not undone"
        )
    elif body.type == "reject":
        click.echo("  it stays denied until something that was reviewed changes, or you approve")
    elif missing:
        click.echo(f"  {missing} more of `{body.role}` must sign")
    else:
        click.echo("  the quorum is there: `charter run` goes on")
