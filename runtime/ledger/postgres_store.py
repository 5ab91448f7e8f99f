"""The store for teams: a PostgreSQL database, one writer at a time under an advisory lock, every commit synced.

The tables are those of the SQLite file, in a schema of their own. Bytes are BYTEA and texts TEXT: `jsonb` would
rewrite numbers and drop duplicate keys, and what was hashed would be gone.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from charter.runtime.ledger.errors import Damaged, Unavailable
from charter.runtime.ledger.record import index_of, parse_header
from charter.runtime.ledger.store import Identity, Row

if TYPE_CHECKING:
    import psycopg

SCHEMA = "charter_ledger_v1"
BUSY_MILLISECONDS = 10_000
_LOCK = int.from_bytes(sha256(SCHEMA.encode()).digest()[:7])
_CONNECT_SECONDS = 10
_PAGE = 2000
_ATTACHMENT_CHUNK = 1 << 20

_TABLES = {
    "attachment": "digest text PRIMARY KEY, seq bigint NOT NULL, data bytea NOT NULL",
    "log": "id integer PRIMARY KEY CHECK (id = 1), origin text NOT NULL, key text NOT NULL, checkpoint text NOT NULL",
    "record": "seq bigint PRIMARY KEY, id bigint NOT NULL, header bytea NOT NULL, salt bytea, body bytea",
    "tile": "n bigint PRIMARY KEY, hash bytea NOT NULL",
}
_INDEX = "CREATE INDEX record_id ON record (id)"
_COLUMNS = {name: [(part.split()[0], part.split()[1]) for part in text.split(", ")] for name, text in _TABLES.items()}

_ROW = "SELECT seq, id, header, salt, body FROM record "


class PostgresStore:
    """A ledger in a PostgreSQL database (see `store.Store`); one thread at a time may use it."""

    def __init__(self, connection: "psycopg.Connection[Any]", shown: str) -> None:
        self._connection = connection
        self._shown = shown
        self._session = _Session(connection)
        self._broken: str | None = None
        self._process = os.getpid()

    @contextmanager
    def transaction(self) -> Iterator["_Session"]:
        """One transaction under the ledger's advisory lock; on leaving, the server has synced it to its disk."""
        self._check_usable()
        try:
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield self._session
            self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - raised again, in words when it is the server's
            raise self._failed(error) from None

    @contextmanager
    def snapshot(self) -> Iterator["_Session"]:
        """One read transaction that sees one state."""
        self._check_usable()
        try:
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield self._session
            self._connection.execute("ROLLBACK")
        except BaseException as error:  # noqa: BLE001 - raised again, in words when it is the server's
            raise self._failed(error) from None

    def scrub(self) -> None:
        """Write the tables anew without their dead rows. The server's own log keeps them until it is recycled."""
        self._check_usable()
        try:
            for table in ("record", "attachment"):
                self._connection.execute(f"VACUUM (FULL) {table}".encode())
            self._connection.execute("CHECKPOINT")
        except BaseException as error:  # noqa: BLE001 - raised again, in words when it is the server's
            raise self._failed(error) from None

    def close(self) -> None:
        """Close the connection; may be called twice."""
        import psycopg

        with suppress(psycopg.Error):
            self._connection.close()
        self._broken = self._broken or "it was closed"

    def _check_usable(self) -> None:
        if self._broken:
            raise Unavailable(
                "ledger handle is closed",
                f"`{self._shown}` is not used any more by this process because {self._broken}. "
                "Mend the cause and start again; what was acknowledged is recorded.",
            )
        if os.getpid() != self._process:
            raise Unavailable(
                "ledger handle belongs to another process",
                f"`{self._shown}` was opened before a fork. Open the ledger in the process that uses it.",
            )

    def _failed(self, error: BaseException) -> BaseException:
        """Undo what was begun; the failure to raise. But for a lock, an error of the server closes the door."""
        import psycopg

        with suppress(psycopg.Error):
            self._connection.execute("ROLLBACK")
        if not isinstance(error, psycopg.Error | UnicodeDecodeError):
            return error
        failure = _translate(error, self._shown)
        if not isinstance(error, psycopg.errors.LockNotAvailable):
            self._broken = f"of an earlier error ({failure.summary})"
            self._connection.close()
        return failure


class _Session:
    """Reads and writes inside one transaction (see `store.Transaction` and `store.Snapshot`)."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement.encode(), values, binary=True).fetchall()

    def _one(self, statement: str, *values: object) -> Any:
        (row,) = self._all(statement, *values)
        return row[0]

    def _stream(self, statement: str) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor("charter_read", binary=True) as cursor:
            cursor.itersize = _PAGE
            cursor.execute(statement.encode())
            yield from cursor

    def identity(self) -> Identity:
        rows = self._all("SELECT origin, key, checkpoint FROM log")
        if len(rows) != 1:
            raise _damaged("the table `log` does not hold one row")
        return Identity(*rows[0])

    def checkpoint(self) -> str:
        return self.identity().checkpoint

    def rows(self, start: int, end: int) -> list[Row]:
        return [Row(*row) for row in self._all(_ROW + "WHERE seq >= %s AND seq < %s ORDER BY seq", start, end)]

    def last_seq(self) -> int:
        return int(self._one("SELECT coalesce(max(seq), -1) FROM record"))

    def find(self, idems: Sequence[str]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        names = frozenset(idems)
        for columns in self._all(_ROW + "WHERE id = ANY(%s)", [index_of(idem) for idem in idems]):
            row = Row(*columns)
            header = parse_header(row.header)
            if header is None:
                raise _damaged(f"the header of record {row.seq} is malformed")
            if header.idem in names:
                found[header.idem] = row
        return found

    def tiles(self, start: int, end: int) -> list[tuple[int, bytes]]:
        found = self._all("SELECT n, hash FROM tile WHERE n >= %s AND n < %s ORDER BY n", start, end)
        return [(number, digest) for number, digest in found]

    def attachment(self, digest: str) -> bytes | None:
        for (data,) in self._all("SELECT data FROM attachment WHERE digest = %s", digest):
            return bytes(data)
        return None

    def of_kind(self, kind: str) -> list[Row]:
        said = f'"kind":"{kind}"'.encode()
        return [Row(*row) for row in self._all(_ROW + "WHERE position(%b in header) > 0 ORDER BY seq", said)]

    def add_records(self, rows: Sequence[Row]) -> None:
        # Columns as arrays: one statement and one round trip for any number of rows.
        self._connection.execute(
            b"INSERT INTO record (seq, id, header, salt, body)"
            b" SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bytea[], %b::bytea[], %b::bytea[])",
            [list(column) for column in zip(*rows, strict=True)],
        )

    def add_tile(self, number: int, digest: bytes) -> None:
        self._connection.execute(b"INSERT INTO tile (n, hash) VALUES (%s, %b)", (number, digest))

    def add_attachment(self, digest: str, seq: int, data: bytes) -> None:
        self._connection.execute(
            b"INSERT INTO attachment (digest, seq, data) VALUES (%s, %s, %b) ON CONFLICT (digest) DO NOTHING",
            (digest, seq, data),
        )

    def set_checkpoint(self, note: str) -> None:
        self._connection.execute(b"UPDATE log SET checkpoint = %s WHERE id = 1", (note,))

    def set_key(self, key: str) -> None:
        self._connection.execute("UPDATE log SET key = %s WHERE id = 1", (key,))

    def erase(self, seqs: Sequence[int], digests: Sequence[str]) -> None:
        self._connection.execute("UPDATE record SET salt = NULL, body = NULL WHERE seq = ANY(%s)", (list(seqs),))
        self._connection.execute("DELETE FROM attachment WHERE digest = ANY(%s)", (list(digests),))

    def all_rows(self) -> Iterator[tuple[object, ...]]:
        return self._stream(_ROW + "ORDER BY seq")

    def all_ids(self) -> Iterator[tuple[object, ...]]:
        return self._stream("SELECT id, seq FROM record ORDER BY id, seq")

    def lookalikes(self) -> Iterator[tuple[object, ...]]:
        return self._stream(
            "SELECT id, header FROM record WHERE id IN"
            " (SELECT id FROM record GROUP BY id HAVING count(*) > 1) ORDER BY id, seq"
        )

    def all_tiles(self) -> Iterator[tuple[object, ...]]:
        # Read with the records at once, while their cursor is open; a tile is a hash for 256 of them.
        return iter(self._all("SELECT n, hash FROM tile ORDER BY n"))

    def all_attachments(self) -> Iterator[tuple[object, ...]]:
        digests = self._all("SELECT digest, seq, length(data) FROM attachment ORDER BY seq, digest")
        for digest, seq, size in digests:
            measured = sha256()
            for start in range(1, size + 1, _ATTACHMENT_CHUNK):
                part = "SELECT substring(data FROM %s FOR %s) FROM attachment WHERE digest = %s"
                measured.update(self._one(part, start, _ATTACHMENT_CHUNK, digest))
            yield digest, seq, measured.hexdigest()

    def has_attachment(self, digest: str) -> bool:
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM attachment WHERE digest = %s)", digest))

    def structural_faults(self) -> list[str]:
        return _schema_faults(self._connection)


def store_exists(url: str) -> bool:
    """Whether the database holds a ledger; raises as `open_store`."""
    with _connected(url) as (connection, _):
        return _has_schema(connection)


def open_store(url: str, *, create_as: Identity | None) -> PostgresStore:
    """Open a database's ledger for appending; with an identity, make it when there is none.

    Raises:
        Unavailable: the server does not answer, refuses, or does not sync what it acknowledges.
        Damaged: not a ledger.
    """
    with _connected(url, keep=True) as (connection, shown):
        _refuse_unsafe(connection, shown)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if create_as and not _has_schema(connection):
                _create_schema(connection, create_as)
        _check_schema(connection, shown)
        return PostgresStore(connection, shown)


def open_store_read_only(url: str) -> PostgresStore:
    """Open a database's ledger for reading; raises as `open_store`."""
    with _connected(url, keep=True) as (connection, shown):
        _check_schema(connection, shown)
        return PostgresStore(connection, shown)


def discard(url: str) -> None:
    """Remove a ledger that was not finished."""
    with _connected(url) as (connection, _):
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())


@contextmanager
def _connected(url: str, *, keep: bool = False) -> Iterator[tuple["psycopg.Connection[Any]", str]]:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise Unavailable(
            "PostgreSQL support is not installed",
            "The ledger is in a PostgreSQL database, and its driver is missing. "
            "Install it with `pip install 'charter-lifecycle[postgres]'`.",
        ) from None
    shown = "the PostgreSQL database"
    try:
        parts = conninfo_to_dict(url)
        shown = f"postgresql://{parts.get('host') or 'localhost'}/{parts.get('dbname') or ''}"
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name="charter-ledger",
            options=f"-c synchronous_commit=on -c lock_timeout={BUSY_MILLISECONDS} -c client_encoding=UTF8"
            f" -c search_path={SCHEMA},pg_temp -c bytea_output=hex -c default_transaction_isolation=read\\ committed",
        )
    except (psycopg.Error, UnicodeError) as error:
        raise _translate(error, shown) from None
    try:
        yield connection, shown
    except BaseException as error:
        connection.close()
        if isinstance(error, psycopg.Error | UnicodeError):
            raise _translate(error, shown) from None
        raise
    if not keep:
        connection.close()


def _refuse_unsafe(connection: "psycopg.Connection[Any]", shown: str) -> None:
    for setting in ("fsync", "full_page_writes"):
        (value,) = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone() or ("",)
        if value != "on":
            raise Unavailable(
                "PostgreSQL server would lose records",
                f"`{shown}` runs with `{setting} = {value}`: what it has acknowledged may be gone after a power loss. "
                f"Set `{setting} = on` in its configuration.",
            )


def _has_schema(connection: "psycopg.Connection[Any]") -> bool:
    return connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone() is not None


def _create_schema(connection: "psycopg.Connection[Any]", identity: Identity) -> None:
    connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns})".encode())
    connection.execute(_INDEX)
    connection.execute("INSERT INTO log (id, origin, key, checkpoint) VALUES (1, %s, %s, %s)", identity)


def _schema_faults(connection: "psycopg.Connection[Any]") -> list[str]:
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in connection.execute(
        "SELECT c.relname, a.attname, t.typname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " JOIN pg_type t ON t.oid = a.atttypid WHERE c.relnamespace = to_regnamespace(%s)"
        " AND c.relkind NOT IN ('i', 'I', 't') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        (SCHEMA,),
    ):
        found.setdefault(table, []).append((column, {"int8": "bigint", "int4": "integer"}.get(kind, kind)))
    faults = [] if found == _COLUMNS else ["the database's tables are not those of a ledger"]
    # Each of these would act on, hide or replace rows behind our back.
    meddling = connection.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace(%s) AND (c.relrowsecurity"
        " OR (c.relkind NOT IN ('r', 'i')) OR EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = c.oid)"
        " OR EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = c.oid)"
        " OR EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid)) ORDER BY 1",
        (SCHEMA,),
    ).fetchall()
    faults += [f"`{name}` has triggers, rules, policies or heirs" for (name,) in meddling]
    return faults


def _check_schema(connection: "psycopg.Connection[Any]", shown: str) -> None:
    if not _has_schema(connection):
        raise Unavailable(
            "ledger is missing",
            f"There is no ledger in `{shown}`. If there was one, restore it from a backup.",
        )
    faults = _schema_faults(connection)
    if faults:
        raise Damaged(
            "database is not a ledger",
            f"`{shown}`: {'; '.join(faults)}. Give the URL of a ledger, or restore it from a backup.",
        )


def _damaged(what: str) -> Damaged:
    return Damaged("ledger database is damaged", f"{what[0].upper()}{what[1:]}. Restore the ledger from a backup.")


def _translate(error: Exception, shown: str) -> Unavailable:
    """The failure that tells people what a PostgreSQL error means for them."""
    import psycopg

    said = " ".join(str(error).split())
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return Unavailable(
            "ledger is locked",
            f"Another process has held `{shown}` for more than {BUSY_MILLISECONDS // 1000} s. "
            "Find it in `pg_stat_activity`, then run the command again.",
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return Unavailable(
            "disk is full",
            f"The server of `{shown}` has no room. The last events were not recorded; free some space and start again.",
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Unavailable("ledger cannot be opened", f"`{shown}` refuses: {said}. Ask for the right to use it.")
    if isinstance(error, UnicodeError | psycopg.DataError | psycopg.errors.UndefinedTable | psycopg.IntegrityError):
        return Damaged(
            "ledger database is damaged", f"`{shown}` is not a readable ledger: {said}. Restore it from a backup."
        )
    return Unavailable(
        "ledger cannot be written or read",
        f"`{shown}`: {said} ({type(error).__name__}). The last events may not be recorded; nothing is acknowledged. "
        "Check the server, then start again.",
    )
