"""One run at a time holds a project's lease; who comes second is told who holds it."""

import contextlib
import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure


@contextlib.contextmanager
def lease(path: Path) -> Iterator[None]:
    """Hold the lease of the state directory that `path` lies in; `path` says for people who holds it.

    The directory itself is locked (flock(2): the kernel lets go when the process ends, even by kill -9), so that
    removing the note does not make room for a second run.

    Raises:
        Failure: another run holds it, or the directory cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        note = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Failure(
            "cannot write the state directory",
            f"`{path.parent}`: {error.strerror}. A run records everything it does there, so without it nothing "
            "runs. Mend the permissions, or copy the project to where you can write.",
            exit_code=ExitCode.ENVIRONMENT,
        ) from error
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(
                "another run holds the lease",
                f"{_holder(note)} is running this project. Wait until it ends, or stop it; "
                "approving and auditing go on beside it.",
                exit_code=ExitCode.WAITING,
            ) from None
        _sign_in(note)
        yield
    finally:
        os.close(directory)
        os.close(note)


def _sign_in(handle: int) -> None:
    note = {
        "pid": os.getpid(),
        "user": _user(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with contextlib.suppress(OSError):  # a full disk must not hide the better message that follows
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(note).encode(), 0)


def _holder(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
        return f"process {int(note['pid'])} of {note['user']} on {note['host']}, since {note['since']},"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
