"""People leave, keys are lost or stolen: what the trust root forgets, what it remembers, and since when."""

import json
from datetime import timedelta

import msgspec
import pytest
from people import NOW, People

from charter.runtime.failure import Failure
from charter.runtime.trust import root
from charter.runtime.trust.approvals import verified_approvals
from charter.runtime.trust.changes import Addition, Removal, Revocation, extend
from charter.runtime.trust.keys import generate

BOB = "bob@bank.example"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world() -> People:
    return People()


def _changed(world: People, change, *, at=LATER) -> None:
    world.trust = extend(world.trust, change, [world.key("ann")], at)


def _approved(world: People, *signed, now=LATER) -> list[str]:
    return [item.person.partition("@")[0] for item in verified_approvals(signed, world.case(), now).approvals]


def _reason(world: People, *signed) -> str:
    return verified_approvals(signed, world.case(), LATER).ignored[0].reason


def test_who_left_signs_no_more_and_what_they_signed_before_stands(world: People) -> None:
    before = world.sign("bob", at=NOW - timedelta(hours=2))
    _changed(world, Removal(BOB, NOW))
    assert world.trust.person(BOB) is None and world.trust.person_of(world.key("bob").public.id) is None
    assert world.trust.members("risk-officer") == ("carol@bank.example", "olga@bank.example", "tom@bank.example")
    assert _approved(world, before) == ["bob"]
    late = world.sign("bob", at=NOW)
    assert _approved(world, late) == []
    assert _reason(world, late) == "the key that signed it does not count from 2026-11-22T12:00:00Z on: its owner left"


def test_a_stolen_key_cannot_backdate(world: People) -> None:
    """The thief chooses the time in the statement, not the one that the ledger writes beside it."""
    _changed(world, Revocation(BOB, "compromised", NOW - timedelta(days=1), replacements=(generate().public,)))
    honest = world.sign("bob", at=NOW - timedelta(days=2))
    assert _approved(world, honest) == ["bob"]
    backdated = world.sign("bob", at=NOW - timedelta(days=2))
    recorded_late = type(backdated)(backdated.body, backdated.envelope, backdated.seq, "2026-11-22T12:00:00Z")
    assert _approved(world, recorded_late) == []
    assert "it was compromised" in _reason(world, recorded_late)


def test_a_new_key_counts_from_now_on(world: People) -> None:
    _changed(world, Revocation(BOB, "lost", NOW, replacements=(world.key("bob-2").public,)))
    assert world.trust.members("risk-officer")[0] == BOB
    assert _approved(world, world.sign("bob", key="bob-2", at=LATER)) == ["bob"]
    old_and_new = (world.sign("bob", at=NOW - timedelta(hours=1), seq=1), world.sign("bob", key="bob-2", at=LATER))
    assert _approved(world, *old_and_new) == ["bob"]


def test_a_person_whose_only_key_is_lost_stays_but_cannot_sign(world: People) -> None:
    _changed(world, Revocation(BOB, "lost", NOW))
    assert world.trust.keys_of(BOB) == {} and BOB in world.trust.members("risk-officer")
    assert root.parse(root.render(world.trust), "it") == world.trust


def test_a_role_that_was_taken_away_counts_no_more(world: People) -> None:
    before = world.sign("bob", at=NOW - timedelta(hours=2))
    _changed(world, Removal(BOB, NOW, roles=("risk-officer",)))
    assert world.trust.person(BOB) is not None
    assert _reason(world, before) == "they do not hold the role `risk-officer`"


def test_a_key_that_ended_is_nobodys_again(world: People) -> None:
    _changed(world, Revocation(BOB, "compromised", NOW, replacements=(generate().public,)))
    for who in (BOB, "carol@bank.example"):
        with pytest.raises(Failure) as caught:
            _changed(world, Addition(who, keys=(world.key("bob").public,)))
        assert "was given up as compromised; it is nobody's again" in caught.value.detail


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Removal("eve@bank.example", NOW), "is not in the trust root"),
        (Removal(BOB, NOW, roles=("auditor",)), "does not hold the role `auditor`; they hold `risk-officer`"),
        (Removal(BOB, NOW, administrator=True), "does not administrate"),
        (Removal("ann@bank.example", NOW), "but there are 0"),
        (Removal(BOB, NOW + timedelta(days=9)), "ends in the future"),
        (Revocation(BOB, "lost", NOW, keys=("SHA256:x",)), "is not a key of"),
        (Revocation("ann@bank.example", "lost", NOW), "only 0 would have a key"),
    ],
)
def test_changes_that_are_refused(world: People, change, says: str) -> None:
    with pytest.raises(Failure) as caught:
        _changed(world, change)
    assert says in caught.value.detail


def test_an_administrator_who_lost_the_only_key_gets_a_new_one_from_the_quorum(world: People) -> None:
    _changed(world, Addition("carol@bank.example", administrator=True))
    new = world.key("ann-2").public
    lost = Revocation("ann@bank.example", "lost", NOW, replacements=(new,))
    world.trust = extend(world.trust, lost, [world.key("carol")], LATER)
    assert list(world.trust.keys_of("ann@bank.example")) == [new.id]
    with pytest.raises(Failure, match="would not be valid"):
        extend(world.trust, Addition(BOB, roles=("auditor",)), [world.key("ann")], LATER)


def _forged(world: People, **changes) -> str:
    """What is said of a next version that a quorum signed, but that no command makes."""
    current = world.trust.current
    version = msgspec.structs.replace(current, version=current.version + 1, previous=world.trust.digest, **changes)
    with pytest.raises(Failure) as caught:
        root.append(world.trust.versions, version, root.sign_version(version, [world.key("ann")]))
    return caught.value.detail


def test_nobody_goes_without_a_word(world: People) -> None:
    """Even a quorum cannot make the trust root forget a key, or remember one that was never there."""
    people = tuple(person for person in world.trust.current.people if person.id != BOB)
    roles = {"risk-officer": ("carol@bank.example",)}
    assert "is gone and it is not said why" in _forged(world, people=people, roles=roles)
    _changed(world, Removal("dan@bank.example", NOW))
    assert "orgets keys that had ended" in _forged(world, ended=())
    invented = msgspec.structs.replace(
        world.trust.current.ended[0], key=world.key("x").public.id, public=world.key("x").public.line
    )
    assert "or said and not so" in _forged(world, ended=(*world.trust.current.ended, invented))


def test_older_files_keep_their_digests(world: People) -> None:
    """A version in which nothing has ended is written as it always was."""
    assert "ended" not in json.loads(root.render(world.trust))["versions"][-1]["signed"]
