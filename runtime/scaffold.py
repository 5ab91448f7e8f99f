"""New projects from templates: which files one has, and writing them without touching what is there."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure

RISKS = ("minimal", "limited", "high")

_TEMPLATES = Path(__file__).with_name("templates")
_COMMON = "common"
_PLACEHOLDER = "SYSTEM"
_HIDDEN = "dot-"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*", re.ASCII)
_LONGEST = 60


def system_name(given: str | None, directory: Path) -> str:
    """The name of the system: the one given, or the directory's.

    Raises:
        Failure: it is none that a charter can have.
    """
    name = given if given is not None else directory.absolute().resolve().name
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        whose = "The name" if given is not None else "The directory's name"
        raise Failure(
            "no name for a system",
            f"{whose} `{name[:_LONGEST]}` cannot name one: that is letters a-z, digits, `_` and `-`, beginning with a "
            f"letter, at most {_LONGEST} of them. Give another one with `--name`.",
        )
    return name


def project_files(risk: str, name: str) -> dict[str, bytes]:
    """The files of a new project by their path in it; `risk` is one of `RISKS`, `name` that of the system.

    In the templates `SYSTEM` stands for the name, and `dot-` for the dot of a hidden file or directory.
    """
    found: dict[str, bytes] = {}
    for directory in (_COMMON, risk):
        root = _TEMPLATES / directory
        for path in sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            parts = path.relative_to(root).parts
            shown = "/".join(f".{part.removeprefix(_HIDDEN)}" if part.startswith(_HIDDEN) else part for part in parts)
            text = path.read_text("utf-8").replace(_PLACEHOLDER, name)
            found[shown.replace(_PLACEHOLDER, name)] = text.encode("utf-8")
    return dict(sorted(found.items()))


def write_project(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write a new project's files; either none of them is there yet, or nothing is written.

    Raises:
        Failure: a file is there already, or one cannot be written.
    """
    there = [name for name in files if os.path.lexists(directory / name)]
    if there:
        listed = ", ".join(f"`{name}`" for name in there)
        raise Failure(
            "files are there already",
            f"{listed} in `{directory}` would be overwritten, so nothing was written. "
            "Name a new directory, or move them away.",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        root = directory.resolve()
        for name in files:
            if not (root / name).parent.resolve().is_relative_to(root):
                raise Failure(
                    "a link leads elsewhere",
                    f"`{Path(name).parent}` in `{directory}` is a link to outside of it, so nothing was written. "
                    "Remove the link.",
                )
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:  # a file that has come since is not overwritten either
                stream.write(data)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise Failure(
            "cannot write the project",
            f"`{directory}`: {reason.lower()}. Name a directory that you may write to.",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
