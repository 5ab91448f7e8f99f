"""Which signatures under a waiver count: the attacks on it, one test each."""

import dataclasses
from datetime import timedelta

import msgspec
import pytest
from people import CHARTER, NOW, PLACE, REQUIREMENT, People

from charter.compiler import ir
from charter.compiler.canonical import canonical_json, digest
from charter.runtime.state import State
from charter.runtime.trust import dsse, waivers
from charter.runtime.trust.acts import Act, ActRecord, sign_act
from charter.runtime.trust.changes import Addition, Removal, extend
from charter.runtime.trust.genuine import PAYLOAD_TYPE
from charter.runtime.trust.statement import Signatory
from charter.runtime.trust.times import stamp

WAIVER = ir.Waiver(
    name="first-quarter",
    control="holdout.roc_auc",
    reason="Mended in 2.2.",
    role="risk-officer",
    quorum=2,
    compensating="Every decline is read.",
    until="2026-12-31",
    place=PLACE,
)
ASKING = msgspec.structs.replace(CHARTER, waivers=(WAIVER,))
WORLD = People()


@pytest.fixture(autouse=True)
def _duties(monkeypatch):
    """Nothing was run here: say who owns and who trained."""
    excluded = {"owner": frozenset({"olga@bank.example"}), "trainer": frozenset({"tom@bank.example"})}
    monkeypatch.setattr(waivers, "excluded_people", lambda *_: excluded)


def _sign(name: str, act: str = "waive", *, charter=ASKING, world=WORLD, key="", at=NOW, seq=1, **changes) -> ActRecord:
    about = waivers.waiver_about(charter, charter.waivers[0])
    fields = {"act": act, "name": "first-quarter", "about": about, "role": "risk-officer"} | changes
    by = Signatory(f"{name}@bank.example", world.key(key or name), world.trust.digest)
    body, envelope = sign_act(Act(**fields), by, at, run="r", iteration=1)
    return ActRecord(body, envelope, seq, stamp(at))


def _judge(*records, charter=ASKING, world=WORLD, now=NOW) -> waivers.WaiverVerdict:
    return waivers.waiver_verdict(charter, charter.waivers[0], records, State(), world.trust, now)


def _reason(*records, **around) -> str:
    verdict = _judge(*records, **around)
    assert verdict.granted == () and not verdict.in_force
    return verdict.ignored[0].reason


def test_two_officers_put_it_in_force():
    one = _judge(_sign("bob"))
    assert (one.missing, one.in_force) == (1, False)
    assert one.standing == "asked for, 1 of 2 signatures missing"
    both = _judge(_sign("bob", seq=1), _sign("carol", seq=2))
    assert [act.person for act in both.granted] == ["bob@bank.example", "carol@bank.example"] and both.in_force


def test_it_lapses_after_its_day_and_not_before():
    signed = (_sign("bob", seq=1), _sign("carol", seq=2))
    last = NOW.replace(month=12, day=31, hour=23, minute=59)
    assert _judge(*signed, now=last).in_force
    after = _judge(*signed, now=last + timedelta(minutes=1))
    assert after.lapsed and not after.in_force and after.standing == "lapsed after 2026-12-31"


def test_an_unsigned_request_is_nothing():
    assert not _judge().in_force
    zero = msgspec.structs.replace(ASKING, waivers=(msgspec.structs.replace(WAIVER, quorum=1),))
    assert not _judge(charter=zero).in_force


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"until": "2027-12-31"}, "`until`"),
        ({"reason": "Because."}, "`waiver`"),
        ({"quorum": 1}, "`waiver`"),
        ({"compensating": ""}, "`waiver`"),
    ],
)
def test_another_request_is_not_what_was_signed(change, says):
    charter = msgspec.structs.replace(ASKING, waivers=(msgspec.structs.replace(WAIVER, **change),))
    assert f"{says}" in _reason(_sign("bob"), charter=charter)


@pytest.mark.parametrize("change", [{"bound": 0.5}, {"confidence": 0.95}, {"metric": "f1"}, {"enforce": "absolute"}])
def test_another_bound_is_not_what_was_signed(change):
    other = msgspec.structs.replace(REQUIREMENT, **change)
    charter = msgspec.structs.replace(ASKING, controls=(other, *ASKING.controls[1:]))
    assert "it does not cover what there is now: `bound`" in _reason(_sign("bob"), charter=charter)


def test_another_model_or_other_data_is_not_what_was_signed():
    stages = tuple(
        msgspec.structs.replace(stage, inputs=(ir.Input(name="test", stage="acquire/elsewhere", artifact="data"),))
        if stage.id == "evaluate/holdout"
        else stage
        for stage in ASKING.stages
    )
    charter = msgspec.structs.replace(ASKING, stages=stages)
    assert "`subject` changed" in _reason(_sign("bob"), charter=charter)


def test_a_waived_rule_of_the_team_is_that_rule_and_no_later_one():
    rule = ir.PolicyControl(
        id="no-proxy", gate="train/scorecard:entry", subject="policy/no-proxy", package="p", path="p.rego",
        enforce="mandatory", satisfies=(), text="p.rego", place=PLACE,
    )  # fmt: skip
    asking = (msgspec.structs.replace(WAIVER, control="no-proxy"),)
    charter = msgspec.structs.replace(ASKING, controls=(rule, *ASKING.controls), waivers=asking, pins={"p.rego": "one"})
    assert _judge(_sign("bob", charter=charter), charter=charter).missing == 1
    changed = msgspec.structs.replace(charter, pins={"p.rego": "two"})
    assert "`policy` changed" in _reason(_sign("bob", charter=charter), charter=changed)


def test_wording_and_place_are_not_part_of_it():
    moved = msgspec.structs.replace(PLACE, line=99)
    control = msgspec.structs.replace(REQUIREMENT, place=moved, text="roc_auc >= 0.750")
    charter = msgspec.structs.replace(
        ASKING, controls=(control, *ASKING.controls[1:]), waivers=(msgspec.structs.replace(WAIVER, place=moved),)
    )
    assert _judge(_sign("bob"), charter=charter).missing == 1


@pytest.mark.parametrize(("who", "word"), [("olga", "owner"), ("tom", "trainer")])
def test_who_may_not_approve_may_not_waive_either(who, word):
    assert _reason(_sign(who)) == f"they are the {word}, whom the charter excludes from `release`"


def test_nobody_can_be_shown_to_be_somebody_else_when_the_trainer_is_unknown(monkeypatch):
    monkeypatch.setattr(waivers, "excluded_people", lambda *_: {"owner": frozenset({"x"}), "trainer": None})
    assert "is not known" in _reason(_sign("bob"))


def test_who_does_not_hold_the_role():
    assert _reason(_sign("dan")) == "they do not hold the role `risk-officer`"
    assert _reason(_sign("dan", role="auditor")) == "it was not signed as `risk-officer`"
    assert _reason(_sign("dan", role="")) == "it was not signed as `risk-officer`"


def test_a_forged_signature():
    assert "no key that the trust root gives to this person" in _reason(_sign("bob", key="mallory"))
    honest = _sign("bob")
    for forged in (
        dataclasses.replace(honest, envelope=honest.envelope.replace(b'"sig":"', b'"sig":"AA')),
        dataclasses.replace(honest, envelope=b""),
        dataclasses.replace(honest, body=msgspec.structs.replace(honest.body, person="carol@bank.example")),
        dataclasses.replace(honest, body=msgspec.structs.replace(honest.body, role="auditor")),
        dataclasses.replace(honest, body=msgspec.structs.replace(honest.body, comment="other")),
    ):
        assert _judge(forged).granted == ()


def test_a_payload_that_lies_about_its_own_digest():
    import json

    honest = _sign("bob")
    payload, _ = dsse.open_envelope(honest.envelope, PAYLOAD_TYPE, {})
    document = json.loads(payload)
    document["predicate"]["about"]["until"] = "2099-12-31"
    lying = canonical_json(document)
    envelope = dsse.seal(PAYLOAD_TYPE, lying, [WORLD.key("bob")])
    body = msgspec.structs.replace(honest.body, statement=digest(lying), envelope=digest(envelope))
    assert "its digest is not that" in _reason(dataclasses.replace(honest, body=body, envelope=envelope))


def test_an_approval_is_no_waiver():
    approved = WORLD.sign("bob")
    stolen = msgspec.structs.replace(
        _sign("bob").body, statement=approved.body.statement, envelope=approved.body.envelope
    )
    assert "cannot be read" in _reason(ActRecord(stolen, approved.envelope, 1, stamp(NOW)))


def test_one_person_under_two_keys_counts_once():
    world = People()
    second = Addition("bob@bank.example", keys=(world.key("bob-2").public,))
    world.trust = extend(world.trust, second, [world.key("ann")], NOW)
    verdict = _judge(_sign("bob", world=world, seq=1), _sign("bob", world=world, key="bob-2", seq=2), world=world)
    assert len(verdict.granted) == 1 and not verdict.in_force
    assert "counts once" in verdict.ignored[0].reason


def test_taking_it_back_and_signing_again():
    signed, later = _sign("bob", seq=1), NOW + timedelta(hours=1)
    back = _sign("bob", "withdraw", at=later, seq=2)
    assert _judge(signed, back, now=later).ignored[-1].reason == "they took their signature back"
    replayed = dataclasses.replace(signed, seq=3, time=stamp(later))
    assert _judge(signed, back, replayed, now=later).granted == ()
    again = _sign("bob", at=later + timedelta(hours=1), seq=4)
    assert len(_judge(signed, back, again, now=later).granted) == 1


def test_who_left_since_has_signed_and_who_lost_the_role_has_not():
    for roles, granted in (((), 1), (("risk-officer",), 0)):
        world = People()
        signed = _sign("bob", world=world)
        later = NOW + timedelta(hours=1)
        world.trust = extend(world.trust, Removal("bob@bank.example", later, roles), [world.key("ann")], later)
        assert len(_judge(signed, world=world, now=later).granted) == granted


def test_a_signature_under_another_trust_root():
    other = People(keys=dict(WORLD.keys))
    other.add("bob", "auditor")
    assert "not in the history" in _reason(_sign("bob", world=other))
