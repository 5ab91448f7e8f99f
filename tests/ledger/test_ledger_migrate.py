"""Moving a ledger between stores, backing it up and bringing it back."""

import shutil

import pytest
from click.testing import CliRunner
from ledger_samples import ORIGIN, fill, opened

from charter.runtime.cli.audit_migrate import audit_migrate
from charter.runtime.ledger import Event, Ledger, Refused, Tampered, anchor
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.migrate import copy_ledger
from charter.runtime.ledger.verify import Verdict, verify_ledger
from charter.runtime.project import Project


@pytest.fixture
def filled(folder):
    """600 records and an attachment, in a file or a database."""
    with opened(folder) as ledger:
        fill(ledger, 599)
        ledger.append([Event("test.attached", "thing:1", {}, attachments={"input": b"\x00\xff{}"})])
    return folder


def test_there_and_back_has_the_same_root(filled, postgres, tmp_path):
    place = filled / "ledger.db"
    before = verify_ledger(place)
    there, back = postgres.new_database(), tmp_path / "back.db"
    assert copy_ledger(place, there).root == copy_ledger(there, back).root == before.root
    with Ledger.open_read_only(place) as old, Ledger.open_read_only(back) as new:
        assert list(old.events()) == list(new.events())
        assert old.checkpoint() == new.checkpoint()
    with Ledger.open(back, key_path=filled / "ledger.key", origin=ORIGIN) as ledger:
        fill(ledger, 1, first=700)
        assert ledger.size == 601


def test_a_copy_goes_only_where_nothing_is_and_never_of_a_changed_ledger(filled, postgres, tmp_path):
    place = filled / "ledger.db"
    database = postgres.new_database()
    copy_ledger(place, database)
    with pytest.raises(Refused, match="something already"):
        copy_ledger(place, database)
    (tmp_path / "other").write_text("x")
    with pytest.raises(Refused, match="something already"):
        copy_ledger(place, tmp_path / "other")
    copy_ledger(place, tmp_path / "copy.db")
    import apsw

    connection = apsw.Connection(str(tmp_path / "copy.db"))
    connection.execute("UPDATE record SET body = CAST('{}' AS BLOB) WHERE seq = 3")
    connection.close()
    with pytest.raises(Tampered):
        copy_ledger(tmp_path / "copy.db", tmp_path / "third.db")
    assert not (tmp_path / "third.db").exists()


def test_a_backup_and_an_anchor_leave_no_way_to_roll_back_unseen(tmp_path):
    """Backup while the ledger is open, loss, restore: what the backup lacks is seen, by opening and by verifying."""
    file = tmp_path / "charter.checkpoints"
    kept = tmp_path / "anchors kept elsewhere"
    with opened(tmp_path) as ledger:
        fill(ledger, 300)
        anchor(ledger, file)
        copy_ledger(tmp_path / "ledger.db", tmp_path / "backup.db")
        (tmp_path / "complete").mkdir()
        fill(ledger, 10, first=300)
        anchor(ledger, file)
        shutil.copy(file, kept)
        copy_ledger(tmp_path / "ledger.db", tmp_path / "complete" / "backup.db")
    for backup, whole in ((tmp_path / "backup.db", False), (tmp_path / "complete" / "backup.db", True)):
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        shutil.copy(backup, tmp_path / "ledger.db")
        report = verify_ledger(tmp_path / "ledger.db", pins=read_anchors(kept))
        if whole:
            assert report.verdict is Verdict.ANCHORED
            opened(tmp_path, anchor_path=file, create=False).close()
        else:
            assert "rolled back" in str(report.findings[0])
            with pytest.raises(Tampered, match="rolled back"):
                opened(tmp_path, anchor_path=file, create=False)


def test_a_project_moves_into_a_database(postgres, tmp_path):
    project = Project(tmp_path)
    project.state.mkdir()
    with opened(project.state) as ledger:
        fill(ledger, 300)
        url = postgres.new_database()
        result = CliRunner().invoke(audit_migrate, [url, "--project", str(tmp_path), "--switch"])
        assert result.exit_code == 0, result.output
        assert "300 records" in result.output and "ledger.db.moved" in result.output
        with pytest.raises(Tampered, match="replaced"):
            fill(ledger, 1, first=300)
    with opened(project.state, create=False) as ledger:
        fill(ledger, 1, first=300)
    assert verify_ledger(url).size == 301
    result = CliRunner().invoke(audit_migrate, [str(tmp_path / "backup.db"), "--project", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert verify_ledger(tmp_path / "backup.db").size == 301
