"""Appending and reading back: receipts, ids, order, other processes, anchors."""

import itertools

import pytest
from charter.runtime.ledger import Conflict, Event, Ledger, Refused, Tampered, Unavailable, anchor
from charter.runtime.ledger.merkle import leaf_hash


def open_ledger(folder, **options):
    return Ledger.open(
        folder / "ledger.db",
        key_path=folder / "ledger.key",
        origin="charter/test",
        **{"create": True, **options},
    )


def test_append_and_read_back(tmp_path):
    with open_ledger(tmp_path) as ledger:
        (first,) = ledger.append([Event("run.started", "run:1", {"by": "ana", "n": 3})])
        second, third = ledger.append(
            [Event("a", "s", {"x": "0.5"}), Event("b", "s", {}, attachments={"in": b"{}"})]
        )
        assert [first.seq, second.seq, third.seq] == [0, 1, 2]
        assert not first.duplicate
        assert second.checkpoint == ledger.checkpoint()
        assert ledger.size == 3
    with open_ledger(tmp_path, create=False) as ledger:
        events = list(ledger.events())
        assert [(event.seq, event.kind, event.subject) for event in events] == [
            (0, "run.started", "run:1"), (1, "a", "s"), (2, "b", "s"),
        ]  # fmt: skip
        assert events[0].body == {"by": "ana", "n": 3}
        described = events[2].body["attachments"]["in"]
        assert ledger.attachment(described["digest"]) == b"{}"
        assert [event.seq for event in ledger.events(after=1)] == [2]
        assert [event.seq for event in ledger.events(kinds={"a"})] == [1]
        assert list(ledger.events(after=99)) == []


def test_same_id_same_content_is_recorded_once(tmp_path):
    with open_ledger(tmp_path) as ledger:
        event = Event("a", "s", {"x": 1})
        (first,) = ledger.append([event])
        again, twice = ledger.append([event, event])
        assert again.duplicate and twice.duplicate
        assert (again.seq, again.leaf) == (first.seq, first.leaf)
        one, other = ledger.append([Event("b", "s", {}), Event("b", "s", {})])
        assert (one.seq, one.duplicate, other.seq, other.duplicate) == (1, False, 1, True)
        assert ledger.size == 2
