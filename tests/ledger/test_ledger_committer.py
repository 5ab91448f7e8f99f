"""Group commit: everyone gets their own receipt or their own error, and nothing is lost on closing."""

import threading

import pytest
from ledger_samples import opened

from charter.runtime.ledger import Conflict, Event, Refused, Unavailable, sqlite_store
from charter.runtime.ledger.committer import Committer
from charter.runtime.ledger.verify import verify_ledger


def test_many_clients_get_their_own_receipts(tmp_path):
    receipts = {}
    with opened(tmp_path) as ledger, Committer(ledger) as committer:

        def client(turn):
            for n in range(20):
                (receipt,) = committer.append([Event("test.event", f"client:{turn}", {"n": n})])
                receipts[turn, n] = receipt.seq

        threads = [threading.Thread(target=client, args=(turn,)) for turn in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        recorded = {(int(event.subject[7:]), event.body["n"]): event.seq for event in ledger.events()}
    assert receipts == recorded
    assert sorted(receipts.values()) == list(range(320))
    assert not verify_ledger(tmp_path / "ledger.db").finding_count


def test_closing_commits_what_waits(ledger):
    committer = Committer(ledger)
    tickets = [committer.submit([Event("test.event", "thing:1", {"n": n})]) for n in range(5000)]
    committer.close()
    committer.close()
    assert [ticket.result()[0].seq for ticket in tickets] == list(range(5000))
    with pytest.raises(Unavailable, match="committer is closed"):
        committer.submit([Event("test.event", "thing:1", {})])


def test_errors_of_one_caller_are_its_own(ledger):
    with Committer(ledger) as committer:
        committer.append([Event("test.event", "thing:1", {"n": 1}, "id")])
        good = committer.submit([Event("test.event", "thing:1", {"n": 2})])
        bad = committer.submit([Event("test.event", "thing:1", {"n": 3}, "id")])
        late = committer.submit([Event("test.event", "thing:1", {"n": 4})])
        with pytest.raises(Refused):
            committer.submit([Event("test.event", "thing:1", {"n": 0.5})])
        assert good.result()[0].seq == 1
        with pytest.raises(Conflict):
            bad.result()
        assert late.result()[0].seq == 2


def test_an_error_of_the_ledger_acknowledges_nobody(ledger, monkeypatch):
    def full(*_):
        raise sqlite_store.apsw.FullError("database or disk is full")

    with Committer(ledger) as committer:
        committer.append([Event("test.event", "thing:1", {"n": 1})])
        monkeypatch.setattr(sqlite_store._Session, "set_checkpoint", full)
        tickets = [committer.submit([Event("test.event", "thing:1", {"n": n})]) for n in range(2, 9)]
        for ticket in tickets:
            with pytest.raises(Unavailable):
                ticket.result()
        monkeypatch.undo()
        with pytest.raises(Unavailable, match="handle is closed"):
            committer.append([Event("test.event", "thing:1", {"n": 9})])
