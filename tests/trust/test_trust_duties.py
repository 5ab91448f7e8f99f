"""Who is the owner and who the trainer: people who were authenticated, or nobody."""

from datetime import timedelta

import msgspec
import pytest
from people import APPROVAL, CHARTER, NOW, People

from charter.compiler import ir
from charter.runtime.events import IterationOpened, RunOpened, StageFinished
from charter.runtime.state import Gap, fold
from charter.runtime.trust.changes import Addition, Removal, Revocation, extend
from charter.runtime.trust.duties import excluded_people

WORLD = People()


class _Recorded:
    def __init__(self, seq, body):
        self.seq, self.time = seq, "2026-11-22T12:00:00Z"
        self.kind = type(body).__struct_config__.tag
        self.body = {name: value for name, value in msgspec.to_builtins(body).items() if name != "kind"}


def _opened(run: str, who: str, key: str | None) -> RunOpened:
    return RunOpened(
        run=run, lifecycle="l", version="1", ir="i", meaning="m", bundle="b", charter="c",
        actor=f"{who}@bank.example", engine="e", host="h", key=key,
    )  # fmt: skip


def _trained(run: str, iteration: int = 1, *, reused: bool = False) -> StageFinished:
    return StageFinished(
        run=run, stage="train/scorecard", iteration=iteration, key="k", artifacts={}, evidence=(), reused=reused
    )


def _excluded(*bodies, charter=CHARTER, trust=None):
    state = fold(_Recorded(seq, body) for seq, body in enumerate(bodies))
    return excluded_people(charter, APPROVAL, state, trust or WORLD.trust)


def _key(name: str) -> str:
    return WORLD.key(name).public.id


FIRST = IterationOpened(run="r1", iteration=1, because="first run")


def test_owner_and_trainer_are_people():
    found = _excluded(_opened("r1", "tom", _key("tom")), FIRST, _trained("r1"))
    assert found == {"owner": frozenset({"olga@bank.example"}), "trainer": frozenset({"tom@bank.example"})}


@pytest.mark.parametrize(
    ("who", "key"), [("tom", None), ("tom", "SHA256:nobody"), ("tom", "bob's"), ("mallory", "mallory's")]
)
def test_who_was_not_authenticated_is_unknown(who, key):
    key = _key(key.removesuffix("'s")) if key and key.endswith("'s") else key
    assert _excluded(_opened("r1", who, key), FIRST, _trained("r1"))["trainer"] is None


def test_nothing_trained_or_recorded_is_unknown():
    assert _excluded(_opened("r1", "tom", _key("tom")), FIRST)["trainer"] is None
    assert _excluded(FIRST, _trained("r1"))["trainer"] is None


def test_taking_a_result_over_trains_nothing():
    """The trainer stays who trained, when somebody else's run takes the model over into a new iteration."""
    found = _excluded(
        _opened("r1", "tom", _key("tom")),
        FIRST,
        _trained("r1"),
        _opened("r2", "bob", _key("bob")),
        IterationOpened(run="r2", iteration=2, because="new data"),
        _trained("r2", 2, reused=True),
    )
    assert found["trainer"] == frozenset({"tom@bank.example"})


def test_an_owner_who_is_nobody_in_the_trust_root_is_unknown():
    head = msgspec.structs.replace(CHARTER.lifecycle, owner="credit-models@bank.example")
    charter = msgspec.structs.replace(CHARTER, lifecycle=head)
    assert _excluded(FIRST, charter=charter)["owner"] is None


def test_a_word_that_means_nobody_is_unknown():
    approval = msgspec.structs.replace(APPROVAL, excluding=("auditor-general",))
    assert excluded_people(CHARTER, approval, fold([]), WORLD.trust) == {"auditor-general": None}


def test_a_second_key_of_the_trainer_is_the_trainer():
    world = WORLD
    addition = Addition("tom@bank.example", keys=(world.key("tom-2").public,))
    trust = extend(world.trust, addition, [world.key("ann")], NOW)
    found = _excluded(_opened("r1", "tom", _key("tom-2")), FIRST, _trained("r1"), trust=trust)
    assert found["trainer"] == frozenset({"tom@bank.example"})


def test_who_trained_is_known_after_they_left_but_not_under_a_key_in_other_hands():
    events = (_opened("r1", "tom", _key("tom")), FIRST, _trained("r1"))
    later, admin = NOW + timedelta(hours=1), [WORLD.key("ann")]
    left = extend(WORLD.trust, Removal("tom@bank.example", later), admin, later)
    assert _excluded(*events, trust=left)["trainer"] == frozenset({"tom@bank.example"})
    taken = extend(WORLD.trust, Revocation("tom@bank.example", "compromised", NOW - timedelta(days=9)), admin, later)
    assert _excluded(*events, trust=taken)["trainer"] is None


# Who changed the charter.

BY_AUTHOR = msgspec.structs.replace(APPROVAL, excluding=("author",))


def _run(run: str, who: str, meaning: str = CHARTER.meaning, *, key: str | None = "", pins: dict | None = None):
    opened = _opened(run, who, _key(who) if key == "" else key)
    return msgspec.structs.replace(opened, meaning=meaning, pins=pins or {})


def _author(*bodies, charter=CHARTER, trust=None):
    state = fold(_Recorded(seq, body) for seq, body in enumerate(bodies))
    return excluded_people(charter, BY_AUTHOR, state, trust or WORLD.trust)["author"]


def test_the_author_is_whose_run_first_made_the_meaning_count():
    assert _author(_run("r1", "tom"), _run("r2", "bob")) == frozenset({"tom@bank.example"})
    assert _author(_run("r1", "tom", "other"), _run("r2", "bob")) == frozenset({"bob@bank.example"})


def test_going_back_to_an_earlier_meaning_is_a_change_too():
    runs = (_run("r1", "tom", "other"), _run("r2", "dan"), _run("r3", "tom"))
    assert _author(*runs) == frozenset({"dan@bank.example"})
    assert _author(_run("r1", "tom", key=None), _run("r2", "bob", "other"), _run("r3", "dan"), _run("r4", "tom")) == (
        frozenset({"dan@bank.example"})
    )


def test_a_detour_by_an_earlier_meaning_makes_nobody_else_the_author():
    """Else the author would set the charter back, run it, and let a pipeline run the change a second time."""
    runs = (_run("r1", "dan", "other"), _run("r2", "bob"), _run("r3", "bob", "other"), _run("r4", "tom"))
    assert _author(*runs) == frozenset({"bob@bank.example", "tom@bank.example"})


def test_another_rule_is_another_meaning():
    control = ir.PolicyControl(
        id="p", gate="train/scorecard:entry", subject="policy/p", package="p", path="p.rego", enforce="mandatory",
        satisfies=(), text="p", place=APPROVAL.place,
    )  # fmt: skip
    charter = msgspec.structs.replace(CHARTER, controls=(*CHARTER.controls, control), pins={"p.rego": "now", "d": "x"})
    runs = (_run("r1", "tom", pins={"p.rego": "then", "d": "x"}), _run("r2", "bob", pins={"p.rego": "now", "d": "y"}))
    assert _author(*runs, charter=charter) == frozenset({"bob@bank.example"}), "data are no part of what it means"
    assert _author(*runs, _run("r3", "tom", pins={"p.rego": "now"}), charter=charter) == frozenset({"bob@bank.example"})


@pytest.mark.parametrize("key", [None, "SHA256:nobody", _key("bob")], ids=["none", "nobody", "of somebody else"])
def test_an_author_who_was_not_authenticated_is_unknown(key):
    assert _author(_run("r1", "tom", key=key), _run("r2", "bob")) is None


def test_a_meaning_that_nobody_has_run_has_no_author():
    assert _author() is None
    assert _author(_run("r1", "tom"), _run("r2", "tom", "other")) is None


def test_where_a_run_is_erased_the_author_is_unknown():
    state = fold([_Recorded(0, _run("r1", "tom"))])
    state.gaps[1] = Gap(1, "run.opened", "2026-11-22T12:00:00Z")
    assert excluded_people(CHARTER, BY_AUTHOR, state, WORLD.trust) == {"author": None}
