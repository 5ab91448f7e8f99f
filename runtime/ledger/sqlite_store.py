"""The embedded store: one SQLite file in WAL mode, every commit synced, every error closing the door."""

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import apsw

from charter.runtime.ledger.errors import Damaged, Tampered, Unavailable
from charter.runtime.ledger.keys import sync_directory
from charter.runtime.ledger.record import index_of, parse_header
from charter.runtime.ledger.store import Identity, Row

APPLICATION_ID = 0x43484C47  # "CHLG"
FORMAT = 1
MAX_ATTACHMENT = 64 << 20
BUSY_MILLISECONDS = 10_000
_MAX_CELL = MAX_ATTACHMENT + (1 << 20)
_CHUNK = 1 << 20
_NO_FILE = (0, 0)

# The text is compared with what a file holds: a view or trigger put in by someone else is found before it acts.
_SCHEMA = (
    "CREATE TABLE attachment (digest TEXT PRIMARY KEY, seq INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
    "CREATE TABLE log (id INTEGER PRIMARY KEY CHECK (id = 1), origin TEXT NOT NULL, key TEXT NOT NULL,"
    " checkpoint TEXT NOT NULL) STRICT",
    "CREATE TABLE record (seq INTEGER PRIMARY KEY, id INTEGER NOT NULL, header BLOB NOT NULL,"
    " salt BLOB, body BLOB) STRICT",
    "CREATE INDEX record_id ON record (id)",
    "CREATE TABLE tile (n INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT",
)

# Each step of a statement gives the interpreter lock away and has to get it back from the threads that prepare
# events, so many rows go in with one step; the texts stay few, so that they stay compiled.
_WIDTHS = (128, 16, 1)
_INSERT = "INSERT INTO record (seq, id, header, salt, body) VALUES (?,?,?,?,?)"
_INSERTS = tuple((width, _INSERT + ",(?,?,?,?,?)" * (width - 1)) for width in _WIDTHS)

_ROW = "SELECT seq, id, header, salt, body FROM record "
_FINDS = tuple((width, f"{_ROW}WHERE id IN ({','.join('?' * width)})") for width in _WIDTHS)


class SqliteStore:
    """A ledger in one SQLite file (see `store.Store`); one thread at a time may use it."""

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._path = path
        self._file_name = os.fspath(path)
        self._wal_name = os.fspath(_wal_path(path))
        self._connection = connection
        self._session = _Session(connection)
        self._file = _file_id(self._file_name)
        if self._file == _NO_FILE:
            raise Unavailable("ledger is missing", f"`{path}` was removed while it was opened.")
        self._wal: tuple[int, int] | None = None
        self._broken: str | None = None
        self._process = os.getpid()

    def transaction(self) -> "_Transaction":
        """One BEGIN IMMEDIATE … COMMIT; on leaving, the commit is durable in the file that still has the name."""
        return _Transaction(self)

    @contextmanager
    def snapshot(self) -> Iterator["_Session"]:
        """One read transaction."""
        self.check_usable()
        try:
            self._connection.execute("BEGIN")
            yield self._session
            self._connection.execute("ROLLBACK")
        except BaseException as error:  # noqa: BLE001 - raised again, in words when it is SQLite's
            raise self.failed(error) from None

    def begin(self) -> "_Session":
        """Start the one writer's transaction; see `transaction`."""
        self.check_usable()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._session.begun()
        except BaseException as error:  # noqa: BLE001 - raised again, in words when it is SQLite's
            raise self.failed(error) from None
        return self._session

    def commit(self) -> None:
        """End it: durable, and in the file that people see."""
        try:
            if self._wal is None:
                # Inside a write transaction the log surely exists; SQLite keeps this very file while we are connected.
                try:
                    self._wal = _file_id(self._wal_name)
                except OSError as error:
                    failure = _unreadable(self._path, error)
                    self._broken = f"of an earlier error ({failure.summary})"
                    raise failure from None
            self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - raised again, in words when it is SQLite's
            raise self.failed(error) from None
        self._session.committed()
        self._session.ended()
        self._check_same_file()

    def failed(self, error: BaseException) -> BaseException:
        """Undo what was begun; the failure to raise. But for a lock, an error of the store closes the door."""
        self._session.ended()
        with suppress(apsw.Error):
            if not self._connection.getautocommit():
                self._connection.execute("ROLLBACK")
        if not isinstance(error, apsw.Error | UnicodeDecodeError):
            return error
        failure = _translate(error, self._path)
        if not isinstance(error, apsw.BusyError):
            self._broken = f"of an earlier error ({failure.summary})"
        return failure

    def scrub(self) -> None:
        """Fold the log into the file, write the file anew without its unused pages, and empty the log again."""
        self.check_usable()
        try:
            # The copy that VACUUM makes may be larger than memory, and has nothing in it that was erased.
            self._connection.execute("PRAGMA temp_store = FILE").close()
            for _ in range(2):
                ((busy, *_),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                if busy:
                    raise Unavailable(
                        "erased text is still in the log",
                        f"What was erased is gone from the records, but another process reads `{self._path}`, so its "
                        "write-ahead log cannot be emptied. End that process and run the same command again.",
                    )
                self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except apsw.BusyError as error:
            raise _translate(error, self._path) from None
        except apsw.Error as error:
            raise self.failed(error) from None

    def close(self) -> None:
        """Close the file; the last connection folds the write-ahead log into it."""
        with suppress(apsw.Error):
            self._connection.close()
        self._broken = self._broken or "it was closed"

    def check_usable(self) -> None:
        """Raises Unavailable once an error has closed the door, and in another process than the one that opened it."""
        if self._broken:
            raise Unavailable(
                "ledger handle is closed",
                f"`{self._path}` is not used any more by this process because {self._broken}. "
                "Mend the cause and start again; what was acknowledged is recorded.",
            )
        if os.getpid() != self._process:
            raise Unavailable(
                "ledger handle belongs to another process",
                f"`{self._path}` was opened before a fork. Open the ledger in the process that uses it.",
            )

    def _check_same_file(self) -> None:
        try:
            same = _file_id(self._file_name) == self._file and _file_id(self._wal_name) == self._wal
        except OSError as error:
            failure = _unreadable(self._path, error)
            self._broken = f"of an earlier error ({failure.summary})"
            raise failure from None
        if not same:
            self._broken = "its file was removed or replaced while it was in use"
            raise Tampered(
                "ledger file was replaced",
                f"`{self._path}` (or its `-wal`) was removed or replaced while the ledger was in use. The last events "
                "went to a file that has no name any more, so they are not acknowledged. "
                "Restore the ledger from a backup and compare it with its anchors (`charter audit verify --pin FILE`).",
            )


class _Transaction:
    """The writer's transaction as a context. Not a generator: those cost more than the bookkeeping that they run."""

    __slots__ = ("_store",)

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __enter__(self) -> "_Session":
        return self._store.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._store.commit()
        elif (failure := self._store.failed(error)) is not error:
            raise failure from None


class _Session:
    """Reads and writes inside one transaction (see `store.Transaction` and `store.Snapshot`)."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._note = ""
        self._note_set = ""
        self._note_version: int | None = None
        self._note_holds = False

    def begun(self) -> None:
        """Inside the writer's transaction SQLite's count of changes tells whether another connection wrote."""
        self._note_set = ""
        self._note_holds = self._note_version == self._connection.data_version()

    def committed(self) -> None:
        """What was set is now what the file says."""
        if self._note_set:
            self._note = self._note_set
            self._note_version = self._connection.data_version()

    def ended(self) -> None:
        """Outside, nothing of that is known."""
        self._note_holds = False

    def identity(self) -> Identity:
        rows = list(self._execute("SELECT origin, key, checkpoint FROM log"))
        if len(rows) != 1 or not all(isinstance(text, str) for text in rows[0]):
            raise apsw.CorruptError("the table `log` does not hold one row of texts")
        return Identity(*rows[0])

    def checkpoint(self) -> str:
        if self._note_holds:
            return self._note
        note = self._execute("SELECT checkpoint FROM log").get
        if type(note) is not str:
            raise apsw.CorruptError("the table `log` does not hold one row of texts")
        return note

    def rows(self, start: int, end: int) -> list[Row]:
        found = self._execute(_ROW + "WHERE seq >= ? AND seq < ? ORDER BY seq", (start, end))
        return [_typed(row) for row in found]

    def last_seq(self) -> int:
        return int(self._execute("SELECT coalesce(max(seq), -1) FROM record").get)

    def find(self, idems: Sequence[str]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        if len(idems) == 1:
            for row in self._execute(_FINDS[-1][1], (index_of(idems[0]),)):
                self._keep(row, idems, found)
            return found
        wanted, names, start = [index_of(idem) for idem in idems], frozenset(idems), 0
        for width, statement in _FINDS:
            # One statement for a hundred ids costs a fifth of a hundred statements.
            while start + width <= len(wanted):
                for row in self._execute(statement, wanted[start : start + width]):
                    self._keep(row, names, found)
                start += width
        return found

    def _keep(self, columns: tuple[Any, ...], idems: Collection[str], found: dict[str, Row]) -> None:
        row = _typed(columns)
        header = parse_header(row.header)
        if header is None:
            raise apsw.CorruptError(f"the header of record {row.seq} is malformed")
        if header.idem in idems:
            found[header.idem] = row

    def tiles(self, start: int, end: int) -> list[tuple[int, bytes]]:
        return list(self._execute("SELECT n, hash FROM tile WHERE n >= ? AND n < ? ORDER BY n", (start, end)))

    def attachment(self, digest: str) -> bytes | None:
        for (data,) in self._execute("SELECT data FROM attachment WHERE digest = ?", (digest,)):
            if type(data) is not bytes:
                raise apsw.CorruptError("an attachment is not bytes")
            return data
        return None

    def of_kind(self, kind: str) -> list[Row]:
        said = f'"kind":"{kind}"'.encode()
        return [_typed(row) for row in self._execute(_ROW + "WHERE instr(header, ?) ORDER BY seq", (said,))]

    def add_records(self, rows: Sequence[Row]) -> None:
        start = 0
        for width, statement in _INSERTS:
            while start + width <= len(rows):
                self._execute(statement, list(chain.from_iterable(rows[start : start + width])))
                start += width

    def add_tile(self, number: int, digest: bytes) -> None:
        self._execute("INSERT INTO tile (n, hash) VALUES (?, ?)", (number, digest))

    def add_attachment(self, digest: str, seq: int, data: bytes) -> None:
        self._execute(
            "INSERT INTO attachment (digest, seq, data) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
            (digest, seq, data),
        )

    def set_checkpoint(self, note: str) -> None:
        self._execute("UPDATE log SET checkpoint = ? WHERE id = 1", (note,))
        self._note_set = note

    def set_key(self, key: str) -> None:
        self._execute("UPDATE log SET key = ? WHERE id = 1", (key,))

    def erase(self, seqs: Sequence[int], digests: Sequence[str]) -> None:
        self._execute("PRAGMA secure_delete = ON").close()  # zeros instead of unused pages with the text in them
        for seq in seqs:
            self._execute("UPDATE record SET salt = NULL, body = NULL WHERE seq = ?", (seq,))
        for digest in digests:
            self._execute("DELETE FROM attachment WHERE digest = ?", (digest,))

    def all_rows(self) -> Iterator[tuple[object, ...]]:
        return self._execute(_ROW + "ORDER BY seq")

    def all_ids(self) -> Iterator[tuple[object, ...]]:
        return self._execute("SELECT id, seq FROM record INDEXED BY record_id ORDER BY id, seq")

    def lookalikes(self) -> Iterator[tuple[object, ...]]:
        return self._execute(
            "SELECT id, header FROM record WHERE id IN"
            " (SELECT id FROM record INDEXED BY record_id GROUP BY id HAVING count(*) > 1) ORDER BY id, seq"
        )

    def all_tiles(self) -> Iterator[tuple[object, ...]]:
        return self._execute("SELECT n, hash FROM tile ORDER BY n")

    def all_attachments(self) -> Iterator[tuple[object, ...]]:
        for rowid, digest, seq in self._execute("SELECT rowid, digest, seq FROM attachment ORDER BY rowid"):
            with self._connection.blob_open("main", "attachment", "data", rowid, False) as blob:
                measured = sha256()
                while chunk := blob.read(_CHUNK):
                    measured.update(chunk)
            yield digest, seq, measured.hexdigest()

    def has_attachment(self, digest: str) -> bool:
        found = self._execute("SELECT EXISTS (SELECT 1 FROM attachment WHERE digest = ?)", (digest,))
        return bool(found.get)

    def structural_faults(self) -> list[str]:
        faults = _schema_faults(self._connection)
        found = [str(text) for (text,) in self._execute("PRAGMA quick_check(20)")]
        return faults + [text for text in found if text != "ok"]


def _typed(row: tuple[Any, ...]) -> Row:
    _, number, header, salt, body = row
    # A file that was written by other means need not keep to the types of its tables.
    if (
        type(number) is not int
        or type(header) is not bytes
        or not (salt is None or type(salt) is bytes)
        or not (body is None or type(body) is bytes)
    ):
        raise apsw.CorruptError("a record's columns have the wrong types")
    return Row(*row)


def open_store(path: Path, *, create_as: Identity | None) -> SqliteStore:
    """Open a ledger's file for appending; with an identity, make it when there is none or its making was cut short.

    Raises:
        Unavailable: missing, locked, on a read-only or full disk.
        Damaged: not a ledger.
    """
    path = path.resolve()  # SQLite puts its log beside the file that a link leads to
    check_path(path, may_miss=create_as is not None)
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create_as else 0)
    try:
        connection = apsw.Connection(str(path), flags=flags)
        try:
            _configure(connection, writable=True)
            if create_as and _is_empty(connection):
                _create_schema(connection, create_as)
                sync_directory(path.parent)
            _check_schema(connection, path)
            # After a failed sync a log may be readable and yet not on disk: write it through before we build on it.
            with suppress(apsw.BusyError):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            return SqliteStore(path, connection)
        except BaseException:
            connection.close()
            raise
    except (apsw.Error, UnicodeDecodeError) as error:
        raise _translate(error, path) from None
    except OSError as error:
        raise Unavailable("ledger cannot be opened", f"`{path}`: {error.strerror}.") from None


def open_store_read_only(path: Path) -> SqliteStore:
    """Open a ledger's file for reading, also from a read-only folder; raises as `open_store`, but no lock is needed."""
    path = path.resolve()
    check_path(path, may_miss=False)
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        try:
            return _read_only(uri, path)
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            # A WAL database needs a writable folder, unless its log is empty and nobody can write to it.
            wal = _wal_path(path)
            if wal.exists() and wal.stat().st_size:
                raise Unavailable(
                    "ledger copy is incomplete",
                    f"`{path}` has a write-ahead log beside it and its folder is not writable, so the log cannot be "
                    f"read. Copy `{path.name}` and `{wal.name}` together into a writable folder and verify them there.",
                ) from None
            return _read_only(f"{uri}&immutable=1", path)
    except (apsw.Error, UnicodeDecodeError) as error:
        raise _translate(error, path) from None
    except OSError as error:
        raise Unavailable("ledger cannot be opened", f"`{path}`: {error.strerror}.") from None


def _read_only(uri: str, path: Path) -> SqliteStore:
    connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        _configure(connection, writable=False)
        _check_schema(connection, path)
        return SqliteStore(path, connection)
    except BaseException:
        connection.close()
        raise


def _configure(connection: apsw.Connection, *, writable: bool) -> None:
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, _MAX_CELL)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
    connection.execute("PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY")
    if not writable:
        connection.execute("PRAGMA query_only = ON")
        return
    mode = connection.execute("PRAGMA journal_mode = WAL").get
    connection.execute("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON")
    # Writing over a log costs half of letting it grow (the file system need not record a new length), so fold it early.
    connection.execute("PRAGMA wal_autocheckpoint = 256")
    if mode != "wal":
        raise apsw.CantOpenError("the file system does not support a write-ahead log")


def _create_schema(connection: apsw.Connection, identity: Identity) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _is_empty(connection):  # else another process was first
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}")
            connection.execute("INSERT INTO log (id, origin, key, checkpoint) VALUES (1, ?, ?, ?)", identity)
        connection.execute("COMMIT")
    except BaseException:
        if not connection.getautocommit():
            connection.execute("ROLLBACK")
        raise


def _is_empty(connection: apsw.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_schema").get)


def _schema_faults(connection: apsw.Connection) -> list[str]:
    faults = []
    found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    if tuple(sql for (sql,) in found) != _SCHEMA:
        faults.append("the file's tables are not those of a ledger")
    if connection.execute("PRAGMA application_id").get != APPLICATION_ID:
        faults.append("the file's application id is not a ledger's")
    version = connection.execute("PRAGMA user_version").get
    if version != FORMAT:
        faults.append(f"the file's format is {version}, not {FORMAT}")
    return faults


def _check_schema(connection: apsw.Connection, path: Path) -> None:
    faults = _schema_faults(connection)
    if faults:
        raise Damaged(
            "file is not a ledger",
            f"`{path}`: {'; '.join(faults)}. Give the path of a ledger, or restore it from a backup.",
        )


def check_path(path: Path, *, may_miss: bool) -> bool:
    """Whether there is a file with content.

    Raises:
        Unavailable: there is none, and it may not miss.
        Damaged: it is no regular file.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        if not may_miss:
            raise Unavailable(
                "ledger is missing",
                f"There is no ledger at `{path}`. If there was one, restore it from a backup.",
            ) from None
        return False
    except OSError as error:
        raise Unavailable("ledger cannot be opened", f"`{path}`: {error.strerror}.") from None
    if not stat.S_ISREG(status.st_mode):
        raise Damaged("file is not a ledger", f"`{path}` is not a regular file.")
    if status.st_size == 0 and not may_miss:
        raise Damaged("ledger file is empty", f"`{path}` has no content. If it had, restore it from a backup.")
    return status.st_size > 0


def _translate(error: apsw.Error | UnicodeDecodeError, path: Path) -> Unavailable:
    """The failure that tells people what an SQLite error means for them."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Unavailable(
            "ledger is locked",
            f"Another process has held `{path}` for more than {BUSY_MILLISECONDS // 1000} s. "
            "Find and end it (`fuser` lists it), then run the command again.",
        )
    if isinstance(error, apsw.FullError):
        return Unavailable(
            "disk is full",
            f"There is no room to write `{path}`. The last events were not recorded; free some space and start again.",
        )
    if isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError | apsw.PermissionsError | apsw.AuthError):
        return Unavailable(
            "ledger cannot be opened",
            f"`{path}`: {error}. Check that the file and its folder exist and are writable for you.",
        )
    if isinstance(
        error,
        UnicodeDecodeError
        | apsw.CorruptError
        | apsw.NotADBError
        | apsw.TooBigError
        | apsw.SQLError
        | apsw.MismatchError
        | apsw.FormatError,
    ):
        return Damaged(
            "ledger file is damaged",
            f"`{path}` is not a readable ledger: {error}. Keep the file as it is for inquiry, "
            "and restore the ledger from a backup.",
        )
    return Unavailable(
        "ledger cannot be written or read",
        f"`{path}`: {error} ({type(error).__name__}). The last events may not be recorded; nothing is acknowledged. "
        "Check the disk, then start again.",
    )


def _unreadable(path: Path, error: OSError) -> Unavailable:
    """It cannot be told whether the file still has its name: a fault of the disk, and nobody's doing."""
    return Unavailable(
        "ledger cannot be written or read",
        f"`{path}`: {error.strerror} while looking whether the file is still there. The last events may be recorded, "
        "but are not acknowledged. Check the disk, then start again.",
    )


def _wal_path(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _file_id(name: str) -> tuple[int, int]:
    """Device and inode of what has the name now, `_NO_FILE` when nothing has.

    Raises:
        OSError: that cannot be told, which says nothing about the file.
    """
    try:
        status = os.stat(name)  # noqa: PTH116 - twice in each commit; a Path costs as much again
    except (FileNotFoundError, NotADirectoryError):
        return _NO_FILE
    return status.st_dev, status.st_ino
