"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from charter.runtime.failure import Failure
from charter.runtime.project import Project, find_project

Command = TypeVar("Command", bound=Callable[..., Any])

charter_file = click.argument("file", required=False)
set_option = click.option(
    "--set", "set_", multiple=True, metavar="NAME=VALUE", help="Override a parameter of the charter; repeatable."
)
project_option = click.option(
    "--project",
    "project_dir",
    type=click.Path(path_type=Path),
    help="The project's directory.  [default: the nearest one with a .charter folder]",
)


def engine_options(command: Command) -> Command:
    """Which policy engine decides."""
    return click.option(
        "--engine",
        type=click.Choice(["embedded", "opa"]),
        help="`opa` starts an OPA server on loopback unless --opa-url names one.  [default: embedded]",
    )(opa_server_options(command))


def opa_server_options(command: Command) -> Command:
    """Where a running OPA server is."""
    for option in (
        click.option(
            "--opa-ca",
            type=click.Path(path_type=Path),
            help="CA file for an https --opa-url. A bearer token is read from $CHARTER_OPA_TOKEN; a client's "
            "certificate and key (PEM files) are named by $CHARTER_OPA_CERT and $CHARTER_OPA_KEY.",
        ),
        click.option("--opa-url", metavar="URL", help="An OPA server that is already running; implies --engine opa."),
    ):
        command = option(command)
    return command


def overrides(given: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` pairs.

    Raises:
        Failure: no `=`, or a name twice.
    """
    found: dict[str, str] = {}
    for item in given:
        name, sign, value = item.partition("=")
        if not sign or not name or not value:
            raise Failure(
                "not an override", f"`--set {item}` should be `--set NAME=VALUE`, such as `--set min-auc=0.78`."
            )
        if name in found:
            raise Failure("override given twice", f"`{name}` is set more than once; leave one.")
        found[name] = value
    return found


def chosen_project(project_dir: Path | None) -> Project:
    """The project of `--project`, or the nearest one.

    Raises:
        Failure: there is none.
    """
    if project_dir is None:
        return find_project()
    return find_project(project_dir)
