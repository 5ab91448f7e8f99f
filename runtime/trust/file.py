"""The trust root's file: find it, read it, write it whole or not at all."""

import contextlib
import os
from pathlib import Path

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.project import Project
from charter.runtime.trust import root
from charter.runtime.trust.root import TrustRoot


def find(start: Path | None = None) -> Project:
    """The nearest directory at or above `start` with a trust root; `start` itself when there is none."""
    here = (start or Path.cwd()).absolute()
    for directory in (here, *here.parents):
        project = Project(directory)
        if project.trust_root_path.exists():
            return project
    return Project(here)


def load(project: Project) -> TrustRoot:
    """The project's trust root, verified.

    Raises:
        Failure: there is none, it cannot be read, or it is not what its administrators signed.
    """
    path = project.trust_root_path
    try:
        with path.open("rb") as file:
            data = file.read(root.LARGEST + 1)
    except FileNotFoundError as error:
        raise Failure(
            "no trust root here",
            f"`{path}` does not exist, so nobody can be recognised. Make it with "
            "`charter trust init --person YOU@EXAMPLE --name NAME --key KEY.pub --sign-with KEY`.",
        ) from error
    except OSError as error:
        raise Failure("cannot read the trust root", f"`{path}`: {error.strerror}.") from error
    return root.parse(data, f"`{path}`")


def save(project: Project, trust: TrustRoot, *, new: bool = False) -> None:
    """Write the trust root durably; a crash leaves the old file or the new one.

    Args:
        project: whose trust root.
        trust: what to write.
        new: refuse if there is one already.

    Raises:
        Failure: there is one already, or the disk refuses.
    """
    path = project.trust_root_path
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("xb") as file:
            file.write(root.render(trust))
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(scratch, path)  # unlike a rename, fails when the name is taken
        else:
            scratch.replace(path)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except FileExistsError as error:
        raise Failure(
            "the trust root exists",
            f"`{path}` is there already. `charter trust show` prints it, `charter trust add` changes it.",
        ) from error
    except OSError as error:
        raise Failure(
            "cannot write the trust root", f"`{path}`: {error.strerror}.", exit_code=ExitCode.ENVIRONMENT
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()
