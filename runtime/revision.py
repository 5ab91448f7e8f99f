"""Charters as they were at a revision of the project's Git repository, read without touching the working tree."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from charter.runtime.failure import ExitCode, Failure

READ = (".charter", ".rego", ".json", ".py")
"""What a charter may be made of; data is not needed to compare what is demanded."""

MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 20_000
_LARGEST = 8 * 1024 * 1024
_SECONDS = 60


@contextmanager
def at_revision(file: Path, revision: str) -> Iterator[Path]:
    """A copy of `file`, and of all that it may name, as committed at `revision`.

    Raises:
        Failure: no repository, no such revision, the file is not in it, or Git fails.
    """
    home = file.absolute().parent
    _known(home)
    if revision.startswith("-") or not revision.strip():
        raise Failure("no such revision", f"`{revision}` is no revision. Name a branch, a tag or a commit.")
    commit = _git(home, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", may_fail=True)
    if not commit.strip():
        raise Failure("no such revision", f"the repository of `{home}` has no revision `{revision}`.")
    prefix = _git(home, "rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
    top = _git(home, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n")
    with tempfile.TemporaryDirectory(prefix="charter-diff-") as name:
        root = Path(name).resolve()
        _write(root, Path(top), commit.decode().strip())
        there = root / prefix / file.name
        if not there.is_file():
            detail = f"`{file}` is not in revision `{revision}`. Was it called something else? Name both files instead."
            raise Failure("not in that revision", detail)
        yield there


def _known(home: Path) -> None:
    if not home.is_dir():
        raise Failure("no such directory", f"`{home}` is not a directory.")
    if _git(home, "rev-parse", "--is-inside-work-tree", may_fail=True).strip() != b"true":
        detail = f"`{home}` is in no Git repository, so there is no revision to compare with. Name two files instead."
        raise Failure("no Git repository", detail)


def _write(root: Path, top: Path, commit: str) -> None:
    listing = _git(top, "ls-tree", "-r", "-z", "-l", "--full-tree", commit)
    wanted = [entry for entry in _entries(listing) if _is_read(*entry)]
    total = sum(size for _, size, _ in wanted)
    if len(wanted) > MOST_FILES or total > MOST_BYTES:
        raise Failure(
            "too much in that revision",
            f"it has {len(wanted)} charters, policies, schemas and modules of {total} bytes. Name two files instead.",
        )
    data = _git(top, "cat-file", "--batch", given=b"".join(f"{blob}\n".encode() for blob, _, _ in wanted))
    at = 0
    for _, size, path in wanted:
        start = data.index(b"\n", at) + 1
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data[start : start + size])
        at = start + size + 1


def _entries(listing: bytes) -> Iterator[tuple[str, int, str]]:
    """(blob, size, path) of every regular file; links are left out, so that nothing leads outside."""
    for entry in listing.split(b"\0"):
        about, _, path = entry.partition(b"\t")
        parts = about.decode("ascii", "replace").split()
        if len(parts) == 4 and parts[0].startswith("100") and parts[3].isdigit():
            yield parts[2], int(parts[3]), path.decode("utf-8", "surrogateescape")


def _is_read(_blob: str, size: int, path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix in READ and size <= _LARGEST and not pure.is_absolute() and ".." not in pure.parts


def _git(home: Path, *arguments: str, given: bytes = b"", may_fail: bool = False) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments; a revision cannot be an option
            ["git", "-C", str(home), *arguments],  # noqa: S607 - the user's own git
            input=given,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        detail = "`git` is not on the PATH. Install it, or name two files instead."
        raise Failure("no Git here", detail, exit_code=ExitCode.ENVIRONMENT) from None
    except subprocess.TimeoutExpired:
        detail = f"`git {arguments[0]}` took more than {_SECONDS} seconds. Name two files instead."
        raise Failure("Git does not answer", detail, exit_code=ExitCode.ENVIRONMENT) from None
    if done.returncode != 0 and not may_fail:
        said = done.stderr.decode("utf-8", "replace").strip()[:300]
        raise Failure("Git failed", f"`git {arguments[0]}`: {said}", exit_code=ExitCode.ENVIRONMENT)
    return done.stdout if done.returncode == 0 else b""
