"""`charter fmt`: bring charters into the one layout."""

import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import click

from charter.dsl.diagnostics import Diagnostic
from charter.dsl.format import format_source
from charter.dsl.load import MAX_BYTES, decode, load_bytes
from charter.dsl.source import Source
from charter.runtime.cli.inert import inert
from charter.runtime.failure import ExitCode, Failure

_STDIN = "-"


class Outcome(StrEnum):
    """What became of a file."""

    UNCHANGED = "unchanged"
    FORMATTED = "formatted"
    WOULD_FORMAT = "would format"
    REFUSED = "refused"


@dataclass(frozen=True)
class Result:
    """One file: its text before and after, and the mistakes that kept it from being laid out."""

    path: str
    before: Source | None
    after: str | None
    changed: bool
    mistakes: tuple[Diagnostic, ...]


@click.command()
@click.argument("files", nargs=-1, metavar="[FILES]...")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; show what would change, exit 1 if anything.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def fmt(files: tuple[str, ...], *, only_check: bool, show_diff: bool, as_json: bool) -> int:
    """Bring FILES into the one layout: white space changes, and nothing else.

    Of a directory every `*.charter` below it is taken, hidden directories and symbolic links aside; without FILES
    the current directory is. `-` reads standard input and prints. Comments stay, and so does what texts in quotes
    say. A file with mistakes that leave its structure in doubt is left as it is.

    Exit codes: 0 done, 1 a file would change (`--check`, `--diff`), 2 a file was left as it is.
    """
    writes = not (only_check or show_diff)
    outcomes: dict[str, Outcome] = {}
    for path in _paths(files or (".",)):
        result = _standard_input() if path == _STDIN else _laid_out(path)
        if path == _STDIN and writes and result.after is not None:
            click.echo(result.after, nl=False)
        elif writes and result.changed and result.after is not None:
            _write(Path(path), result.after)
        if show_diff and result.changed and not as_json:
            click.echo(_diff(result), nl=False)
        outcomes[result.path] = _outcome(result, writes=writes)
        _show_mistakes(result)
    if as_json:
        click.echo(
            json.dumps({"files": [{"path": path, "outcome": item} for path, item in outcomes.items()]}, indent=2)
        )
    else:
        _show(outcomes)
    return int(_code(outcomes.values()))


def _paths(files: Iterable[str]) -> list[str]:
    """The files that are meant, each once.

    Raises:
        Failure: there is none.
    """
    found: dict[str, None] = {}
    for name in files:
        if name != _STDIN and os.path.isdir(name):  # noqa: PTH112 - does not raise, whatever the name
            found.update(dict.fromkeys(_below(name)))
        else:
            found[name] = None
    if not found:
        named = ", ".join(f"`{inert(name)}`" for name in files)
        raise Failure("no charter here", f"There is no file that ends in `.charter` in or below {named}. Name a file.")
    return list(found)


def _below(directory: str) -> Iterator[str]:
    # Links are not followed: what they point to may lie outside of the directory.
    for parent, directories, names in os.walk(directory):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.endswith(".charter") and path.is_file() and not path.is_symlink():
                yield str(path)


def _laid_out(path: str) -> Result:
    data, mistakes = load_bytes(Path(path), path)
    return _result(path, data, mistakes)


def _standard_input() -> Result:
    return _result("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1), ())


def _result(path: str, data: bytes | None, mistakes: tuple[Diagnostic, ...]) -> Result:
    if data is None:
        return Result(path, None, None, changed=False, mistakes=mistakes)
    source, mistakes = decode(data, path)
    if source is None:
        return Result(path, None, None, changed=False, mistakes=mistakes)
    after, mistakes = format_source(source)
    changed = after is not None and after.encode("utf-8") != data
    return Result(path, source, after, changed, mistakes)


def _outcome(result: Result, *, writes: bool) -> Outcome:
    if result.after is None:
        return Outcome.REFUSED
    if not result.changed:
        return Outcome.UNCHANGED
    return Outcome.FORMATTED if writes else Outcome.WOULD_FORMAT


def _code(outcomes: Iterable[Outcome]) -> ExitCode:
    found = set(outcomes)
    if Outcome.REFUSED in found:
        return ExitCode.WRONG_INPUT
    return ExitCode.DENIED if Outcome.WOULD_FORMAT in found else ExitCode.OK


def _write(path: Path, text: str) -> None:
    """Replace a file's content; its permissions stay.

    Raises:
        Failure: it is a link, or may not be written.
    """
    from charter.runtime.cli.output import write_whole

    if path.is_symlink():
        raise Failure(
            "not written through a link",
            f"`{path}` is a symbolic link, and what it points to may lie anywhere. Name that file itself.",
        )
    if not os.access(path, os.W_OK):
        raise Failure(
            "cannot write the charter",
            f"`{path}` may not be written. Change its permissions, or use `--diff`.",
            exit_code=ExitCode.ENVIRONMENT,
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    write_whole(path, text.encode("utf-8"), "the charter", hint="The file is as it was.", mode=mode)


def _diff(result: Result) -> str:
    import difflib

    before = result.before.text if result.before is not None else ""
    # A carriage return at a line's end is shown, because it is what goes.
    lines = difflib.unified_diff(
        before.replace("\r", "\\r").splitlines(),
        (result.after or "").splitlines(),
        inert(result.path),
        inert(result.path),
        n=2,
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


def _show_mistakes(result: Result) -> None:
    if result.mistakes:
        from charter.dsl.render import render_text

        sources = {result.path: result.before} if result.before is not None else {}
        click.echo(render_text(result.mistakes, sources, color=False).rstrip("\n"), err=True)


def _show(outcomes: dict[str, Outcome]) -> None:
    """Which files changed, and how many did not; on standard error, where it is in no program's way."""
    for path, outcome in outcomes.items():
        if outcome is Outcome.REFUSED:
            click.echo(f"left as it is: {inert(path)}", err=True)
        elif outcome is not Outcome.UNCHANGED:
            click.echo(f"{outcome}: {inert(path)}", err=True)
    counts = {item: sum(outcome is item for outcome in outcomes.values()) for item in Outcome}
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    click.echo(f"{len(outcomes)} file{'s' if len(outcomes) != 1 else ''}: {words}", err=True)
