"""What the commands that change the trust root share: sign here as a quorum, or propose it to people elsewhere."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from charter.runtime.cli.inert import inert
from charter.runtime.cli.output import write_whole
from charter.runtime.cli.signing import signing_key
from charter.runtime.cli.trust_show import show_trust
from charter.runtime.failure import Failure
from charter.runtime.project import Project
from charter.runtime.trust import file
from charter.runtime.trust.changes import Change, extend, next_version
from charter.runtime.trust.proposal import (
    Proposal,
    add_signature,
    differences,
    render_proposal,
    signed_by,
)
from charter.runtime.trust.root import TrustRoot, refuse_unsound

Command = TypeVar("Command", bound=Callable[..., Any])


def change_options(command: Command) -> Command:
    """The options of a command that changes the trust root."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print it as JSON."),
        click.option("--project", "directory", type=click.Path(path_type=Path), help="The project; default: here."),
        click.option(
            "--propose",
            type=click.Path(path_type=Path),
            help="Write the change to this file instead, for others to sign with `charter trust sign`.",
        ),
        click.option(
            "--sign-with",
            "privates",
            multiple=True,
            type=click.Path(path_type=Path),
            help="An administrator's private key; repeat it for a quorum.",
        ),
    ):
        command = option(command)
    return command


def change_trust(
    project: Project,
    trust: TrustRoot,
    change: Change,
    privates: tuple[Path, ...],
    propose: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make the change, if the keys at hand are a quorum, or write it down for others to sign.

    Raises:
        Failure: no quorum, nothing to change, or not acceptable.
    """
    now = datetime.now(UTC)
    keys = [signing_key(path) for path in privates]
    if propose is None:
        if not keys:
            raise Failure(
                "who signs it?",
                "a change of the trust root is signed by its administrators: give `--sign-with KEY`, or write it to a "
                "file with `--propose FILE` for others to sign.",
            )
        made = extend(trust, change, keys, now)
        file.save(project, made)
        show_trust(project, made, as_json=as_json)
        return
    version = next_version(trust, change, now)
    refuse_unsound(trust.current, version)
    proposal = Proposal(signed=version)
    for key in keys:
        proposal = add_signature(proposal, trust, key)
    write_whole(propose, render_proposal(proposal), "the proposal", hint="Name a file that can be written.")
    show_proposal(proposal, trust, propose)


def show_proposal(proposal: Proposal, trust: TrustRoot, path: Path) -> None:
    """Print what a proposal changes, and who has signed it."""
    click.echo(f"{click.style(inert(path), bold=True)}: version {proposal.signed.version} of the trust root would say")
    for line in differences(trust.current, proposal.signed):
        click.echo(f"  {inert(line)}")
    have, wanted = signed_by(proposal, trust), trust.current.administrators.quorum
    click.echo(f"signed by {', '.join(have) or 'nobody yet'}; it takes {wanted}")
    if len(have) < wanted:
        click.echo(f"next:  charter trust sign {inert(path)} --sign-with KEY   (another administrator, anywhere)")
    else:
        click.echo(f"next:  charter trust apply {inert(path)}")


def moment(text: str | None, option: str) -> datetime:
    """A date or time as a person gives it, UTC if it has no zone; now, if none is given.

    Raises:
        Failure: not a date or time, or one to come.
    """
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            "not a time", f"`{option} {inert(text)[:60]}` should be a date or time such as `2026-11-22`."
        ) from None
    given = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    if given > now:
        raise Failure("not yet", f"`{option} {inert(text)}` is to come; say it when it has happened.")
    return given
