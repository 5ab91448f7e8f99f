"""Where a ledger is: a file, the URL of a PostgreSQL database, or a file that holds nothing but such a URL."""

from pathlib import Path
from urllib.parse import urlsplit

from charter.runtime.ledger import sqlite_store
from charter.runtime.ledger.errors import Refused
from charter.runtime.ledger.store import Identity, Store

Location = Path | str
"""A file's path, or a URL that starts with one of `SCHEMES`."""

SCHEMES = ("postgresql://", "postgres://")
_MAX_URL = 2048


def location(text: str) -> Location:
    """What a person gave: a URL, else a path."""
    return text if text.startswith(SCHEMES) else Path(text)


def resolve(given: Location) -> Location:
    """The place itself: a file that holds a URL stands for the database.

    Raises:
        Refused: the URL holds a password.
    """
    if isinstance(given, str):
        return _checked(given, "the URL")
    try:
        with given.open("rb") as file:
            start = file.read(_MAX_URL)
    except OSError:
        return given  # missing or unreadable: the store says so in its own words
    text = start.decode("ascii", "replace").strip()
    return _checked(text, f"`{given}`") if text.startswith(SCHEMES) and "\n" not in text else given


def moved_aside(path: Path) -> Path:
    """Where the file stays that was a ledger before it moved into a database."""
    return path.with_name(f"{path.name}.moved")


def write_pointer(path: Path, url: str) -> None:
    """Make a file stand for a database; it must not exist."""
    line = f"{_checked(url, 'the URL')}\n"
    with path.open("x") as file:
        file.write(line)


def exists(place: Location, *, may_miss: bool) -> bool:
    """Whether there is something where the ledger should be; raises as `sqlite_store.check_path`."""
    if isinstance(place, Path):
        return sqlite_store.check_path(place, may_miss=may_miss)
    from charter.runtime.ledger import postgres_store

    return postgres_store.store_exists(place)


def open_store(place: Location, *, create_as: Identity | None) -> Store:
    """Open for appending; raises as the store of the place does."""
    if isinstance(place, Path):
        return sqlite_store.open_store(place, create_as=create_as)
    from charter.runtime.ledger import postgres_store

    return postgres_store.open_store(place, create_as=create_as)


def open_store_read_only(place: Location) -> Store:
    """Open for reading; raises as the store of the place does."""
    if isinstance(place, Path):
        return sqlite_store.open_store_read_only(place)
    from charter.runtime.ledger import postgres_store

    return postgres_store.open_store_read_only(place)


def discard(place: Location) -> None:
    """Remove a ledger that was not finished."""
    if isinstance(place, Path):
        for suffix in ("", "-wal", "-shm"):
            place.with_name(place.name + suffix).unlink(missing_ok=True)
        return
    from charter.runtime.ledger import postgres_store

    postgres_store.discard(place)


def _checked(url: str, where: str) -> str:
    try:
        password = urlsplit(url).password or "password=" in urlsplit(url).query
    except ValueError as error:
        raise Refused("not a database URL", f"{where} cannot be read as a URL: {error}.") from None
    if password:
        raise Refused(
            "password in a database URL",
            f"{where} holds a password, which others could read. Put it into `~/.pgpass` or `$PGPASSWORD`, and "
            "leave it out of the URL.",
        )
    return url
