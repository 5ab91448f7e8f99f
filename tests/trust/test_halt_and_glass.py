"""Halts and broken glass, end to end and one attack at a time."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from people import NOW, People
from small import Small

from charter.runtime.trust.acts import Act, ActRecord, sign_act
from charter.runtime.trust.changes import Addition, Removal, Revocation, extend
from charter.runtime.trust.emergencies import broken_glass, halts, standstill
from charter.runtime.trust.statement import Signatory
from charter.runtime.trust.times import stamp

GATE = "validate/people:exit"


def _signed(
    world: People, who: str, act: str, about: dict, *, at=NOW, seq=1, key="", name="small", comment="x"
) -> ActRecord:
    by = Signatory(f"{who}@bank.example", world.key(key or who), world.trust.digest)
    body, envelope = sign_act(Act(act, name, about, comment=comment), by, at, run="r", iteration=1)
    return ActRecord(body, envelope, seq, stamp(at))


@pytest.fixture
def world() -> People:
    """Ann and Carol administrate, and both must agree."""
    made = People()
    carol = Addition("carol@bank.example", administrator=True, quorum=2)
    made.trust = extend(made.trust, carol, [made.key("ann")], NOW - timedelta(days=70))
    return made


def _resume(world: People, who: str, *halted: ActRecord, **more) -> ActRecord:
    return _signed(world, who, "resume", {"halts": [item.body.statement for item in halted]}, **more)


def test_a_halt_holds_until_a_quorum_of_administrators_lifts_exactly_it(world: People) -> None:
    halted = _signed(world, "bob", "halt", {}, seq=1)
    one = _resume(world, "ann", halted, seq=2)
    (still,) = halts((halted, one), world.trust)
    assert (still.missing, still.resumed_by) == (1, ("ann@bank.example",))
    assert "`bob@bank.example` halted it" in str(standstill((halted, one), world.trust, NOW))
    both = (halted, one, _resume(world, "carol", halted, seq=3))
    assert halts(both, world.trust) == () and standstill(both, world.trust, NOW) is None
    again = _signed(world, "bob", "halt", {}, at=NOW + timedelta(hours=1), seq=4)
    assert len(halts((*both, again), world.trust)) == 1, "an old resumption lifts no new halt"


def test_resumptions_that_do_not_count(world: People) -> None:
    halted = _signed(world, "bob", "halt", {})
    ann = _resume(world, "ann", halted, seq=2)
    second = Addition("ann@bank.example", keys=(world.key("ann-2").public,))
    world.trust = extend(world.trust, second, [world.key("ann"), world.key("carol")], NOW)
    for other in (
        ann,
        _resume(world, "ann", halted, key="ann-2", seq=3),
        _resume(world, "bob", halted, seq=3),
        _resume(world, "carol", halted, key="mallory", seq=3),
        _resume(world, "carol", ann, seq=3),
        _signed(world, "carol", "waive", {"halts": [halted.body.statement]}, seq=3),
    ):
        assert halts((halted, ann, other), world.trust)[0].missing == 1


def test_a_halt_outlives_its_key_and_the_trust_root(world: People) -> None:
    halted = _signed(world, "bob", "halt", {})
    stolen = Revocation("bob@bank.example", "compromised", NOW - timedelta(days=9))
    later = extend(world.trust, stolen, [world.key("ann"), world.key("carol")], NOW)
    assert halts((halted,), later) and halts((halted,), None)
    assert halts((ActRecord(halted.body, b"", 1, halted.time),), world.trust)


def _glass(world: People, who: str = "ann", **more) -> ActRecord:
    about = {"gate": GATE, "key": "k", "review_by": "2026-12-01"}
    return _signed(world, who, "break-glass", about, name=GATE, **more)


def test_broken_glass_counts_for_one_gate_and_one_work_until_it_is_reviewed(world: People) -> None:
    (glass,) = broken_glass((_glass(world),), world.trust)
    assert glass.open_for(GATE, "k", NOW)
    assert not glass.open_for(GATE, "other work", NOW) and not glass.open_for("validate/other:exit", "k", NOW)
    last = datetime(2026, 12, 1, 23, 59, tzinfo=UTC)
    assert glass.open_for(GATE, "k", last) and not glass.open_for(GATE, "k", last + timedelta(minutes=1))
    assert "should have been closed by 2026-12-01" in str(standstill([glass.record], world.trust, last + timedelta(1)))
    closing = _signed(world, "bob", "close-review", {"of": glass.record.body.statement}, name=GATE, seq=2)
    (closed,) = broken_glass((glass.record, closing), world.trust)
    assert (
        not closed.open_for(GATE, "k", NOW)
        and standstill((glass.record, closing), world.trust, last + timedelta(9)) is None
    )


def test_nobody_closes_their_own_review_and_nobody_forges_one(world: People) -> None:
    glass = _glass(world)
    about = {"of": glass.body.statement}
    for closing in (
        _signed(world, "ann", "close-review", about, seq=2),
        _signed(world, "bob", "close-review", about, key="mallory", seq=2),
        _signed(world, "bob", "close-review", {"of": "sha256:other"}, seq=2),
    ):
        assert broken_glass((glass, closing), world.trust)[0].closed is None


def test_glass_of_somebody_who_may_not_opens_nothing_but_must_be_reviewed(world: People) -> None:
    for record in (
        _glass(world, "bob"),
        _glass(world, key="mallory"),
        ActRecord(_glass(world).body, b"", 1, stamp(NOW)),
    ):
        (glass,) = broken_glass((record,), world.trust)
        assert glass.act is None
        assert standstill((record,), world.trust, NOW + timedelta(days=90))


def test_an_administrator_who_left_since_broke_it_all_the_same(world: People) -> None:
    glass, later = _glass(world), NOW + timedelta(hours=1)
    both = [world.key("ann"), world.key("carol")]
    world.trust = extend(world.trust, Removal("ann@bank.example", later, quorum=1), both, later)
    assert broken_glass((glass,), world.trust)[0].act is not None


# -- the commands


def test_a_halted_lifecycle_does_nothing_until_it_is_resumed(small: Small) -> None:
    assert "another lifecycle" in small.charter("halt", "smal", "--key", "bob.key", "--comment", "x", "--yes")[2]
    assert "why?" in small.charter("halt", "small", "--key", "bob.key", "--yes")[2]
    assert small.charter("halt", "small", "--key", "bob.key", "--comment", "odd decisions", "--yes")[0] == 0
    code, out = small.run()
    assert code == 1 and "halted it" in out and "odd decisions" in out
    assert [event.body["outcome"] for event in small.events("run.closed")] == ["denied", "halted"]
    code, out, _ = small.charter("status")
    assert code == 1 and "halted" in out and "odd decisions" in out
    (item,) = [item for item in small.asking("inbox") if item["kind"] == "resume"]
    assert item["people"] == ["olga@bank.example"]
    resume = ("resume", "small", "--comment", "looked into it", "--yes", "--key")
    assert "not an administrator" in small.charter(*resume, "bob.key")[2]
    assert small.charter(*resume, "olga.key")[0] == 0
    assert "not halted" in small.charter(*resume, "olga.key")[2]
    assert "rows" in small.run()[1]


def test_glass_is_broken_reviewed_and_an_overdue_review_stops_everything(small: Small) -> None:
    today = datetime.now(UTC).date()
    glass = ("break-glass", "validate/people", "--comment", "fire", "--yes", "--key")
    soon = ("--review-by", str(today + timedelta(days=2)))
    assert "not an administrator" in small.charter(*glass, "bob.key", *soon)[2]
    assert "not that day" in small.charter(*glass, "olga.key", "--review-by", str(today + timedelta(days=99)))[2]
    assert "nothing to break" in small.charter("break-glass", "acquire/people", *glass[2:], "olga.key", *soon)[2]
    assert small.charter(*glass, "olga.key", *soon)[0] == 0
    assert "already broken" in small.charter(*glass, "olga.key", *soon)[2]
    assert "it will allow" in small.charter("why", "validate/people")[1]
    late = Small(shutil.copytree(small.root, small.root.parent / "late"))
    code, out = small.run()
    assert code == 0 and "allowed, because its glass was broken" in out
    (warning,) = small.events("gate.decided")[-1].body["warnings"]
    assert warning["waiver"] == f"break-glass:{GATE}"
    close = ("close-review", GATE, "--comment", "fine once", "--yes", "--key")
    assert "somebody else must review" in small.charter(*close, "olga.key")[2]
    assert "somebody else must review" in small.charter(close[0], "validate/people", *close[2:], "olga.key")[2]
    assert small.charter(close[0], "validate/people", *close[2:], "bob.key")[0] == 0
    assert "no such stage or gate" in small.charter(close[0], "validate/poeple", *close[2:], "bob.key")[2]
    assert "no open review" in small.charter(*close, "bob.key")[2]
    small.charter("report", "-o", "r.html")
    assert "broke the glass at validate/people:exit" in (small.root / "r.html").read_text()
    code, out = _days_later(late, 3)
    assert code == 1 and "should have been closed by" in out


def test_broken_glass_covers_what_was_shown_under_the_controls_of_then_and_nothing_else(small: Small) -> None:
    review = ("--review-by", str(datetime.now(UTC).date() + timedelta(days=2)))
    glass = ("break-glass", "validate/people", "--comment", "fire", "--yes", "--key", "olga.key", *review)
    charter = (small.root / "small.charter").read_text()
    assert small.charter(*glass)[0] == 0
    small.write(charter.replace("rows >= 10", "rows >= 1000"))
    code, out = small.run()
    assert code == 1 and "allowed, because" not in out
    assert "broken for other breaches or under other controls" in out
    last = small.events("gate.decided")[-1].body
    assert [item["code"] for item in last["warnings"]] == ["glass_elsewhere"]
    assert "broken for other breaches or under other controls" in small.charter("why", "validate/people")[1]
    assert small.charter(*glass)[0] == 0, "what is shown now is another exception"
    code, out = small.run()
    assert code == 0 and "allowed, because its glass was broken" in out


@pytest.mark.parametrize("part", ["controls", "shown"])
def test_glass_without_what_was_shown_shows_nothing_to_policies(world: People, part: str) -> None:
    """As an older version signed it, or as somebody forged it."""
    from people import CHARTER, STAGES

    from charter.runtime.people import glass_facts
    from charter.runtime.trust.emergencies import glass_controls

    gate = next(stage.exit for stage in STAGES if stage.id == "evaluate/holdout")
    controls = glass_controls(CHARTER, gate)
    assert list(controls) == ["holdout.roc_auc"]
    good = {"gate": gate.id, "key": "k", "review_by": "2026-12-01", "controls": controls, "shown": ["breach"]}
    worse = [good | {part: None}, {name: item for name, item in good.items() if name != part}]
    worse += [good | {"controls": {"holdout.roc_auc": "other"}}, good | {"controls": {**controls, "more": "x"}}]
    for about, names in ((good, 2), *((item, 1) for item in worse)):
        record = _signed(world, "ann", "break-glass", about, name=gate.id)
        facts = list(glass_facts(CHARTER, gate, "k", [record], world.trust, NOW))
        assert len(facts) == names and facts[0].waiver == f"break-glass:{gate.id}"


def _days_later(small: Small, days: int) -> tuple[int, str]:
    """A run under a clock that is ahead."""
    from charter.runtime import journal

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=days)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "datetime", Later)
        return small.run()


def test_a_halt_beside_a_run_stops_it_before_the_next_effect(small: Small, monkeypatch) -> None:
    """Recorded by somebody else while the run works: what its next commit allows does not happen."""
    from charter.runtime.run import Run

    advance = Run._advance
    halted = []

    def halting(self, stage):
        advance(self, stage)
        if not halted:
            halted.append(small.charter("halt", "small", "--key", "carol.key", "--comment", "stop", "--yes")[0])

    monkeypatch.setattr(Run, "_advance", halting)
    (small.root / "people.csv").write_text("age,sex\n" + "1,f\n" * 12)
    code, out = small.run()
    assert (code, halted) == (1, [0]) and "halted it" in out
    last = small.events("gate.decided")[-1]
    assert last.body["allow"] is True
    assert all(event.body["decision"] != last.seq for event in small.events("gate.applied"))
    assert small.events("stage.finished")[-1].seq < last.seq, "nothing was done"
