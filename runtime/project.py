"""Where a project keeps things: the charter's directory, and its state below `.charter/`."""

from pathlib import Path

from msgspec import Struct

from charter.runtime.failure import Failure

STATE = ".charter"


class Project(Struct, frozen=True):
    """One project directory; every path that Charter writes is named here."""

    root: Path

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.root / STATE

    @property
    def ledger_path(self) -> Path:
        """The audit ledger."""
        return self.state / "ledger.db"

    @property
    def ledger_key_path(self) -> Path:
        """The private key that signs checkpoints."""
        return self.state / "ledger.key"

    @property
    def ledger_public_key_path(self) -> Path:
        """Its public half, for auditors."""
        return self.state / "ledger.pub"

    @property
    def checkpoints_path(self) -> Path:
        """Signed checkpoints, one after the other, in a text file meant for version control."""
        return self.root / "charter.checkpoints"

    @property
    def time_stamps_path(self) -> Path:
        """Time stamps of these checkpoints, a file each, in a folder meant for version control."""
        return self.root / "charter.timestamps"

    @property
    def trust_root_path(self) -> Path:
        """The signed trust root: who holds which role, with which keys."""
        return self.root / "charter.trust.json"

    @property
    def store(self) -> Path:
        """Content-addressed artifacts."""
        return self.state / "store"

    @property
    def work(self) -> Path:
        """Scratch directories of running stages."""
        return self.state / "work"

    @property
    def lease_path(self) -> Path:
        """The lock that one run at a time holds."""
        return self.state / "lease"

    @property
    def serving(self) -> Path:
        """Records and logs of servers that deployments started."""
        return self.state / "serving"


def find_project(start: Path | None = None) -> Project:
    """The nearest directory at or above `start` that has run before.

    Raises:
        Failure: no such directory; nothing has been recorded here.
    """
    here = (start or Path.cwd()).absolute()
    for directory in (here, *here.parents):
        if (directory / STATE).is_dir():
            return Project(directory)
    raise Failure(
        "no Charter project here",
        f"neither `{here}` nor a directory above it has a `{STATE}` folder, so there is nothing recorded to look at. "
        "Go to the directory of your charter, or name it with `--project DIR`; `charter run` makes the folder.",
    )


def find_charter(given: str | None, start: Path | None = None) -> Path:
    """The charter file to work on: the one given, or the only `*.charter` file in the directory.

    Raises:
        Failure: none, or more than one.
    """
    if given is not None:
        return Path(given)
    # Paths as a person would give them: findings that are shown elsewhere name no directory of this machine.
    here = start or Path()
    found = sorted(path for path in here.glob("*.charter") if path.name != STATE)
    if len(found) == 1:
        return found[0]
    if not found:
        raise Failure(
            "no charter here",
            f"`{here.absolute()}` has no file that ends in `.charter`. Name the file, or go to its directory.",
        )
    names = ", ".join(f"`{path.name}`" for path in found)
    raise Failure("more than one charter here", f"name one of {names}.")
