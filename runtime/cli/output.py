"""Files that commands write: whole or not at all."""

import os
import tempfile
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure


def write_whole(target: Path, data: bytes, what: str, *, hint: str, mode: int = 0o644) -> None:
    """Write a file in one step: a write that is cut short leaves what was there.

    Args:
        what: what the file is, for the message (`"the IR"`).
        hint: a sentence that says what to do when it cannot be written.
        mode: permissions of the file.

    Raises:
        Failure: the directory is missing, not writable, full, or the name is no path.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                os.fchmod(stream.fileno(), mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise Failure(
            f"cannot write {what}",
            f"`{target}` cannot be written: {reason.lower()}. {hint}",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
