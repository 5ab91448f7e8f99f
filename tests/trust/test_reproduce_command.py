"""`charter reproduce`: what somebody else measured again and found the same is graded so, and nothing else is."""

import msgspec
import pytest
from people import CHARTER, NOW
from small import CHARTER as SMALL
from small import Small
from test_attest_command import RESULT, WORLD, _sign, _state

from charter.runtime.again import Compared
from charter.runtime.state import Finished
from charter.runtime.trust.acts import Act, ActRecord, sign_act
from charter.runtime.trust.attestations import attestation_about, attested_evidence, grade_of
from charter.runtime.trust.statement import Signatory
from charter.runtime.trust.times import stamp

RECORD = RESULT.body.evidence[0]


def _again(name: str, result: Finished = RESULT) -> ActRecord:
    by = Signatory(f"{name}@bank.example", WORLD.key(name), WORLD.trust.digest)
    act = Act("reproduce", "evaluate/holdout", attestation_about(CHARTER, result, "roc_auc"))
    body, envelope = sign_act(act, by, NOW, run="r", iteration=1)
    return ActRecord(body, envelope, 9, stamp(NOW))


def _grade(*records: ActRecord, result: Finished = RESULT) -> str:
    found, _ = attested_evidence(CHARTER, records, _state(), WORLD.trust)
    return grade_of(found, result, result.body.evidence[0])


def test_who_measured_again_raises_the_grade_of_exactly_that_measurement() -> None:
    assert _grade() == "measured"
    assert _grade(_again("bob")) == "reproduced"
    assert _grade(_again("dan")) == "reproduced", "nobody needs a role to measure"
    assert _grade(_again("bob"), _sign("bob")) == _grade(_sign("bob"), _again("bob")) == "reproduced", (
        "the higher counts"
    )
    assert _grade(_again("tom")) == "measured", "they measured it the first time"
    other = msgspec.structs.replace(RECORD, value="0.99")
    later = Finished(9, RESULT.time, msgspec.structs.replace(RESULT.body, evidence=(other,)))
    assert _grade(_again("bob", later)) == "measured", "another value"


def test_who_trained_the_model_measures_it_again_in_vain() -> None:
    found, ignored = attested_evidence(CHARTER, [_again("bob")], _state(trainer="bob"), WORLD.trust)
    assert found == {} and ignored[0].reason == "they opened the run that trained the model"


def test_what_was_only_declared_is_never_reproduced() -> None:
    declared = msgspec.structs.replace(RECORD, grade="declared")
    result = Finished(4, RESULT.time, msgspec.structs.replace(RESULT.body, evidence=(declared,)))
    assert _grade(_again("bob", result), result=result) == "declared"


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"value": "0.9100000001"}, True),
        ({"value": "0.9101"}, False),
        ({"low": "0.8"}, False),
        ({"low": None}, False),
        ({"n": 901}, False),
        ({"value": "0.91", "number": False}, False),
    ],
)
def test_the_same_is_the_same_to_a_millionth(changes: dict[str, object], same: bool) -> None:
    assert Compared(RECORD, msgspec.structs.replace(RECORD, **changes)).same is same
    assert not Compared(RECORD, None).same


REGO = """package twice

deny contains "the rows were measured once" if {
	some record in input.evidence
	record.metric == "rows"
	record.grade != "reproduced"
}
"""
POLICY = 'policy twice {\n  rego    "twice.rego"\n  before  validate\n}\n\nwaiver'


def test_a_second_measurement_opens_the_gate_that_asks_for_it(small: Small) -> None:
    (small.root / "twice.rego").write_text(REGO)
    small.write(SMALL.replace("waiver", POLICY, 1).replace("rows >= 10", "rows >= 3"))
    assert "the rows were measured once" in small.run()[1]
    for stage, key, says in (
        ("acquire/peple", "bob.key", "is not a built-in stage that only measures"),
        ("acquire/people", "tom.key", "they opened the run that measured it"),
        ("acquire/people", "mallory.key", "key of nobody"),
    ):
        assert says in small.charter("reproduce", stage, "--key", key, "--yes")[2]
    (small.root / "people.csv").write_text("age,sex\n1,f\n2,m\n")
    code, _, said = small.charter("reproduce", "acquire/people", "--key", "bob.key", "--yes")
    assert code == 1 and "is not the file that was compiled" in said
    (small.root / "people.csv").write_text("age,sex\n1,f\n2,m\n3,f\n")
    code, out, _ = small.charter("reproduce", "acquire/people", "--key", "bob.key", "--yes")
    assert code == 0 and "same" in out
    assert small.run()[0] == 0
    assert "bob@bank.example signed `reproduce` of acquire/people" in small.charter("audit", "log")[1]
