"""Appending and reading back: receipts, ids, order, other processes, anchors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_samples import fill, opened

from charter.runtime.failure import ExitCode
from charter.runtime.ledger import Conflict, Event, Refused, Tampered, Unavailable, anchor
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.merkle import Frontier
from charter.runtime.ledger.record import subject_token


def test_what_is_appended_can_be_read_back_by_a_later_process(tmp_path):
    with opened(tmp_path) as ledger:
        (first,) = ledger.append([Event("run.started", "run:1", {"by": "ana", "n": 3})])
        second, third = ledger.append([Event("a", "s", {"x": "0.5"}), Event("b", "s", {}, attachments={"in": b"{}"})])
        assert [first.seq, second.seq, third.seq] == [0, 1, 2]
        assert not first.duplicate
        assert second.checkpoint == ledger.checkpoint()
        frontier = Frontier()
        frontier.extend([first.leaf, second.leaf, third.leaf])
        assert ledger.root == frontier.root()
    with opened(tmp_path, create=False) as ledger:
        events = list(ledger.events())
        assert [(event.kind, event.subject) for event in events] == [("run.started", "run:1"), ("a", "s"), ("b", "s")]
        assert events[0].body == {"by": "ana", "n": 3}
        described = events[2].body["attachments"]["in"]
        assert described["size"] == 2
        assert ledger.attachment(described["digest"]) == b"{}"
        assert ledger.attachment("sha256:" + "0" * 64) is None
        assert [event.seq for event in ledger.events(after=1)] == [2]
        assert [event.seq for event in ledger.events(kinds={"a"})] == [1]
        assert list(ledger.events(after=2)) == list(ledger.events(after=99)) == []


def test_pages_and_tiles_do_not_show(tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 1300, commit=111)
        assert [event.body["n"] for event in ledger.events()] == list(range(1300))
        assert [event.seq for event in ledger.events(after=700, kinds={"test.event"})] == list(range(701, 1300))
        root = ledger.root
    with opened(tmp_path) as ledger:
        assert (ledger.size, ledger.root) == (1300, root)


def test_same_id_and_content_is_recorded_once(ledger):
    event = Event("a", "s", {"x": 1})
    (first,) = ledger.append([event])
    again, twice = ledger.append([event, event])
    assert again.duplicate and twice.duplicate
    assert (again.seq, again.leaf) == (first.seq, first.leaf)
    one, other = ledger.append([Event("b", "s", {}), Event("b", "s", {})])
    assert (one.seq, one.duplicate, other.seq, other.duplicate) == (1, False, 1, True)
    assert ledger.size == 2


@pytest.mark.parametrize(
    "other", [Event("a", "s", {"x": 2}, "id"), Event("a", "t", {"x": 1}, "id"), Event("b", "s", {"x": 1}, "id")]
)
def test_same_id_with_other_content_is_a_conflict_and_nothing_of_the_batch_stays(ledger, other):
    ledger.append([Event("a", "s", {"x": 1}, "id")])
    before = ledger.checkpoint()
    with pytest.raises(Conflict, match="event id is taken"):
        ledger.append([Event("c", "s", {}), other])
    with pytest.raises(Conflict):
        ledger.append([Event("d", "s", {}, "new"), Event("d", "s", {"x": 1}, "new")])
    assert ledger.checkpoint() == before
    assert ledger.size == 1


def test_a_conflict_fails_its_own_batch_only(ledger):
    from charter.runtime.ledger.events import prepare

    ledger.append([Event("a", "s", {}, "id")])
    good, bad, late = ledger.commit(
        [[prepare(Event("b", "s", {}))], [prepare(Event("a", "s", {"x": 1}, "id"))], [prepare(Event("c", "s", {}))]]
    )
    assert isinstance(bad, Conflict)
    assert (good[0].seq, late[0].seq) == (1, 2)


def test_two_handles_append_to_one_chain(tmp_path):
    with opened(tmp_path) as one, opened(tmp_path) as two:
        for n in range(6):
            (one if n % 2 else two).append([Event("n", "s", {"n": n})])
        assert [event.body["n"] for event in one.events()] == list(range(6))
        assert one.checkpoint() == two.checkpoint()
        fill(two, 600)
        (receipt,) = one.append([Event("n", "s", {"n": 6})])
        assert receipt.seq == 606


def test_time_does_not_go_back_with_the_clock(tmp_path):
    times = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000, 2_000_000_000_000_001_000])
    with opened(tmp_path, clock=lambda: next(times)) as ledger:
        for n in range(3):
            ledger.append([Event("n", "s", {"n": n})])
        assert [event.time for event in ledger.events()] == [
            "2033-05-18T03:33:20.000000Z",
            "2033-05-18T03:33:20.000000Z",
            "2033-05-18T03:33:20.000001Z",
        ]


@pytest.mark.parametrize(
    ("event", "summary"),
    [
        (Event("Run", "s", {}), "event kind is not a name"),
        (Event("", "s", {}), "event kind is not a name"),
        (Event("a\n", "s", {}), "event kind is not a name"),
        (Event("a", "two words", {}), "event subject is not a token"),
        (Event("a", 's","ts":"', {}), "event subject is not a token"),
        (Event("a", "\u202egnp", {}), "event subject is not a token"),
        (Event("a", "x" * 257, {}), "event subject is not a token"),
        (Event("a", "s", {}, ""), "event id is not a token"),
        (Event("a", "s", {}, "\x1b[2J"), "event id is not a token"),
        (Event("a", "s", {"x": 0.5}), "event body cannot be recorded"),
        (Event("a", "s", {"attachments": 1}, attachments={"x": b""}), "event body has attachments already"),
        (Event("a", "s", {}, attachments={"x": "text"}), "attachment is not bytes"),
        (Event("a", "s", {"x": "y" * (1 << 20)}), "event body is too large"),
    ],
)
def test_what_cannot_be_recorded_is_refused_whole(ledger, event, summary):
    with pytest.raises(Refused, match=summary) as caught:
        ledger.append([Event("fine", "s", {}), event])
    assert caught.value.exit_code is ExitCode.WRONG_INPUT
    assert "\x1b" not in caught.value.detail and "\u202e" not in caught.value.detail
    assert ledger.size == 0


@given(st.text(max_size=300))
def test_any_name_maps_to_a_subject_token(name):
    from charter.runtime.ledger.record import check_subject

    check_subject(subject_token(name))


@given(st.text(max_size=300), st.text(max_size=300))
def test_different_names_map_to_different_tokens(one, other):
    assert (subject_token(one) == subject_token(other)) == (one == other)


def test_read_only_handle_reads_and_does_not_append(tmp_path):
    from charter.runtime.ledger import Ledger

    with opened(tmp_path) as ledger:
        fill(ledger, 3)
        with Ledger.open_read_only(tmp_path / "ledger.db") as reader:
            assert len(list(reader.events())) == 3
            fill(ledger, 300, first=3)
            assert reader.checkpoint() == ledger.checkpoint()
            with pytest.raises(Unavailable, match="reading only"):
                reader.append([Event("a", "s", {})])


def test_anchors_are_a_file_of_signed_checkpoints_each_size_once(tmp_path, ledger):
    file = tmp_path / "charter.checkpoints"
    notes = []
    for n in range(3):
        fill(ledger, 1, first=n)
        assert anchor(ledger, file)
        assert not anchor(ledger, file)
        notes.append(ledger.checkpoint())
    assert read_anchors(file) == notes


def test_a_ledger_older_than_its_anchor_is_not_appended_to(tmp_path):
    file = tmp_path / "charter.checkpoints"
    with opened(tmp_path) as ledger:
        fill(ledger, 2)
    old = (tmp_path / "ledger.db").read_bytes()
    with opened(tmp_path, anchor_path=file) as ledger:
        fill(ledger, 2, first=2)
        anchor(ledger, file)
    with opened(tmp_path, anchor_path=file) as ledger:
        assert ledger.size == 4
    (tmp_path / "ledger.db").write_bytes(old)
    with pytest.raises(Tampered, match="rolled back"):
        opened(tmp_path, anchor_path=file)
    with opened(tmp_path) as ledger:
        fill(ledger, 9, first=50)
    with pytest.raises(Tampered, match="rewritten"):
        opened(tmp_path, anchor_path=file)
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(Tampered, match="anchored ledger is missing"):
        opened(tmp_path, anchor_path=file)
