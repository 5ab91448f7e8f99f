"""Where an auditor's command finds the ledger and the key: a file that was named, or the project's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from charter.runtime.cli.options import chosen_project, project_option
from charter.runtime.ledger.checkpoint import VerifierKey
from charter.runtime.ledger.keys import load_public_key
from charter.runtime.ledger.ledger import Ledger
from charter.runtime.ledger.location import Location, location
from charter.runtime.project import Project
from charter.runtime.store import ArtifactStore


class _Place(click.ParamType):  # type: ignore[type-arg]
    """A ledger's file or the URL of its database."""

    name = "path or url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Location:
        """The URL as it is, anything else as a path."""
        return location(value) if isinstance(value, str) else cast(Location, value)


PLACE = _Place()

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Source:
    """A ledger and what lies beside it.

    Attributes:
        key_path: the file that the key came from; None: it is the one that the ledger names.
        anchor_path: the project's own anchors, None without a project or without such a file.
        store: the artifacts, compiled charters among them; None without a project.
        project: None when a ledger was named.
    """

    ledger_path: Location
    key: VerifierKey | None
    key_path: Path | None
    anchor_path: Path | None
    store: ArtifactStore | None = None
    project: Project | None = None


store_option = click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Where the compiled charters lie, when --ledger names a copy.  [default: the project's .charter/store]",
)


def source_options(command: Command, *, key: str = "--key") -> Command:
    """Options that say which ledger and key to use; they become `ledger`, `project_dir` and `key_path`.

    Args:
        command: what gets them.
        key: the key's option, where `--key` means something else.
    """
    for option in (
        click.option(
            key,
            "key_path",
            type=click.Path(path_type=Path),
            help="The ledger's public key (verifier key or PEM), best from your own files.",
        ),
        project_option,
        click.option(
            "--ledger",
            type=PLACE,
            help="A ledger's file, for instance a copy, or a postgresql:// URL.  [default: the project's]",
        ),
    ):
        command = option(command)
    return command


def with_source(command: Command, *, key: str = "--key") -> Command:
    """The same options and `--store`, found already: the command gets them as `source`."""

    @wraps(command)
    def found(
        *args: Any,
        ledger: Location | None,
        project_dir: Path | None,
        key_path: Path | None,
        store: Path | None,
        **options: Any,
    ) -> Any:
        return command(*args, source=find_source(ledger, project_dir, key_path, store), **options)

    return cast(Command, source_options(store_option(found), key=key))


def find_source(
    ledger: Location | None, project_dir: Path | None, key_path: Path | None, store: Path | None = None
) -> Source:
    """The ledger to read: `--ledger FILE`, else the project's with the public key beside it.

    Raises:
        Failure: no project, or the key's file is not usable.
    """
    if ledger is not None:
        key = load_public_key(key_path, None) if key_path else None
        return Source(ledger, key, key_path, None, ArtifactStore(store) if store else None)
    project = chosen_project(project_dir)
    if key_path is None and project.ledger_public_key_path.exists():
        key_path = project.ledger_public_key_path
    return Source(
        project.ledger_path,
        load_public_key(key_path, None) if key_path else None,
        key_path,
        project.checkpoints_path if project.checkpoints_path.exists() else None,
        ArtifactStore(store or project.store),
        project,
    )


def open_source(source: Source) -> Ledger:
    """The ledger, for reading.

    Raises:
        Tampered, Unavailable: it is damaged, missing or locked.
    """
    return Ledger.open_read_only(source.ledger_path, key=source.key)
