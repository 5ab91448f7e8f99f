"""No change goes unseen: every bit of every stored value, and what people do to whole rows, files and keys."""

import os
import random
import shutil
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import apsw
import pytest
from ledger_samples import ORIGIN, fill, opened

from charter.runtime.failure import ExitCode
from charter.runtime.ledger import Event, Ledger, Tampered, Unavailable, VerifierKey
from charter.runtime.ledger.anchors import parse_anchors
from charter.runtime.ledger.checkpoint import Signer
from charter.runtime.ledger.keys import load_public_key, load_signer
from charter.runtime.ledger.record import TEMPLATE, commitment
from charter.runtime.ledger.store import Identity, Row
from charter.runtime.ledger.verify import Verdict, verify_ledger, verify_snapshot

TORTURE = bool(os.environ.get("CHARTER_TORTURE"))


@dataclass
class MemorySnapshot:
    """A ledger's tables as lists: what the file would hold, without the file."""

    log: Identity
    records: list[tuple]
    tile_rows: list[tuple]
    attachments: list[tuple]
    ids: list[tuple] = field(default_factory=list)

    @classmethod
    def of(cls, path) -> "MemorySnapshot":
        with apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY) as con:
            read = lambda sql: list(con.execute(sql))  # noqa: E731
            return cls(
                Identity(*read("SELECT origin, key, checkpoint FROM log")[0]),
                read("SELECT seq, id, header, salt, body FROM record ORDER BY seq"),
                read("SELECT n, hash FROM tile ORDER BY n"),
                read("SELECT digest, seq, data FROM attachment"),
            )

    def structural_faults(self):
        return []

    def identity(self):
        return self.log

    def last_seq(self):
        return self.records[-1][0] if self.records else -1

    def rows(self, start, end):
        return [Row(*row) for row in self.records if start <= row[0] < end]

    def all_rows(self):
        return iter(self.records)

    def all_ids(self):
        return iter(self.ids or sorted((row[1], row[0]) for row in self.records))

    def lookalikes(self):
        numbers = [row[1] for row in self.records]
        return iter(sorted((row[1], row[2]) for row in self.records if numbers.count(row[1]) > 1))

    def all_tiles(self):
        return iter(self.tile_rows)

    def all_attachments(self):
        return ((digest, seq, sha256(data).hexdigest()) for digest, seq, data in self.attachments)

    def has_attachment(self, digest):
        return any(digest == name for name, _, _ in self.attachments)


@pytest.fixture
def small(tmp_path):
    """Four records in three commits, one of them with an attachment."""
    with opened(tmp_path) as ledger:
        ledger.append([Event("test.first", "thing:1", {"n": 1})])
        ledger.append([Event("test.second", "thing:2", {"n": 2}, attachments={"input": b'{"x": 1.50}'})])
        ledger.append([Event("test.third", "thing:1", {"n": 3}), Event("test.fourth", "thing:3", {"ok": True})])
    return tmp_path


@pytest.fixture
def large(tmp_path):
    """600 records: two tiles and a rest."""
    with opened(tmp_path) as ledger:
        fill(ledger, 600)
    return tmp_path


def key_of(folder) -> VerifierKey:
    return load_public_key(folder / "ledger.pub", None)


def flips(value):
    """The value with each of its bits flipped in turn."""
    if isinstance(value, int):
        yield from (value ^ (1 << bit) for bit in range(63))
        return
    data = value.encode() if isinstance(value, str) else value
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        if isinstance(value, bytes):
            yield bytes(changed)
        else:
            try:
                yield changed.decode()
            except UnicodeDecodeError:
                continue  # the store refuses such a text before it is looked at; see the test on the file's bits


def test_every_bit_of_every_value_counts(small):
    whole = MemorySnapshot.of(small / "ledger.db")
    key = key_of(small)
    pin = whole.log.checkpoint
    assert verify_snapshot(whole, pins=[pin], public_key=key).exit_code is ExitCode.OK
    tried, chance = 0, random.Random()

    def check(what, **changed):
        nonlocal tried
        if not (TORTURE or isinstance(what, str) or chance.random() < 0.3):
            return
        tried += 1
        state = {**vars(whole), **changed}
        report = verify_snapshot(MemorySnapshot(**state), public_key=key)
        assert report.verdict is Verdict.TAMPERED, what

    for table in ("records", "attachments"):
        rows = getattr(whole, table)
        for index, row in enumerate(rows):
            for column, value in enumerate(row):
                for changed in flips(value):
                    mutated = (*row[:column], changed, *row[column + 1 :])
                    check((table, row, mutated), **{table: [*rows[:index], mutated, *rows[index + 1 :]]})
    for name, value in whole.log._asdict().items():
        for changed in flips(value):
            check((name, changed), log=whole.log._replace(**{name: changed}))
    ids = sorted((row[1], row[0]) for row in whole.records)
    for index, (number, seq) in enumerate(ids):
        for changed in [*((other, seq) for other in flips(number)), *((number, other) for other in flips(seq))]:
            check((number, changed), ids=[*ids[:index], changed, *ids[index + 1 :]])
    check("order of ids", ids=ids[::-1])
    check("an id twice", ids=[*ids, ids[-1]])
    assert tried > (10_000 if TORTURE else 3000)


def test_bits_of_tiles_count(large):
    whole = MemorySnapshot.of(large / "ledger.db")
    number, digest = whole.tile_rows[1]
    changes = [(number, digest[:-1] + b"\0"), (number, digest[:-1]), (5, digest), None]
    for changed in changes:
        tiles = [whole.tile_rows[0], *([changed] if changed else [])]
        assert verify_snapshot(MemorySnapshot(**{**vars(whole), "tile_rows": tiles})).verdict is Verdict.TAMPERED
    tiles = [*whole.tile_rows, (2, digest)]
    assert verify_snapshot(MemorySnapshot(**{**vars(whole), "tile_rows": tiles})).verdict is Verdict.TAMPERED


def logical(path):
    try:
        snapshot = MemorySnapshot.of(path)
    except (apsw.Error, UnicodeDecodeError, TypeError):
        return None
    return vars(snapshot)


def test_bits_of_the_file_count_or_mean_nothing(small):
    """A flipped bit of the file is found, or it changes nothing that the ledger says (unused space)."""
    path = small / "ledger.db"
    data = path.read_bytes()
    expected, key = logical(path), key_of(small)
    used = [position for position, byte in enumerate(data) if byte]
    bits = [(position, bit) for position in used for bit in range(8)]
    if not TORTURE:
        bits = random.Random(7).sample(bits, 1200)
    found = 0
    for position, bit in bits:
        changed = bytearray(data)
        changed[position] ^= 1 << bit
        path.write_bytes(changed)
        report = verify_ledger(path, public_key=key)
        if report.verdict is Verdict.TAMPERED:
            found += 1
        else:
            assert logical(path) == expected, (position, bit)
    assert found > len(bits) * 0.9


def edit(folder, *statements):
    """Change the file as somebody with a database tool would."""
    con = apsw.Connection(str(folder / "ledger.db"))
    for statement, *values in statements:
        con.execute(statement, values)
    con.close()


EDITS = {
    "body rewritten": [("UPDATE record SET body = CAST('{\"n\":9}' AS BLOB) WHERE seq = 300",)],
    "salt rewritten": [("UPDATE record SET salt = randomblob(16) WHERE seq = 300",)],
    "byte moved from salt to body": [
        ("UPDATE record SET body = CAST(substr(salt, 16) || body AS BLOB), salt = substr(salt, 1, 15) WHERE seq = 3",)
    ],
    "salt gone": [("UPDATE record SET salt = NULL WHERE seq = 300",)],
    "header gone empty": [("UPDATE record SET header = x'' WHERE seq = 300",)],
    "first record deleted": [("DELETE FROM record WHERE seq = 0",)],
    "record deleted": [("DELETE FROM record WHERE seq = 300",)],
    "last record deleted": [("DELETE FROM record WHERE seq = 599",)],
    "tail deleted": [("DELETE FROM record WHERE seq >= 256",), ("DELETE FROM tile WHERE n >= 1",)],
    "all deleted": [("DELETE FROM record",), ("DELETE FROM tile",)],
    "records swapped": [
        ("UPDATE record SET seq = -1 WHERE seq = 300",),
        ("UPDATE record SET seq = 300 WHERE seq = 301",),
        ("UPDATE record SET seq = 301 WHERE seq = -1",),
    ],
    "record copied to the end": [("INSERT INTO record SELECT 600, 1, header, salt, body FROM record WHERE seq = 599",)],
    "record inserted before the first": [
        ("INSERT INTO record SELECT -1, 1, header, salt, body FROM record WHERE seq = 0",)
    ],
    "attachment without a record": [("INSERT INTO attachment VALUES (?, 3, x'00')", sha256(b"\0").hexdigest())],
    "log row gone": [("DELETE FROM log",)],
    "log row doubled": [
        ("DROP TABLE log",),
        ("CREATE TABLE log (id INTEGER, origin TEXT, key TEXT, checkpoint TEXT)",),
        ("INSERT INTO log VALUES (1, 'a', 'b', 'c'), (2, 'a', 'b', 'c')",),
    ],
    "trigger added": [("CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END",)],
    "table replaced by a view": [("ALTER TABLE tile RENAME TO t",), ("CREATE VIEW tile AS SELECT n, hash FROM t",)],
    "format number changed": [("PRAGMA user_version = 2",)],
}


@pytest.mark.parametrize("name", EDITS)
def test_edits_are_found(large, name):
    edit(large, *EDITS[name])
    report = verify_ledger(large / "ledger.db", public_key=key_of(large))
    assert report.verdict is Verdict.TAMPERED
    assert report.exit_code is ExitCode.DENIED
    assert report.findings


def test_one_edit_is_one_finding_and_names_its_record(large):
    edit(large, *EDITS["body rewritten"])
    (finding,) = verify_ledger(large / "ledger.db").findings
    assert str(finding) == "record 300: the body is not the one that the header commits to [body]"


def test_deleting_a_record_is_told_where_it_happened(large):
    edit(large, *EDITS["record deleted"])
    report = verify_ledger(large / "ledger.db")
    assert [str(finding) for finding in report.findings] == [
        "record 300: the next record that is stored has the number 301 [order]",
        "record 301: `prev` is not the hash of the record before it [chain]",
        "the stored hash of tile 1 is not that of its records [tile]",
        "the newest checkpoint was signed for 600 records, and 599 are there [size]",
    ]


NOT_SEEN_AT_OPENING = {"attachment without a record", "record inserted before the first"}


@pytest.mark.parametrize("name", sorted(EDITS.keys() - NOT_SEEN_AT_OPENING))
def test_edits_near_the_end_are_refused_by_the_next_append(tmp_path, name):
    """Opening looks at the last 256 to 511 records; here that is all of them."""
    with opened(tmp_path) as ledger:
        fill(ledger, 400)
    for statement, *values in EDITS[name]:
        edit(tmp_path, (statement.replace("600", "400").replace("599", "399"), *values))
    with pytest.raises((Tampered, Unavailable)):
        opened(tmp_path)


def test_an_old_record_that_was_edited_is_found_when_it_is_read(large):
    edit(large, ("UPDATE record SET body = CAST('{}' AS BLOB) WHERE seq = 3",))
    with opened(large) as ledger, pytest.raises(Tampered, match="ledger was changed"):
        list(ledger.events())


def rebuilt(folder, signer: Signer, change):
    """Write all records anew with another content, a right chain, and a new signature: a forger with a key."""
    from charter.runtime.ledger.merkle import Frontier, leaf_hash

    whole = MemorySnapshot.of(folder / "ledger.db")
    frontier, prev, records, tiles = Frontier(), b"\0" * 32, [], []
    for row in change(whole.records):
        fields = row[2].decode().split('"')
        body, salt = row[4], row[3]
        header = TEMPLATE % (
            commitment(salt, body).encode(), fields[7].encode(), fields[11].encode(), fields[15].encode(),
            prev.hex().encode(), frontier.size, fields[25].encode(), fields[29].encode(),
        )  # fmt: skip
        records.append((frontier.size, row[1], header, salt, body))
        prev = leaf_hash(header)
        tiles += [(frontier.size // 256 - 1, tile) for tile in frontier.extend([prev])]
    edit(
        folder,
        ("DELETE FROM record",),
        ("DELETE FROM tile",),
        *(("INSERT INTO record VALUES (?, ?, ?, ?, ?)", *row) for row in records),
        *(("INSERT INTO tile VALUES (?, ?)", *row) for row in tiles),
        ("UPDATE log SET key = ?, checkpoint = ?", str(signer.verifier), signer.sign(frontier.size, frontier.root())),
    )


def test_who_holds_the_key_can_rewrite_all_of_it_but_not_a_pin(large):
    signer = load_signer(large / "ledger.key", ORIGIN)
    pin = MemorySnapshot.of(large / "ledger.db").log.checkpoint
    rebuilt(large, signer, lambda rows: [*rows[:5], (*rows[5][:4], b'{"n":99}'), *rows[6:]])
    unpinned = verify_ledger(large / "ledger.db", public_key=signer.verifier)
    assert (unpinned.verdict, unpinned.exit_code) == (Verdict.NOT_ANCHORED, ExitCode.INCOMPLETE)
    pinned = verify_ledger(large / "ledger.db", pins=[pin], public_key=signer.verifier)
    assert pinned.verdict is Verdict.TAMPERED
    assert "rewritten" in str(pinned.findings[0])


def test_a_rollback_is_found_by_a_pin(large):
    path = large / "ledger.db"
    old = path.read_bytes()
    with opened(large) as ledger:
        fill(ledger, 1, first=600)
        pin = ledger.checkpoint()
    assert verify_ledger(path, pins=[pin]).verdict is Verdict.ANCHORED
    path.write_bytes(old)
    assert verify_ledger(path).verdict is Verdict.NOT_ANCHORED
    report = verify_ledger(path, pins=[pin])
    assert report.verdict is Verdict.TAMPERED
    assert "rolled back: 601 records were signed and pinned, and 600 are there" in str(report.findings[0])


def test_signed_anew_by_another_key(large, tmp_path_factory):
    other_folder = tmp_path_factory.mktemp("other")
    with opened(other_folder) as other:
        fill(other, 1)
    pin = MemorySnapshot.of(large / "ledger.db").log.checkpoint
    key = key_of(large)
    rebuilt(large, load_signer(other_folder / "ledger.key", ORIGIN), lambda rows: rows[:300])
    path = large / "ledger.db"
    assert {finding.check for finding in verify_ledger(path, public_key=key).findings} >= {"key", "signature"}
    assert {finding.check for finding in verify_ledger(path, pins=[pin]).findings} == {"pin"}
    with pytest.raises(Tampered, match="another key"):
        opened(large)


def test_back_dating_needs_the_key_and_an_order_that_holds(large):
    signer = load_signer(large / "ledger.key", ORIGIN)

    def back_date(rows):
        changed = [list(row) for row in rows]
        changed[7][2] = changed[7][2].replace(b'"ts":"2', b'"ts":"1')
        return changed

    rebuilt(large, signer, back_date)
    (finding,) = verify_ledger(large / "ledger.db", public_key=signer.verifier).findings
    assert (finding.check, finding.seq) == ("time", 7)


def test_a_date_that_does_not_exist_is_found(large):
    signer = load_signer(large / "ledger.key", ORIGIN)

    def impossible(rows):
        changed = [list(row) for row in rows]
        for row in changed:
            row[2] = row[2][:-35] + b"9999-02-30T00:00:00.000000Z" + row[2][-8:]
        return changed

    rebuilt(large, signer, impossible)
    report = verify_ledger(large / "ledger.db", public_key=signer.verifier)
    assert {finding.check for finding in report.findings} == {"time"}


def test_erased_bodies_and_lost_attachments_are_never_green(small):
    pin = MemorySnapshot.of(small / "ledger.db").log.checkpoint
    edit(small, ("UPDATE record SET salt = NULL, body = NULL WHERE seq = 0",))
    report = verify_ledger(small / "ledger.db", pins=[pin])
    assert (report.verdict, report.bodies_missing, report.exit_code) == (Verdict.INCOMPLETE, 1, ExitCode.INCOMPLETE)
    with opened(small) as ledger:
        with pytest.raises(Unavailable, match="body is missing"):
            list(ledger.events())
        assert [event.erased for event in ledger.events(allow_erased=True)] == [True, False, False, False]
    edit(small, ("DELETE FROM attachment",))
    report = verify_ledger(small / "ledger.db", pins=[pin])
    assert (report.verdict, report.attachments_missing) == (Verdict.INCOMPLETE, 1)


def test_a_changed_attachment_is_found_and_not_handed_out(small):
    edit(small, ("UPDATE attachment SET data = x'00'",))
    assert [finding.check for finding in verify_ledger(small / "ledger.db").findings] == ["attachment"]
    with opened(small) as ledger:
        (event,) = ledger.events(kinds={"test.second"})
        with pytest.raises(Tampered, match="attachment was changed"):
            ledger.attachment(event.body["attachments"]["input"]["digest"])


def test_nothing_recorded_and_nothing_anchored_is_never_green(tmp_path):
    with opened(tmp_path) as ledger:
        empty = ledger.checkpoint()
    report = verify_ledger(tmp_path / "ledger.db", pins=[empty])
    assert (report.verdict, report.exit_code) == (Verdict.EMPTY, ExitCode.INCOMPLETE)
    with opened(tmp_path) as ledger:
        fill(ledger, 3)
        full = ledger.checkpoint()
    path = tmp_path / "ledger.db"
    assert verify_ledger(path, pins=[empty]).verdict is Verdict.NOT_ANCHORED
    assert verify_ledger(path, local_pins=[full]).verdict is Verdict.NOT_ANCHORED
    assert verify_ledger(path, pins=[full]).verdict is Verdict.ANCHORED


@pytest.mark.parametrize("length", [1, 15, 16, 100, 4095, 4096, 5000, 20_000])
def test_truncated_files_are_found(large, length):
    path = large / "ledger.db"
    path.write_bytes(path.read_bytes()[:length])
    assert verify_ledger(path).exit_code is ExitCode.DENIED
    with pytest.raises(Unavailable) as caught:
        opened(large)
    assert caught.value.exit_code is ExitCode.ENVIRONMENT


@pytest.mark.torture
def test_a_file_cut_at_any_length_is_found(tmp_path):
    """The file alone, at every length, then its log: a pin tells, unless only the zeros that end a page were cut."""
    with opened(tmp_path) as ledger:
        fill(ledger, 3)
        whole = ledger.checkpoint()
        names = ("ledger.db", "ledger.db-wal")
        running = {name: (tmp_path / name).read_bytes() for name in names}
    closed = (tmp_path / "ledger.db").read_bytes()
    cut = tmp_path / "cut.db"
    for length in range(len(closed)):
        cut.write_bytes(closed[:length])
        report = verify_ledger(cut, pins=[whole])
        assert report.exit_code is ExitCode.DENIED or (report.verdict is Verdict.ANCHORED and report.size == 3), length
        for rest in ("-wal", "-shm"):
            Path(f"{cut}{rest}").unlink(missing_ok=True)
    log = running["ledger.db-wal"]
    for length in range(0, len(log), 7):
        cut.write_bytes(running["ledger.db"])
        Path(f"{cut}-wal").write_bytes(log[:length])
        report = verify_ledger(cut, pins=[whole])
        assert report.exit_code is ExitCode.DENIED or (report.verdict is Verdict.ANCHORED and report.size == 3), length
        for rest in ("-wal", "-shm"):
            Path(f"{cut}{rest}").unlink(missing_ok=True)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_files_that_are_no_ledger(large, content):
    path = large / "ledger.db"
    path.write_bytes(content)
    report = verify_ledger(path)
    assert report.exit_code is ExitCode.DENIED
    with pytest.raises(Unavailable) as caught:
        Ledger.open(path, key_path=large / "ledger.key", origin=ORIGIN)
    assert caught.value.exit_code is ExitCode.ENVIRONMENT


def test_another_database_is_no_ledger(tmp_path):
    edit(tmp_path, ("CREATE TABLE users (name TEXT)",))
    with pytest.raises(Unavailable, match="not a ledger"):
        Ledger.open_read_only(tmp_path / "ledger.db")
    assert verify_ledger(tmp_path / "ledger.db").verdict is Verdict.TAMPERED


def test_parts_of_two_ledgers_do_not_pass_for_one(large, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    shutil.copy(large / "ledger.key", other)
    with opened(other) as ledger:
        fill(ledger, 600)
    mine, theirs = MemorySnapshot.of(large / "ledger.db"), MemorySnapshot.of(other / "ledger.db")
    mixed = MemorySnapshot(**{**vars(mine), "records": [*mine.records[:300], *theirs.records[300:]]})
    assert verify_snapshot(mixed, public_key=key_of(large)).verdict is Verdict.TAMPERED


def test_pins_are_read_back_from_their_file_exactly(large):
    note = MemorySnapshot.of(large / "ledger.db").log.checkpoint
    assert parse_anchors(f"# comment\n\n{note}\n{note}") == [note, note]
