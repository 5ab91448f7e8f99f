"""What the commands of a witness share: where its key and its memory are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def witness_options(command: Command) -> Command:
    """Options for the two files of a witness, `key` and `state`."""
    for option in (
        click.option(
            "--state",
            type=click.Path(path_type=Path),
            default=Path("witness.checkpoints"),
            show_default=True,
            help="Where it remembers what it has seen.",
        ),
        click.option(
            "--key", type=click.Path(path_type=Path), default=Path("witness.key"), show_default=True, help="Its key."
        ),
    ):
        command = option(command)
    return command
