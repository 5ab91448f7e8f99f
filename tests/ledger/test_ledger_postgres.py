"""What only a database server can do to a ledger: die, be changed by its administrator, or promise too much."""

import os
import signal
import threading
import time

import psycopg
import pytest
from ledger_samples import ORIGIN, fill, opened

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Event, Ledger, Refused, Tampered, Unavailable, postgres_store
from charter.runtime.ledger.location import location, resolve, write_pointer
from charter.runtime.ledger.verify import Verdict, verify_ledger

TORTURE = bool(os.environ.get("CHARTER_TORTURE"))


@pytest.fixture
def url(postgres, tmp_path):
    made = postgres.new_database()
    write_pointer(tmp_path / "ledger.db", made)
    return made


def edit(url, *statements):
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={postgres_store.SCHEMA}") as connection:
        for statement in statements:
            connection.execute(statement)


def append_until_dead(ledger, acks, *, early):
    """One event after the other; `early` is the planted bug: acknowledged before it is durable."""
    try:
        for n in range(100_000):
            if early:
                acks.append(f"event-{n}")
            ledger.append([Event("test.event", "thing:1", {"n": n}, f"event-{n}")])
            if not early:
                acks.append(f"event-{n}")
    except Failure as failure:
        acks.append(failure)


def killed_mid_append(postgres, folder, seconds, *, early=False):
    """Kill the server while an appender is at work, start it again: acknowledged events, and those it still has."""
    acks = []
    ledger = opened(folder)
    appender = threading.Thread(target=append_until_dead, args=(ledger, acks), kwargs={"early": early})
    appender.start()
    try:
        time.sleep(seconds)
        postgres.kill()
        appender.join()
    finally:
        postgres.start()
    failure = acks.pop()
    assert failure.exit_code is ExitCode.ENVIRONMENT
    with pytest.raises(Unavailable, match="handle is closed"):
        fill(ledger, 1)
    ledger.close()
    with opened(folder) as again:
        recorded = [event.idem for event in again.events()]
        fill(again, 1)
    assert verify_ledger(folder / "ledger.db").verdict is Verdict.NOT_ANCHORED
    return acks, recorded


def test_a_server_killed_mid_append_has_lost_nothing_acknowledged(postgres, url, tmp_path):
    for turn in range(20 if TORTURE else 2):
        acks, recorded = killed_mid_append(postgres, tmp_path, 0.4 + turn / 20)
        assert acks
        assert set(acks) <= set(recorded)
        assert len(set(recorded)) == len(recorded)
        edit(url, f"DROP SCHEMA {postgres_store.SCHEMA} CASCADE")
        for name in ("ledger.key", "ledger.pub"):
            (tmp_path / name).unlink()


def test_an_acknowledgement_before_the_commit_would_be_noticed(postgres, url, tmp_path):
    acks, recorded = killed_mid_append(postgres, tmp_path, 0.3, early=True)
    assert not set(acks) <= set(recorded)


EDITS = {
    "body": "UPDATE record SET body = '{}' WHERE seq = 3",
    "header": "UPDATE record SET header = substring(header FROM 2) WHERE seq = 3",
    "number": "UPDATE record SET id = id + 1 WHERE seq = 3",
    "record deleted": "DELETE FROM record WHERE seq = 3",
    "tail deleted": "DELETE FROM record WHERE seq >= 256; DELETE FROM tile WHERE n >= 1",
    "checkpoint": "UPDATE log SET checkpoint = replace(checkpoint, '300', '299')",
    "log row gone": "DELETE FROM log",
    "tile": "UPDATE tile SET hash = decode(repeat('00', 32), 'hex')",
    "attachment": "INSERT INTO attachment VALUES ('00', 3, '')",
    "trigger": "CREATE FUNCTION f() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    "rows hidden": "ALTER TABLE record ENABLE ROW LEVEL SECURITY",
    "rule": "CREATE RULE r AS ON INSERT TO record DO INSTEAD NOTHING",
    "heir": "CREATE TABLE heir () INHERITS (record)",
    "table more": "CREATE TABLE other (x int)",
    "table replaced by a view": "ALTER TABLE tile RENAME TO t; CREATE VIEW tile AS SELECT * FROM t",
}
EDITS["trigger"] = (
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
    " CREATE TRIGGER t BEFORE INSERT ON record FOR EACH ROW EXECUTE FUNCTION f()"
)


def test_what_an_administrator_changes_is_found(url, tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 300)
    for name, statement in EDITS.items():
        with psycopg.connect(url, options=f"-c search_path={postgres_store.SCHEMA}") as connection:
            connection.execute(statement)
            with connection.transaction(force_rollback=True):
                pass
            store = postgres_store.PostgresStore(connection, "the test's")
            report = _verified(store._session)
            assert report.verdict is Verdict.TAMPERED, name
            connection.rollback()
    assert verify_ledger(tmp_path / "ledger.db").verdict is Verdict.NOT_ANCHORED
    edit(url, EDITS["body"])
    with pytest.raises(Tampered), opened(tmp_path) as ledger:
        list(ledger.events())


def _verified(session):
    from charter.runtime.ledger.errors import Damaged
    from charter.runtime.ledger.verify import _Check

    check = _Check(None, None)
    try:
        check.run(session, (), (), ())
    except Damaged as failure:
        return check.damaged(failure)
    return check.report()


def test_a_locked_ledger_says_so_and_can_be_tried_again(url, tmp_path, monkeypatch):
    monkeypatch.setattr(postgres_store, "BUSY_MILLISECONDS", 50)
    with opened(tmp_path) as ledger:
        with psycopg.connect(url) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", (postgres_store._LOCK,))
            with pytest.raises(Unavailable, match="ledger is locked"):
                fill(ledger, 1)
        fill(ledger, 1)
        assert ledger.size == 1


def test_a_session_that_was_ended_by_the_server(postgres, url, tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 1)
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'charter%'"
        )
        with pytest.raises(Unavailable, match="cannot be written"):
            fill(ledger, 1, first=1)
        with pytest.raises(Unavailable, match="handle is closed"):
            fill(ledger, 1, first=1)


def test_a_server_that_does_not_sync_is_refused(postgres, url, tmp_path):
    postgres.execute("ALTER SYSTEM SET fsync = off")
    os.kill(postgres.process.pid, signal.SIGHUP)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                opened(tmp_path).close()
            except Unavailable as failure:
                assert "fsync = off" in failure.detail
                return
            for name in ("ledger.key", "ledger.pub"):
                (tmp_path / name).unlink()
            edit(url, f"DROP SCHEMA {postgres_store.SCHEMA} CASCADE")
        pytest.fail("a server without fsync was taken")
    finally:
        postgres.execute("ALTER SYSTEM RESET fsync")
        os.kill(postgres.process.pid, signal.SIGHUP)


def test_a_server_that_is_not_there(tmp_path):
    with pytest.raises(Unavailable, match="cannot be written or read"):
        Ledger.open_read_only(f"postgresql:///none?host={tmp_path}")


def test_another_database_is_no_ledger(postgres):
    with pytest.raises(Unavailable, match="ledger is missing"):
        Ledger.open_read_only(postgres.new_database())


@pytest.mark.parametrize("url", ["postgresql://ana:secret@db/x", "postgresql://db/x?password=secret"])
def test_a_password_in_a_url_is_refused_and_not_shown(url, tmp_path):
    with pytest.raises(Refused, match="password") as caught:
        write_pointer(tmp_path / "ledger.db", url)
    assert "secret" not in caught.value.detail
    assert not (tmp_path / "ledger.db").exists()
    (tmp_path / "ledger.db").write_text(url)
    with pytest.raises(Refused, match="password"):
        Ledger.open(tmp_path / "ledger.db", key_path=tmp_path / "k", origin=ORIGIN, create=True)


def test_only_a_single_line_is_a_pointer(tmp_path):
    file = tmp_path / "ledger.db"
    for text in ("postgresql://a/b\nmore", "SQLite format 3", ""):
        file.write_text(text)
        assert resolve(file) == file
    file.write_text("postgresql://db/x\n")
    assert resolve(file) == "postgresql://db/x" == location("postgresql://db/x")
    assert location("a/b") == type(tmp_path)("a/b")
