"""What `halt`, `resume`, `break-glass` and `close-review` share."""

import difflib
import json
from typing import Any

import click

from charter.runtime.cli.act import Signer
from charter.runtime.events import ActSigned
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.source import Source


def check_lifecycle(source: Source, name: str) -> None:
    """Refuse another name than the lifecycle's: this stops and starts real things.

    Raises:
        Failure: it is another.
    """
    own = source.ir.lifecycle.name
    if name != own:
        hint = " Did you mean it?" if difflib.get_close_matches(name, [own]) else ""
        raise Failure("another lifecycle", f"the lifecycle here is `{own}`, not `{name}`.{hint}")


def check_reason(comment: str) -> None:
    """Refuse an act without a reason: somebody must be able to judge it later.

    Raises:
        Failure: there is none.
    """
    if not comment.strip():
        raise Failure("why?", "say with `--comment` why; it is signed and recorded.")


def check_administrator(signer: Signer, what: str) -> None:
    """Refuse who does not administrate the trust root.

    Raises:
        Failure: they do not.
    """
    administrators = signer.trust.current.administrators.people
    if signer.person.id not in administrators:
        raise Failure(
            "not an administrator",
            f"{what} is for the trust root's administrators: {', '.join(f'`{who}`' for who in administrators)}. "
            f"`{signer.person.id}` is none of them.",
            exit_code=ExitCode.DENIED,
        )


def servers_of(source: Source) -> tuple[tuple[str, str], ...]:
    """What is being served: stage and address."""
    return tuple(
        (stage, str(server.get("address")))
        for stage, servers in sorted(source.state.servers.items())
        for server in servers
        if stage.partition("/")[2] not in source.dead
    )


def stop_servers(source: Source) -> tuple[tuple[str, ...], tuple[Failure, ...]]:
    """Stop every server that a deployment started; which were stopped, and why others could not be.

    A later run finds them gone and asks the gates.
    """
    from charter.runtime.stages.serving import stop_server

    stopped, failures = [], []
    for server in (server for servers in source.state.servers.values() for server in servers):
        try:
            if stop_server(server):
                stopped.append(str(server.get("address")))
        except Failure as failure:  # one that does not stop must not keep the others alive
            failures.append(failure)
    return tuple(stopped), tuple(failures)


def conclude(body: ActSigned, more: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print what was signed."""
    if as_json:
        document = {"act": body.act, "name": body.name, "person": body.person, "statement": body.statement, **more}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(f"{text}\n  signed by {body.person}, recorded as {body.statement[:19]}…")
