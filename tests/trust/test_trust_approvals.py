"""Which signatures count: the attacks on an approval, one test each."""

import dataclasses
from datetime import timedelta

import msgspec
import pytest
from people import APPROVAL, ARTIFACTS, CHARTER, EVIDENCE, NOW, PLACE, REQUIREMENT, People, record_of, there_is

from charter.compiler import ir
from charter.compiler.canonical import digest
from charter.runtime.trust import changes
from charter.runtime.trust.approvals import verified_approvals
from charter.runtime.trust.changes import Addition
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import review

WORLD = People()


def _judge(*signed, case=None, now=NOW):
    return verified_approvals(signed, case or WORLD.case(), now)


def _reasons(verdict) -> dict[str, str]:
    assert verdict.approvals == ()
    return {item.person.split("@")[0]: item.reason for item in verdict.ignored}


def test_two_officers_are_two():
    verdict = _judge(WORLD.sign("bob", seq=1), WORLD.sign("carol", seq=2))
    assert [item.person for item in verdict.approvals] == ["bob@bank.example", "carol@bank.example"]
    assert verdict.ignored == verdict.rejections == ()
    assert verdict.approvals[0].facts() == {
        "approval": "release",
        "person": "bob@bank.example",
        "role": "risk-officer",
        "key": WORLD.key("bob").public.id,
        "signed_at": "2026-11-22T12:00:00Z",
        "statement": WORLD.sign("bob").body.statement,
    }


def test_one_person_under_two_keys_counts_once():
    world = People()
    addition = Addition("bob@bank.example", keys=(world.key("bob-2").public,))
    world.trust = changes.extend(world.trust, addition, [world.key("ann")], NOW)
    verdict = _judge(world.sign("bob", seq=1), world.sign("bob", key="bob-2", seq=2), case=world.case())
    assert len(verdict.approvals) == 1
    assert "counts once" in verdict.ignored[0].reason


def test_the_same_envelope_recorded_twice_counts_once():
    assert len(_judge(WORLD.sign("bob", seq=1), WORLD.sign("bob", seq=2)).approvals) == 1


def test_other_artifacts():
    other = review(CHARTER, APPROVAL, ARTIFACTS | {"train/scorecard:model": "sha256:" + "b" * 64}, EVIDENCE, 1)
    reasons = _reasons(_judge(WORLD.sign("bob"), case=WORLD.case(other)))
    assert reasons == {"bob": "it does not cover what there is now: artifact `train/scorecard:model` changed"}


def test_other_evidence_and_another_iteration():
    record = msgspec.structs.replace(EVIDENCE["evaluate/holdout"][0], value="0.92")
    changed = review(CHARTER, APPROVAL, ARTIFACTS, {"evaluate/holdout": (record,)}, 2)
    reason = _reasons(_judge(WORLD.sign("bob"), case=WORLD.case(changed)))["bob"]
    assert "iteration 1, this is iteration 2" in reason and "evidence of `evaluate/holdout` changed" in reason


def test_expired():
    assert _judge(WORLD.sign("bob"), now=NOW + timedelta(days=30)).approvals
    reason = _reasons(_judge(WORLD.sign("bob"), now=NOW + timedelta(days=30, seconds=1)))["bob"]
    assert reason == "it was valid until 2026-12-22T12:00:00Z"


def test_a_clock_set_forward_does_not_lengthen_its_life():
    signed = WORLD.sign("bob", at=NOW + timedelta(days=300))
    recorded = dataclasses.replace(signed, time="2026-11-22T12:00:00Z")
    assert not _judge(recorded, now=NOW + timedelta(days=31)).approvals


def test_an_old_envelope_recorded_late_is_still_old():
    replayed = dataclasses.replace(WORLD.sign("bob", at=NOW - timedelta(days=40)), time="2026-11-22T12:00:00Z")
    assert not _judge(replayed).approvals


def test_an_old_approval_recorded_again_does_not_undo_a_rejection():
    approved = WORLD.sign("bob", at=NOW - timedelta(hours=2), seq=1)
    rejected = WORLD.sign("bob", "reject", at=NOW - timedelta(hours=1), seq=2)
    replayed = dataclasses.replace(approved, seq=3)
    verdict = _judge(approved, rejected, replayed)
    assert verdict.approvals == () and [item.person for item in verdict.rejections] == ["bob@bank.example"]


def test_a_clock_set_forward_does_not_outrank_a_later_rejection():
    ahead = WORLD.sign("bob", at=NOW + timedelta(hours=3), seq=1)
    approved = dataclasses.replace(ahead, time="2026-11-22T12:00:00Z")
    rejected = WORLD.sign("bob", "reject", at=NOW + timedelta(hours=1), seq=2)
    verdict = _judge(approved, rejected, now=NOW + timedelta(hours=2))
    assert verdict.approvals == () and [item.seq for item in verdict.rejections] == [2]


def test_a_rejection_beats_approvals_until_who_rejected_approves():
    signed = [WORLD.sign("bob", seq=1), WORLD.sign("carol", "reject", seq=2)]
    assert "a rejection beats approvals" in _reasons(_judge(*signed))["bob"]
    assert [item.person for item in _judge(*signed).overruled] == ["bob@bank.example"]
    assert not _judge(*signed, now=NOW + timedelta(days=31)).overruled
    later = WORLD.sign("carol", at=NOW + timedelta(hours=1), seq=3)
    assert len(_judge(*signed, later, now=NOW + timedelta(hours=1)).approvals) == 2


def test_a_rejection_does_not_expire():
    verdict = _judge(WORLD.sign("carol", "reject"), now=NOW + timedelta(days=900))
    assert verdict.rejections


@pytest.mark.parametrize(("name", "word"), [("olga", "owner"), ("tom", "trainer")])
def test_excluded_people(name, word):
    assert _reasons(_judge(WORLD.sign(name)))[name] == f"they are the {word}, whom the charter excludes"


def test_excluded_people_do_not_reject_either():
    verdict = _judge(WORLD.sign("olga", "reject", seq=1), WORLD.sign("bob", seq=2))
    assert len(verdict.approvals) == 1 and verdict.rejections == ()


def test_unknown_excluded_people_exclude_everybody():
    for excluded in ({"owner": None, "trainer": frozenset()}, {"owner": frozenset()}, {}):
        assert "is not known" in _reasons(_judge(WORLD.sign("bob"), case=WORLD.case(excluded=excluded)))["bob"]


def test_no_role_holder():
    assert "do not hold the role" in _reasons(_judge(WORLD.sign("dan")))["dan"]


def test_a_stranger_and_a_stolen_name():
    stranger = WORLD.sign("mallory")
    impostor = WORLD.sign("bob", key="mallory", seq=2)
    reasons = _reasons(_judge(stranger, impostor))
    assert reasons == dict.fromkeys(("mallory", "bob"), "no key that the trust root gives to this person signed it")


def test_a_replaced_or_rolled_back_trust_root():
    reason = _reasons(_judge(WORLD.sign("bob", trust=People().trust.digest)))["bob"]
    assert "not in the history of the present one" in reason
    before = TrustRoot(WORLD.trust.versions[:-1])
    assert _reasons(_judge(WORLD.sign("bob"), case=WORLD.case(trust=before)))["bob"] == reason


def test_a_record_that_says_something_else_than_what_was_signed():
    signed = WORLD.sign("bob", "reject")
    forged = dataclasses.replace(signed, body=msgspec.structs.replace(signed.body, type="approve"))
    assert _reasons(_judge(forged))["bob"] == "the record says something else than what was signed"
    claimed = dataclasses.replace(signed, body=msgspec.structs.replace(signed.body, person="carol@bank.example"))
    assert "something else" in _reasons(_judge(claimed))["carol"]
    swapped = dataclasses.replace(signed, envelope=WORLD.sign("carol").envelope)
    assert _reasons(_judge(swapped))["bob"] == "the recorded envelope is not the one that was signed"


@pytest.mark.parametrize(
    "envelope",
    [
        b"",
        b"{}",
        b"\xff\x00",
        b'{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}',
    ],
)
def test_garbage_instead_of_an_envelope(envelope):
    signed = WORLD.sign("bob")
    body = msgspec.structs.replace(signed.body, envelope=digest(envelope))
    assert _judge(dataclasses.replace(signed, body=body, envelope=envelope)).approvals == ()


def test_a_digest_beside_the_review_that_is_not_its_own():
    """A reader who compares digests only must not be led astray by a signed statement either."""
    from charter.compiler.canonical import canonical_json
    from charter.runtime.trust import dsse
    from charter.runtime.trust.genuine import PAYLOAD_TYPE
    from charter.runtime.trust.statement import Signatory, sign_statement

    signatory = Signatory("bob@bank.example", WORLD.key("bob"), WORLD.trust.digest)
    statement, _ = sign_statement(CHARTER, there_is(), "approve", signatory, NOW)
    other = there_is(iteration=7).digest()
    lying = msgspec.structs.replace(
        statement, predicate=msgspec.structs.replace(statement.predicate, reviewed_digest=other)
    )
    envelope = dsse.seal(PAYLOAD_TYPE, canonical_json(lying), [WORLD.key("bob")])
    assert "an inconsistent statement" in _reasons(_judge(record_of(lying, envelope, NOW, 1)))["bob"]


def test_statements_of_other_approvals_are_not_mentioned():
    other = msgspec.structs.replace(APPROVAL, id="other")
    assert _judge(WORLD.sign("bob"), case=WORLD.case(approval=other)).ignored == ()


def _with(controls=None, declarations=None, **changes) -> ir.IR:
    return msgspec.structs.replace(
        CHARTER,
        controls=CHARTER.controls if controls is None else controls,
        declarations=dict(CHARTER.declarations) | (declarations or {}),
        **changes,
    )


def _changed_declaration(subject: str) -> dict[str, ir.Declaration]:
    return {subject: msgspec.structs.replace(CHARTER.declarations[subject], digest=digest(b"other"))}


def test_what_does_not_void_an_approval():
    """LANGUAGE, rule 10: reformatting, a new version string, other policies, what is not on the way."""
    moved = msgspec.structs.replace(PLACE, line=7)
    rewritten = msgspec.structs.replace(REQUIREMENT, place=moved, text="roc_auc >= 0.75")
    head = msgspec.structs.replace(CHARTER.lifecycle, version="9.9.9", place=moved)
    bundle = msgspec.structs.replace(CHARTER.bundle, digest="sha256:" + "e" * 64)
    for charter in (
        _with(controls=(rewritten, APPROVAL)),
        _with(lifecycle=head, digest="sha256:" + "f" * 64),
        _with(bundle=bundle, pins={"x": "sha256:" + "0" * 64}),
        _with(declarations=_changed_declaration("dataset/elsewhere")),
        _with(declarations=_changed_declaration("deployment/production")),
    ):
        assert there_is(charter).digest() == there_is().digest()


def test_what_voids_an_approval():
    weaker = msgspec.structs.replace(REQUIREMENT, bound=0.7)
    one = msgspec.structs.replace(APPROVAL, quorum=1)
    for charter, approval in (
        (_with(controls=(weaker, APPROVAL)), APPROVAL),
        (_with(controls=(REQUIREMENT, one)), one),
        (_with(controls=(APPROVAL,)), APPROVAL),
        (_with(declarations=_changed_declaration("model/scorecard")), APPROVAL),
        (_with(declarations=_changed_declaration("dataset/applications")), APPROVAL),
        (_with(lifecycle=msgspec.structs.replace(CHARTER.lifecycle, purpose="Score people.")), APPROVAL),
        (_with(lifecycle=msgspec.structs.replace(CHARTER.lifecycle, risk="minimal")), APPROVAL),
    ):
        assert there_is(charter, approval).digest() != there_is().digest()
