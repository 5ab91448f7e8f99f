"""What opened a gate by the word of people is asked again when the trust root took from anybody, until it is live."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from people import CHARTER, STAGES
from small import CHARTER as SMALL
from small import Small

from charter.runtime.assess import Basis, signed_since
from charter.runtime.events import ActSigned, GateDecided, RunOpened, StageFinished
from charter.runtime.state import Act, Decided, Finished, State
from charter.runtime.store import ArtifactStore
from charter.runtime.waived import people_changed

ATTEST = ("attest", "validate/people:rows", "--role", "risk-officer", "--yes")
TAKEN = ("--because", "compromised", "--since", "2020-01-01T00:00:00Z", "--sign-with", "olga.key")
BASIS = SMALL.replace("rows >= 10", "rows >= 3 graded attested")


def _attested(small: Small) -> None:
    small.write(BASIS)
    assert small.run()[0] == 1
    assert small.charter(*ATTEST, "--key", "bob.key")[0] == 0
    assert small.run()[0] == 0


def test_an_attestation_by_a_key_in_other_hands_closes_the_gate_again(small: Small) -> None:
    _attested(small)
    assert small.charter("trust", "revoke", "bob@bank.example", *TAKEN)[0] == 0
    (told,) = small.asking("why", "validate/people:exit")
    assert told["status"] == "denied", told
    assert small.charter("status")[0] == 5 and "the trust root has taken" in small.charter("status")[1]
    assert "validate/people" in small.charter("plan")[1].split("decide")[1].splitlines()[0]
    code, out = small.run()
    assert code == 1 and "must be attested or better" in " ".join(out.split())
    assert small.charter(*ATTEST, "--key", "carol.key")[0] == 0
    assert small.run()[0] == 0


def test_who_is_added_takes_nothing_from_anybody(small: Small) -> None:
    _attested(small)
    eve = ("trust", "add", "eve@bank.example", "--name", "Eve", "--key", "mallory.key.pub", "--sign-with", "olga.key")
    assert small.charter(*eve)[0] == 0
    assert small.charter("status")[0] == 0
    (told,) = small.asking("why", "validate/people:exit")
    assert told["status"] == "open" and "would allow now" not in told["said"]


def test_a_change_that_touches_no_signature_is_asked_about_once(small: Small) -> None:
    _attested(small)
    assert small.charter("trust", "revoke", "carol@bank.example", *TAKEN)[0] == 0
    (told,) = small.asking("why", "validate/people:exit")
    assert told["status"] == "open" and "would allow now" in told["said"]
    assert small.run()[0] == 0
    before = len(small.events("gate.decided"))
    assert small.run()[0] == 0
    assert len(small.events("gate.decided")) == before


def test_a_waiver_by_a_key_in_other_hands_closes_the_gate_again(small: Small) -> None:
    for who in ("bob", "carol"):
        assert small.charter("waive", "few-rows", "--key", f"{who}.key", "--yes")[0] == 0
    assert small.run()[0] == 0
    assert small.charter("trust", "revoke", "carol@bank.example", *TAKEN)[0] == 0
    assert small.run()[0] == 1


# Approvals, between their gate and what goes live by them.

APPROVE, DEPLOY = STAGES[4], STAGES[5]
NEW = frozenset({"new"})


def _decided(stage: str, point: str, seq: int, run: str = "r1", key: str = "k") -> Decided:
    body = GateDecided(
        run=run, gate=f"{stage}:{point}", stage=stage, point=point, iteration=1, key=key, allow=True, waiting=False,
        time="2026-01-01T00:00:00Z", actor="a", input="i", subject="s", content="c", bundle=CHARTER.bundle.digest,
        revision="v", entrypoint="e", engine="n", engine_version="1", engine_digest="d",
    )  # fmt: skip
    return Decided(seq, "2026-01-01T00:00:00Z", body)


def _state() -> State:
    """Everything allowed up to the approval, in a run under the trust root `old`."""
    run = RunOpened(
        run="r1", lifecycle="l", version="1", ir="i", meaning="m", bundle="b", charter="c", actor="a", engine="e",
        host="h", trust="old",
    )  # fmt: skip
    state = State(iteration=1, runs=[run])
    found = state.stage(APPROVE.id)
    done = StageFinished(run="r1", stage=APPROVE.id, iteration=1, key="k", artifacts={}, evidence=())
    found.finished = Finished(6, "2026-01-01T00:00:00Z", done)
    found.entry, found.exit = _decided(APPROVE.id, "entry", 5), _decided(APPROVE.id, "exit", 7)
    return state


def test_an_approval_is_asked_again_until_it_is_used() -> None:
    state = _state()
    assert people_changed(CHARTER, state, APPROVE, "exit", frozenset({"new", "old"})) is None
    assert people_changed(CHARTER, state, APPROVE, "exit", None) is None, "nobody asks"
    assert "the trust root has taken" in str(people_changed(CHARTER, state, APPROVE, "exit", NEW))
    state.stage(DEPLOY.id).exit = _decided(DEPLOY.id, "exit", 4)
    assert people_changed(CHARTER, state, APPROVE, "exit", NEW), "what went live before this is another release"
    state.stage(DEPLOY.id).exit = _decided(DEPLOY.id, "exit", 9)
    assert people_changed(CHARTER, state, APPROVE, "exit", NEW) is None, "what is live stays"


@pytest.mark.parametrize("act", ["attest", "reproduce"])
def test_an_entry_gate_that_may_have_seen_a_grade_is_asked_again(act: str) -> None:
    state = _state()
    state.stage(DEPLOY.id).entry = _decided(DEPLOY.id, "entry", 8)
    assert people_changed(CHARTER, state, DEPLOY, "entry", NEW) is None, "nobody raised a grade"
    body = ActSigned(
        run="r1", act=act, name="n", person="p", role="", key="k", statement="s", envelope="e", iteration=1
    )
    state.acts.append(Act(8, "2026-01-01T00:00:00Z", body))
    assert people_changed(CHARTER, state, DEPLOY, "entry", NEW) is None, "not yet when it was asked"
    state.acts.append(Act(3, "2026-01-01T00:00:00Z", body))
    assert people_changed(CHARTER, state, DEPLOY, "entry", NEW)
    state.stage(DEPLOY.id).exit = _decided(DEPLOY.id, "exit", 9)
    assert people_changed(CHARTER, state, DEPLOY, "entry", NEW) is None, "it has happened"


def test_what_an_earlier_release_let_go_live_does_not_keep_a_lapsed_approval_or_waiver() -> None:
    state = _state()
    approval = CHARTER.controls[1]
    late = datetime(2027, 1, 1, tzinfo=UTC)
    basis = Basis(CHARTER, state, ArtifactStore(Path("nowhere")), late)
    state.stage(DEPLOY.id).exit = _decided(DEPLOY.id, "exit", 4)
    assert approval.valid_seconds is not None
    assert "lapsed before it was used" in str(signed_since(basis, APPROVE, state.stage(APPROVE.id)))
    state.stage(DEPLOY.id).exit = _decided(DEPLOY.id, "exit", 9)
    assert signed_since(basis, APPROVE, state.stage(APPROVE.id)) is None
