"""What a keeper does to a ledger: erased text is gone, holds hold, keys change, and all of it is recorded."""

import shutil

import pytest
from ledger_samples import ORIGIN, fill, opened

from charter.runtime.ledger import Event, Ledger, Refused, Tampered, Unavailable, anchor, keys
from charter.runtime.ledger.administration import Keeper
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.checkpoint import NoteError, Signer
from charter.runtime.ledger.custody import current_holds, erase, order_hold, release_hold, rotate_key
from charter.runtime.ledger.keys import load_public_key, load_signer
from charter.runtime.ledger.proof import check_proof
from charter.runtime.ledger.rotation import make_rotation, read_rotation
from charter.runtime.ledger.verify import Verdict, verify_ledger

ANA = Keeper("ana@example.org", "key-1")
SECRET = "Erika Mustermann, born 1970-01-01"


@pytest.fixture
def personal(folder):
    """300 records; 100 to 102 speak of a person, and 101 and 102 share an attachment."""
    with opened(folder) as ledger:
        fill(ledger, 100)
        shared = SECRET.encode() + b" shared" + b"x" * 9000
        ledger.append([Event("test.person", "thing:1", {"who": SECRET}, attachments={"in": SECRET.encode() * 2})])
        ledger.append([Event("test.person", "thing:2", {"who": SECRET + "!"}, attachments={"in": shared})])
        ledger.append([Event("test.person", "thing:3", {"who": "nobody"}, attachments={"in": shared})])
        fill(ledger, 197, first=103)
        yield folder, ledger


def traces(folder, text):
    return [path.name for path in folder.iterdir() if text.encode() in path.read_bytes()]


def test_erased_text_is_gone_and_the_chain_holds(personal):
    folder, ledger = personal
    in_files = "ledger.db" in {path.name for path in folder.iterdir() if path.stat().st_size > 1000}
    if in_files:
        assert traces(folder, SECRET)
    root = ledger.root
    first = erase(ledger, [100, 101], "Art. 17 GDPR, request 7", ANA)
    assert (first.records, len(first.attachments), len(first.kept)) == ((100, 101), 1, 1)
    second = erase(ledger, [102], "Art. 17 GDPR, request 7", ANA)
    assert (second.records, len(second.attachments), second.kept) == ((102,), 1, ())
    ledger.scrub()
    assert traces(folder, SECRET) == []
    assert [event.seq for event in ledger.events(allow_erased=True) if event.erased] == [100, 101, 102]
    fill(ledger, 5, first=900)
    ledger.close()
    report = verify_ledger(folder / "ledger.db")
    assert (report.verdict, report.bodies_missing, report.bodies_erased) == (Verdict.INCOMPLETE, 3, 3)
    assert report.attachments_missing == 0 and report.root != root
    with Ledger.open_read_only(folder / "ledger.db") as reading:
        (event,) = [event for event in reading.events(kinds={"ledger.erased"}) if event.seq == first.seq]
        assert (event.body["records"], event.body["actor"]) == ([100, 101], ANA.name)


def test_erasure_without_a_scrub_would_be_noticed(tmp_path):
    """The planted fault: what is deleted stays in the log and in unused pages until the file is written anew."""
    with opened(tmp_path) as ledger:
        ledger.append([Event("test.person", "thing:1", {"who": SECRET})])
        erase(ledger, [0], "x", ANA)
        assert traces(tmp_path, SECRET)


def test_bodies_that_are_gone_without_a_record_are_told_apart(personal):
    folder, ledger = personal
    erase(ledger, [100], "x", ANA)
    with ledger._store.transaction() as transaction:
        transaction.erase([5], [])
    report = verify_ledger(folder / "ledger.db")
    assert (report.bodies_missing, report.bodies_erased) == (2, 1)


def test_attachments_alone(personal):
    folder, ledger = personal
    done = erase(ledger, [100], "x", ANA, attachments_only=True)
    assert (done.records, len(done.attachments)) == ((), 1)
    assert ledger.attachment(done.attachments[0]) is None
    report = verify_ledger(folder / "ledger.db")
    assert (report.verdict, report.bodies_missing, report.attachments_missing) == (Verdict.INCOMPLETE, 0, 1)


def test_what_is_held_is_not_erased(personal):
    _, ledger = personal
    order_hold(ledger, "case 12", 50, 120, "lawsuit", ANA)
    order_hold(ledger, "from here on", 250, None, "inquiry", ANA)
    before = ledger.size
    for seq in (50, 120, 100, 299):
        with pytest.raises(Refused, match="records are held"):
            erase(ledger, [3, seq], "x", ANA)
    assert ledger.size == before
    with pytest.raises(Refused, match="hold is in force"):
        order_hold(ledger, "case 12", 0, 1, "again", ANA)
    release_hold(ledger, "case 12", "settled", ANA)
    assert list(current_holds(ledger)) == ["from here on"]
    with pytest.raises(Refused, match="no such hold"):
        release_hold(ledger, "case 12", "settled", ANA)
    assert erase(ledger, [100], "x", ANA).records == (100,)
    order_hold(ledger, "case 12", 50, 120, "lawsuit", ANA)
    with pytest.raises(Refused, match="records are held"):
        erase(ledger, [101], "x", ANA)
    with pytest.raises(Refused, match="must stay"):
        erase(ledger, [before], "x", ANA)


@pytest.mark.parametrize("seqs", [[], [-1], [300], [10**18]])
def test_only_records_that_are_there_are_erased(personal, seqs):
    with pytest.raises(Refused, match="no such record"):
        erase(personal[1], seqs, "x", ANA)
    with pytest.raises(Refused, match="no ground"):
        erase(personal[1], [1], " ", ANA)


def test_a_hold_that_comes_between_is_not_missed(personal, monkeypatch):
    folder, ledger = personal
    amend = Ledger.amend

    def late(self, plan, change):
        with opened(folder, create=False) as other:
            order_hold(other, "just now", 0, None, "lawsuit", ANA)
        return amend(self, plan, change)

    monkeypatch.setattr(Ledger, "amend", late)
    with pytest.raises(Refused, match="grew meanwhile"):
        erase(ledger, [100], "x", ANA)


def test_a_reader_that_keeps_the_log_is_named(tmp_path, monkeypatch):
    from charter.runtime.ledger import sqlite_store

    monkeypatch.setattr(sqlite_store, "BUSY_MILLISECONDS", 50)
    with opened(tmp_path) as ledger, opened(tmp_path) as other:
        fill(ledger, 3)
        with other._store.snapshot() as reader:
            reader.rows(0, 3)
            erase(ledger, [1], "x", ANA)
            with pytest.raises(Unavailable) as caught:
                ledger.scrub()
            assert caught.value.summary in ("erased text is still in the log", "ledger is locked")
        ledger.scrub()


@pytest.fixture
def rotated(folder):
    """Three keys, with anchors from the time of each; the first public key and the second signer are returned too."""
    file = folder / "charter.checkpoints"
    with opened(folder, anchor_path=file) as ledger:
        first, made = ledger.key, []
        for turn in range(3):
            fill(ledger, 100, first=turn * 100)
            anchor(ledger, file)
            if turn < 2:
                made.append(load_signer(folder / "ledger.key", ORIGIN))
                _, new, receipt = rotate_key(ledger, folder / "ledger.key", "yearly", ANA)
                new.open(receipt.checkpoint)
                with pytest.raises(NoteError):
                    made[-1].verifier.open(receipt.checkpoint)
    return folder, first, made


def test_old_and_new_public_keys_verify_the_same_ledger(rotated):
    folder, first, _ = rotated
    newest = load_public_key(folder / "ledger.pub", None)
    pins = read_anchors(folder / "charter.checkpoints")
    assert len(pins) == 3
    for key in (first, newest, None):
        report = verify_ledger(folder / "ledger.db", pins=pins, public_key=key)
        assert (report.verdict, report.keys, report.size) == (Verdict.ANCHORED, 3, 302), report.findings
        with Ledger.open_read_only(folder / "ledger.db", key=key) as ledger:
            assert ledger.key == newest
            assert len(list(ledger.events())) == 302
            proof = ledger.prove(5)
        assert check_proof(proof, key)[0].seq == 5
    with opened(folder, create=False, anchor_path=folder / "charter.checkpoints") as ledger:
        fill(ledger, 1, first=900)
    assert (
        sorted(path.name.partition("-")[0] for path in folder.iterdir() if "retired" in path.name)
        == ["ledger.key.retired"] * 2
    )


def test_a_retired_key_counts_for_nothing_past_its_last_size(rotated):
    folder, first, (old, second) = rotated
    with Ledger.open_read_only(folder / "ledger.db") as ledger, ledger._store.snapshot() as reader:
        from charter.runtime.ledger.head import root_at

        good = {size: root_at(reader, size) for size in (50, 100, 101, 201, 202, 302)}
    for signer, sizes in ((old, (50, 100)), (second, (101, 201))):
        for size, root in good.items():
            report = verify_ledger(folder / "ledger.db", pins=[signer.sign(size, root)], public_key=first)
            expected = Verdict.ANCHORED if size in sizes else Verdict.TAMPERED
            assert report.verdict is expected, (size, report.findings)
    with opened(folder, create=False) as ledger, ledger._store.transaction() as transaction:
        transaction.set_checkpoint(old.sign(302, good[302]))
    assert [finding.check for finding in verify_ledger(folder / "ledger.db").findings] == ["signature"]
    with pytest.raises(Tampered):
        opened(folder, create=False)


def test_a_key_that_the_old_one_did_not_sign_for_is_no_key(rotated):
    folder, _, (old, second) = rotated
    thief = keys.create_signer(folder / "thief.key", ORIGIN)
    forged = make_rotation(Signer(ORIGIN, thief._private), second, 7).statement
    for statement in (
        forged.replace(str(thief.verifier), str(old.verifier)),
        forged.replace("\n7\n", "\n8\n"),
        forged.rsplit("—", 1)[0],
        "",
        "charter/ledger/v1/key-rotation\n" * 9,
    ):
        with pytest.raises(NoteError):
            read_rotation(statement)
    other = verify_ledger(folder / "ledger.db", public_key=thief.verifier)
    assert {finding.check for finding in other.findings} >= {"key"}
    with pytest.raises(Tampered, match="another key"):
        Ledger.open_read_only(folder / "ledger.db", key=thief.verifier)


@pytest.mark.parametrize("step", ["before the commit", "after the commit", "after the public key"])
def test_an_interrupted_rotation_is_finished_or_has_not_happened(folder, monkeypatch, step):
    with opened(folder) as ledger:
        fill(ledger, 3)

        def interrupt(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            if step == "before the commit":
                patch.setattr(type(ledger._store._session), "set_key", interrupt)
            elif step == "after the commit":
                patch.setattr(keys, "finish_rotation", interrupt)
            else:
                patch.setattr(type(folder), "hardlink_to", interrupt)
            with pytest.raises(KeyboardInterrupt):
                rotate_key(ledger, folder / "ledger.key", "yearly", ANA)
    with opened(folder, create=False) as ledger:
        fill(ledger, 1, first=3)
        assert ledger.size == (4 if step == "before the commit" else 5)
    report = verify_ledger(folder / "ledger.db", public_key=load_public_key(folder / "ledger.pub", None))
    assert (report.verdict, report.keys) == (Verdict.NOT_ANCHORED, 1 if step == "before the commit" else 2)


def test_who_has_the_ledger_open_is_told_of_the_new_key(folder):
    with opened(folder) as one, opened(folder) as two, Ledger.open_read_only(folder / "ledger.db") as reading:
        fill(one, 3)
        rotate_key(two, folder / "ledger.key", "yearly", ANA)
        with pytest.raises(Unavailable, match="key was changed"):
            fill(one, 1, first=3)
        with pytest.raises(Unavailable, match="key was changed"):
            reading.checkpoint()
        fill(two, 1, first=3)
        assert two.size == 5


def test_an_anchor_from_before_the_change_of_keys_still_guards(tmp_path):
    file = tmp_path / "charter.checkpoints"
    with opened(tmp_path) as ledger:
        fill(ledger, 3)
        anchor(ledger, file)
        old = (tmp_path / "ledger.key").read_bytes()
        rotate_key(ledger, tmp_path / "ledger.key", "yearly", ANA)
    opened(tmp_path, anchor_path=file, create=False).close()
    text = file.read_text()
    file.write_text(text.replace("charter/test\n3\n", "charter/test\n4\n"))
    with pytest.raises(Tampered, match="another ledger's"):
        opened(tmp_path, anchor_path=file, create=False)
    shutil.copy(tmp_path / "ledger.pub", tmp_path / "kept")
    (tmp_path / "ledger.key").write_bytes(old)
    (tmp_path / "ledger.key").chmod(0o600)
    with pytest.raises(Tampered, match="another key"):
        opened(tmp_path, create=False)
