"""Content-addressed artifacts: a file is named by its SHA-256, so a result cannot change under its name."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from charter.runtime.events import Artifact
from charter.runtime.failure import ExitCode, Failure

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SMALL = 1 << 16
_LARGE = 1 << 20
"""Bytes from which a sync may take long: it is not waited for while the ledger is locked."""


def digest_bytes(data: bytes) -> str:
    """`sha256:` and the hex digest of `data`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_file(path: Path | str) -> Artifact:
    """Digest and size of a regular file, read in pieces.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # nobody waits for a pipe put in its place
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size < _SMALL:  # `file_digest` makes a larger buffer
            data = file.read()
            return Artifact(digest_bytes(data), len(data))
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Artifact(f"sha256:{digest}", file.tell())


class ArtifactStore:
    """Files in `root`, each under its digest; written once, read-only, verified when asked.

    One directory: file systems of today look names up in a tree, and every directory more is one more to make and sync.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._place = str(root)
        self._made = False
        self._syncs: list[Future[None]] = []
        """One for each file that was adopted since `make_durable`."""
        self._syncer: ThreadPoolExecutor | None = None

    def _make_root(self) -> None:
        if self._made:
            return
        if not self.root.is_dir():
            self.root.mkdir(parents=True, exist_ok=True)
            _sync(self.root.parent)
        self._made = True

    def path(self, digest: str) -> Path:
        """Where the artifact lies (or would).

        Raises:
            ValueError: not a digest; a name from outside never becomes a path.
        """
        return Path(self._file(digest))

    def _file(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"`{digest}` is not a SHA-256 digest")
        return f"{self._place}/{digest[7:]}"

    def has(self, digest: str) -> bool:
        """Whether the artifact is here."""
        return os.path.isfile(self._file(digest))  # noqa: PTH113 - asked of every artifact of an unchanged run

    def holds(self, digest: str) -> bool:
        """Whether the artifact is here, and its bytes still are what its name says."""
        try:
            return digest_file(self._file(digest)).digest == digest
        except OSError:
            return False

    def adopt(self, file: Path) -> Artifact:
        """Move a file into the store (same file system). It is durable after `make_durable`, not before.

        Its sync begins here, on a thread of its own: the disk works while the gates decide. A large one is waited for
        here, since whoever waits in `make_durable` holds the ledger's lock, and others would not get it in time.

        Raises:
            Failure: the disk is full or the store cannot be written.
        """
        artifact = digest_file(file)
        target = self._file(artifact.digest)
        try:
            if self.holds(artifact.digest):
                file.unlink()
            else:
                self._make_root()
                os.chmod(file, 0o444)  # noqa: PTH101 - twice as quick, as below
                os.replace(file, target)  # noqa: PTH105
            if artifact.size >= _LARGE or not self._begin_sync(target):
                self._sync_named(target)
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        return artifact

    def _begin_sync(self, file: str) -> bool:
        """Have the thread sync a file; whether the system has a thread for it."""
        if self._syncer is None:
            self._syncer = ThreadPoolExecutor(1, thread_name_prefix="charter-store")
        try:
            self._syncs.append(self._syncer.submit(self._sync_named, file))
        except RuntimeError:
            return False
        return True

    def _sync_named(self, file: str) -> None:
        _sync(file)
        _sync(self.root)

    def make_durable(self) -> None:
        """Have everything that was adopted survive a loss of power; only then may the ledger name it.

        A file gets its name first and is synced then, which mostly costs one commit of the file system's journal for
        file and directory. A loss of power in between leaves a torn file that nothing names, and its name tells that it
        is torn.

        Whoever is interrupted here waits again the next time; and what failed once fails again, since a second sync of
        the same file would succeed without having written anything.

        Raises:
            Failure: the disk is full or the store cannot be written.
        """
        try:
            for sync in self._syncs:
                sync.result()
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        self._syncs.clear()

    def put(self, data: bytes) -> Artifact:
        """Store bytes; they and their name are durable when this returns.

        Raises:
            Failure: the disk is full or the store cannot be written.
        """
        artifact = Artifact(digest_bytes(data), len(data))
        target = self.path(artifact.digest)
        try:
            if self.holds(artifact.digest):
                self._sync_named(str(target))  # whoever put it there may have been killed before that
                return artifact
            self._make_root()
            scratch = target.with_name(f".{target.name}.{os.getpid()}")
            scratch.write_bytes(data)
            scratch.chmod(0o444)
            _sync(scratch)
            scratch.replace(target)
            _sync(self.root)
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        return artifact

    def read(self, digest: str) -> bytes:
        """The artifact's bytes, verified.

        Raises:
            Failure: missing, or no longer what its name says.
        """
        try:
            data = self.path(digest).read_bytes()
        except OSError as error:
            raise Failure(
                "artifact missing",
                f"`{digest}` is named by the ledger but cannot be read from `{self.root}`: {error.strerror}. "
                "Restore `.charter/store` from a backup, or run again.",
                exit_code=ExitCode.ENVIRONMENT,
            ) from error
        if digest_bytes(data) != digest:
            raise Failure(
                "artifact altered",
                f"the file of `{digest}` in `{self.root}` has other bytes than its name says. "
                "Delete the file and run again to make it anew, and find out who changed it.",
                exit_code=ExitCode.DENIED,
            )
        return data

    def erase(self, digest: str) -> bool:
        """Remove an artifact; whether it was there."""
        try:
            self.path(digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def digests(self) -> Iterator[str]:
        """Every artifact in the store."""
        for file in sorted(self.root.glob("*")):
            if not file.name.startswith("."):
                yield f"sha256:{file.name}"


def _sync(path: Path | str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_write(root: Path, error: OSError) -> Failure:
    return Failure(
        "cannot write the artifact store",
        f"`{root}`: {error.strerror or error}. Free space or mend the permissions, then run again: "
        "finished stages are kept and are not repeated.",
        exit_code=ExitCode.ENVIRONMENT,
    )
