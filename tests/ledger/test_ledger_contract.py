"""The contract of every store, file and database: receipts, ids, order, other processes, pages, verification."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_samples import fill, opened

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Conflict, Event, Refused, Unavailable
from charter.runtime.ledger.committer import Committer
from charter.runtime.ledger.merkle import Frontier
from charter.runtime.ledger.proof import check_proof
from charter.runtime.ledger.record import subject_token
from charter.runtime.ledger.verify import Verdict, verify_ledger, verify_snapshot


@pytest.fixture
def ledger(folder):
    with opened(folder) as made:
        yield made


def test_what_is_appended_can_be_read_back_by_a_later_process(folder):
    with opened(folder) as ledger:
        (first,) = ledger.append([Event("run.started", "run:1", {"by": "ana", "n": 3})])
        second, third = ledger.append([Event("a", "s", {"x": "0.5"}), Event("b", "s", {}, attachments={"in": b"{}"})])
        assert [first.seq, second.seq, third.seq] == [0, 1, 2]
        assert not first.duplicate
        assert second.checkpoint == ledger.checkpoint()
        frontier = Frontier()
        frontier.extend([first.leaf, second.leaf, third.leaf])
        assert ledger.root == frontier.root()
    with opened(folder, create=False) as ledger:
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


def test_what_must_come_first_undoes_the_commit_when_it_fails(folder):
    with opened(folder) as ledger:
        ledger.append([Event("a", "s", {"x": 1})])
        seen = []

        def fails() -> None:
            seen.append(ledger._head.size)
            raise Failure("disk is full", "Free some space.")

        with pytest.raises(Failure, match="disk is full"):
            ledger.append([Event("a", "s", {"x": 2})], first=fails)
        assert seen == [1]
        assert ledger.size == 1
        (receipt,) = ledger.append([Event("a", "s", {"x": 3})], first=lambda: seen.append(0))
        assert (receipt.seq, seen) == (1, [1, 0])
    with opened(folder, create=False) as ledger:
        assert [event.body["x"] for event in ledger.events()] == [1, 3]


def test_pages_and_tiles_do_not_show(folder):
    with opened(folder) as ledger:
        fill(ledger, 1300, commit=111)
        assert [event.body["n"] for event in ledger.events()] == list(range(1300))
        assert [event.seq for event in ledger.events(after=700, kinds={"test.event"})] == list(range(701, 1300))
        root = ledger.root
    with opened(folder) as ledger:
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


def test_two_handles_append_to_one_chain(folder):
    with opened(folder) as one, opened(folder) as two:
        for n in range(6):
            (one if n % 2 else two).append([Event("n", "s", {"n": n})])
        assert [event.body["n"] for event in one.events()] == list(range(6))
        assert one.checkpoint() == two.checkpoint()
        fill(two, 600)
        (receipt,) = one.append([Event("n", "s", {"n": 6})])
        assert receipt.seq == 606


def test_time_does_not_go_back_with_the_clock(folder):
    times = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000, 2_000_000_000_000_001_000])
    with opened(folder, clock=lambda: next(times)) as ledger:
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


def test_read_only_handle_reads_and_does_not_append(folder):
    from charter.runtime.ledger import Ledger

    with opened(folder) as ledger:
        fill(ledger, 3)
        with Ledger.open_read_only(folder / "ledger.db") as reader:
            assert len(list(reader.events())) == 3
            fill(ledger, 300, first=3)
            assert reader.checkpoint() == ledger.checkpoint()
            with pytest.raises(Unavailable, match="reading only"):
                reader.append([Event("a", "s", {})])


def test_threads_and_handles_write_each_id_once(folder):
    seen, failures = [], []

    def work(ledger, turn):
        try:
            for n in range(20):
                number = (n * 7 + turn * 5) % 20
                (receipt,) = ledger.append([Event("test.shared", f"thing:{number}", {"n": number}, f"id-{number}")])
                seen.append((number, receipt.seq, receipt.leaf))
        except Failure as failure:
            failures.append(failure)

    with opened(folder) as one, opened(folder) as two:
        threads = [threading.Thread(target=work, args=(ledger, turn)) for turn in range(4) for ledger in (one, two)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert not failures
        assert one.size == two.size == len(set(seen)) == 20
    assert verify_ledger(folder / "ledger.db").verdict is Verdict.NOT_ANCHORED


def test_group_commit_and_verification_by_a_pin(folder):
    with opened(folder) as ledger, Committer(ledger) as committer:
        tickets = [committer.submit([Event("test.event", "thing:1", {"n": n})]) for n in range(700)]
        receipts = [ticket.result()[0] for ticket in tickets]
        assert [receipt.seq for receipt in receipts] == list(range(700))
        proof = ledger.prove(300)
        pin = receipts[0].checkpoint
        key = ledger.key
    header, body, _ = check_proof(proof, key)
    assert (header.seq, body) == (300, {"n": 300})
    report = verify_ledger(folder / "ledger.db", pins=[pin], public_key=key)
    assert (report.verdict, report.size) == (Verdict.ANCHORED, 700), report.findings


def test_an_error_inside_a_commit_leaves_nothing_and_a_usable_handle(ledger, monkeypatch):
    fill(ledger, 3)
    with monkeypatch.context() as patch:

        def interrupt(*_):
            raise KeyboardInterrupt

        patch.setattr(type(ledger._store._session), "set_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fill(ledger, 1, first=3)
    assert ledger.size == 3
    fill(ledger, 2, first=3)
    assert [event.body["n"] for event in ledger.events()] == list(range(5))


def test_what_is_there_is_not_made_anew_nor_taken_over(folder):
    with opened(folder) as ledger:
        fill(ledger, 1)
    for name in ("ledger.key", "ledger.pub"):
        (folder / name).unlink()
    with pytest.raises(Unavailable, match="private key is missing"):
        opened(folder)
    with pytest.raises(Unavailable):
        opened(folder, create=False)


def test_every_byte_of_attachments_and_bodies_comes_back(ledger):
    data = bytes(range(256)) * 5000
    text = "\x00\x1b[2J\u202e</script>=cmd|Grüße\U0001f600"
    ledger.append([Event("test.event", "s", {"text": text}, attachments={"a": data, "b": b""})])
    (event,) = ledger.events()
    assert event.body["text"] == text
    assert ledger.attachment(event.body["attachments"]["a"]["digest"]) == data
    assert ledger.attachment(event.body["attachments"]["b"]["digest"]) == b""
    with ledger._store.snapshot() as snapshot:
        report = verify_snapshot(snapshot)
    assert (report.verdict, report.attachments_missing) == (Verdict.NOT_ANCHORED, 0), report.findings


def test_a_closed_ledger_says_so(ledger):
    ledger.close()
    ledger.close()
    with pytest.raises(Unavailable, match="handle is closed"):
        fill(ledger, 1)
