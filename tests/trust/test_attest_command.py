"""`charter attest`: what a role vouches for is graded so, for exactly that measurement; by whom it does not count."""

import msgspec
import pytest
from people import CHARTER, EVIDENCE, NOW, People
from small import CHARTER as SMALL
from small import Small

from charter.runtime.events import RunOpened, StageFinished
from charter.runtime.state import Finished, State
from charter.runtime.trust.acts import Act, ActRecord, sign_act
from charter.runtime.trust.attestations import attestation_about, attested_evidence, grade_of
from charter.runtime.trust.statement import Signatory
from charter.runtime.trust.times import stamp

WORLD = People()
RESULT = Finished(
    4,
    stamp(NOW),
    StageFinished(
        run="r1", stage="evaluate/holdout", iteration=1, key="k", artifacts={}, evidence=EVIDENCE["evaluate/holdout"]
    ),
)


def _opened(run: str, who: str, key: str | None) -> RunOpened:
    return RunOpened(
        run=run, lifecycle="l", version="1", ir="i", meaning="m", bundle="b", charter="c", actor=f"{who}@bank.example",
        engine="e", host="h", key=None if key is None else WORLD.key(key).public.id,
    )  # fmt: skip


def _state(key: str | None = "tom", *, trainer: str | None = "ann") -> State:
    """Ann trained the model, in a run of her own; Tom had it measured."""
    trained = Finished(
        2,
        stamp(NOW),
        StageFinished(run="r0", stage="train/scorecard", iteration=1, key="t", artifacts={}, evidence=()),
    )
    runs = [_opened("r0", trainer or "ann", trainer), _opened("r1", "tom", key)]
    state = State(iteration=1, runs=runs, results={"k": RESULT, "t": trained})
    state.stage("train/scorecard").finished = trained
    return state


def _sign(name: str, *, key="", role="risk-officer", result=RESULT, **changes) -> ActRecord:
    about = attestation_about(CHARTER, result, "roc_auc") | changes
    by = Signatory(f"{name}@bank.example", WORLD.key(key or name), WORLD.trust.digest)
    body, envelope = sign_act(Act("attest", "evaluate/holdout:roc_auc", about, role), by, NOW, run="r", iteration=1)
    return ActRecord(body, envelope, 9, stamp(NOW))


def _attested(*records: ActRecord, state: State | None = None) -> bool:
    found, _ = attested_evidence(CHARTER, records, state or _state(), WORLD.trust)
    return grade_of(found, RESULT, RESULT.body.evidence[0]) == "attested"


def test_a_role_holder_attests_exactly_what_was_recorded():
    assert _attested(_sign("bob"))
    assert not _attested()
    other = msgspec.structs.replace(RESULT.body.evidence[0], value="0.99")
    later = Finished(9, RESULT.time, msgspec.structs.replace(RESULT.body, evidence=(other,)))
    assert not _attested(_sign("bob", result=later)), "another value"
    assert not _attested(_sign("bob", stage="evaluate/other"))


@pytest.mark.parametrize(
    ("who", "more", "says"),
    [
        ("tom", {}, "they opened the run that measured it"),
        ("dan", {"role": "auditor"}, "the charter has no role `auditor`"),
        ("dan", {}, "they do not hold the role"),
        ("bob", {"key": "mallory"}, "no key that the trust root gives"),
        ("bob", {"role": ""}, "the charter has no role"),
        ("bob", {"lifecycle": "another"}, "it is about another lifecycle"),
    ],
)
def test_whose_word_does_not_count(who, more, says):
    found, ignored = attested_evidence(CHARTER, [_sign(who, **more)], _state(), WORLD.trust)
    assert found == {} and says in ignored[0].reason


def test_nobody_attests_how_good_a_model_is_that_they_trained():
    found, ignored = attested_evidence(CHARTER, [_sign("bob")], _state(trainer="bob"), WORLD.trust)
    assert found == {} and ignored[0].reason == "they opened the run that trained the model"
    found, ignored = attested_evidence(CHARTER, [_sign("bob")], _state(trainer=None), WORLD.trust)
    assert found == {} and "who trained the model is not known" in ignored[0].reason


def test_nobody_attests_what_nobody_is_known_to_have_measured():
    assert not _attested(_sign("bob"), state=_state(None))
    assert not _attested(_sign("bob"), state=_state("mallory"))
    assert not _attested(_sign("bob"), state=State())


REGO = """package att

deny contains "the rows are not attested" if {
	some record in input.evidence
	record.metric == "rows"
	record.grade != "attested"
}
"""
POLICY = 'policy att {\n  rego    "att.rego"\n  before  validate\n}\n\nwaiver'


def test_an_attested_measurement_opens_the_gate_that_asks_for_it(small: Small) -> None:
    (small.root / "att.rego").write_text(REGO)
    small.write(SMALL.replace("waiver", POLICY, 1).replace("rows >= 10", "rows >= 3"))
    assert "the rows are not attested" in small.run()[1]
    told = small.asking("why", "validate/people:entry")[0]
    assert told["sets"][0][0]["what"] == "`rows` (acquire/people) is attested" and not told["exact"]
    attest = ("attest", "acquire/people:rows", "--yes")
    for role, key, says in (
        ("risk-oficer", "bob.key", "Did you mean `risk-officer`?"),
        ("risk-officer", "tom.key", "not in the role"),
        ("risk-officer", "mallory.key", "key of nobody"),
    ):
        assert says in small.charter(*attest, "--role", role, "--key", key)[2]
    bob = ("--role", "risk-officer", "--key", "bob.key", "--yes")
    assert "Did you mean `rows`?" in small.charter("attest", "acquire/people:row", *bob)[2]
    assert "should be a stage and a metric" in small.charter("attest", "rows", *bob)[2]
    assert small.charter("attest", "acquire/people:rows", *bob)[0] == 0
    assert "it will allow" in small.charter("why", "validate/people:entry")[1]
    code, _ = small.run()
    assert code == 0
