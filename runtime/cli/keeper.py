"""What the commands share that change a ledger itself: who does it, the ground, and the ledger opened for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.cli.signing import key_owner, signing_key
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger, anchor
from charter.runtime.ledger.administration import Keeper
from charter.runtime.project import Project
from charter.runtime.session import claimed_actor

Command = TypeVar("Command", bound=Callable[..., Any])


def keeper_options(command: Command) -> Command:
    """`--sign-with`, `--ground`, `--project` and `--json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print it as JSON."),
        project_option,
        click.option("--ground", default="", help="Why; recorded for good, so without what is to be erased."),
        click.option(
            "--sign-with",
            type=click.Path(path_type=Path),
            help="Your private key: shows which administrator of the trust root you are.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def keeping(project_dir: Path | None, sign_with: Path | None) -> Iterator[tuple[Project, Ledger, Keeper]]:
    """The project's ledger for a change of it, and who makes the change; anchored again at the end.

    Raises:
        Failure: not an administrator, no key where there is a trust root, or the ledger cannot be used.
    """
    project = chosen_project(project_dir)
    by = _keeper(project, sign_with)
    with Ledger.open_read_only(project.ledger_path) as reading:
        origin = reading.origin
    with Ledger.open(
        project.ledger_path, key_path=project.ledger_key_path, origin=origin, anchor_path=project.checkpoints_path
    ) as ledger:
        yield project, ledger, by
        anchor(ledger, project.checkpoints_path)


def _keeper(project: Project, sign_with: Path | None) -> Keeper:
    from charter.runtime.trust import file

    if sign_with is None:
        if project.trust_root_path.exists():
            raise Failure(
                "who are you",
                "This project has a trust root, and only its administrators change the ledger itself. "
                "Show that you are one: `--sign-with YOUR.key`.",
            )
        return Keeper(claimed_actor().name)
    trust = file.load(project)
    key = signing_key(sign_with)
    person = key_owner(trust, key, None, sign_with)
    if person.id not in trust.current.administrators.people:
        raise Failure(
            "not an administrator",
            f"`{person.id}` is no administrator of the trust root, and only they change the ledger itself: "
            f"{', '.join(f'`{name}`' for name in trust.current.administrators.people)}.",
            exit_code=ExitCode.DENIED,
        )
    return Keeper(person.id, key.public.id)
