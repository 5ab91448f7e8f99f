"""A bound `graded attested` or `graded reproduced`, end to end: the real command, real runs, both real engines."""

import pytest
from small import CHARTER, Small

from charter.runtime.project import Project
from charter.runtime.report.packet import _raised, control_in
from charter.runtime.report.source import read_source
from charter.runtime.report.stages import stage_view

ENGINES = ("embedded", pytest.param("opa", marks=pytest.mark.opa))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Options that choose an engine."""
    if request.param == "opa":
        request.getfixturevalue("opa")
    return ("--engine", request.param)


def asked(small: Small, graded: str) -> None:
    small.write(CHARTER.replace("rows >= 10", f"rows >= 3 graded {graded}"))


def test_what_is_only_measured_is_denied_until_a_role_attests_it(small: Small, engine: tuple[str, str]) -> None:
    asked(small, "attested")
    code, out = small.run(*engine)
    assert code == 1
    assert (
        "`rows` is only measured, must be attested or better: ask somebody in a role for "
        "`charter attest validate/people:rows --role ROLE`"
    ) in " ".join(out.split())
    (told,) = small.asking("why", "validate/people:exit")
    assert [[item["command"] for item in chosen] for chosen in told["sets"]] == [
        ["charter attest validate/people:rows --role ROLE --key YOUR.key"]
    ]
    assert told["exact"]
    officers = ["bob@bank.example", "carol@bank.example", "dan@bank.example"]
    assert told["sets"][0][0]["people"] == officers
    (waiting,) = small.asking("inbox")
    assert (waiting["kind"], waiting["name"], waiting["people"]) == ("attest", "validate/people:rows", officers)
    assert waiting["why"] == "`rows` is only measured, must be attested or better"
    assert small.charter("inbox", "--key", "tom.key")[0] == 0, "who measured it is not asked"
    attest = ("attest", "validate/people:rows", "--role", "risk-officer", "--yes")
    assert small.charter(*attest, "--key", "tom.key")[0] == 1, "who measured it cannot, nor hold the role"
    assert small.run(*engine)[0] == 1
    assert small.charter(*attest, "--key", "bob.key")[0] == 0
    assert small.asking("inbox") == []
    (told,) = small.asking("why", "validate/people:exit")
    assert told["status"] == "waiting", "what was signed since is enough"
    assert small.run(*engine)[0] == 0
    assert small.asking("inbox") == []


def test_an_attestation_is_no_second_measurement(small: Small, engine: tuple[str, str]) -> None:
    asked(small, "reproduced")
    code, out = small.run(*engine)
    assert code == 1
    assert "ask somebody else for `charter reproduce validate/people`" in " ".join(out.split())
    attest = ("attest", "validate/people:rows", "--role", "risk-officer", "--yes", "--key", "bob.key")
    assert small.charter(*attest)[0] == 0
    code, out = small.run(*engine)
    assert code == 1 and "`rows` is only attested, must be reproduced or better" in " ".join(out.split())
    (told,) = small.asking("why", "validate/people:exit")
    assert told["sets"][0][0]["command"] == "charter reproduce validate/people --key YOUR.key"
    (waiting,) = small.asking("inbox")
    assert (waiting["kind"], waiting["name"]) == ("reproduce", "validate/people")
    assert "olga@bank.example" in waiting["people"], "it takes no role"
    assert "tom@bank.example" not in waiting["people"]
    out = small.charter("inbox")[1]
    assert "measure again validate/people: `rows` is only attested, must be reproduced or better" in out
    assert "act     charter reproduce validate/people --key YOUR.key" in out
    assert small.charter("reproduce", "validate/people", "--key", "dan.key", "--yes")[0] == 0
    assert small.run(*engine)[0] == 0


def test_a_second_measurement_is_better_than_an_attestation(small: Small, engine: tuple[str, str]) -> None:
    asked(small, "attested")
    assert small.run(*engine)[0] == 1
    assert small.charter("reproduce", "validate/people", "--key", "dan.key", "--yes")[0] == 0
    assert small.run(*engine)[0] == 0


def test_a_signed_value_in_breach_is_still_in_breach(small: Small) -> None:
    small.write(CHARTER.replace("rows >= 10", "rows >= 4 graded attested"))
    assert small.run()[0] == 1
    attest = ("attest", "validate/people:rows", "--role", "risk-officer", "--yes", "--key", "bob.key")
    assert small.charter(*attest)[0] == 0
    code, out = small.run()
    assert code == 1 and "must be >= 4" in out


def test_a_waiver_of_the_bound_does_not_lend_a_grade(small: Small) -> None:
    """Missing grades cannot be waived, and a waiver signed for another grade is of another bound."""
    for who in ("bob", "carol"):
        assert small.charter("waive", "few-rows", "--key", f"{who}.key", "--yes")[0] == 0
    assert small.run()[0] == 0
    small.write(CHARTER.replace("rows >= 10", "rows >= 10 graded attested"))
    code, out = small.run()
    assert code == 1 and "must be attested or better" in " ".join(out.split())
    attest = ("attest", "validate/people:rows", "--role", "risk-officer", "--yes", "--key", "bob.key")
    assert small.charter(*attest)[0] == 0
    code, out = small.run()
    assert code == 1 and "must be >= 10" in out, "the waiver was signed for a bound that asked for less"


def test_officers_read_the_grade_before_they_sign(small: Small) -> None:
    for graded, says in (
        ("attested", "`rows` is at least 3 as somebody in a role of this charter has attested by signature."),
        ("reproduced", "`rows` is at least 3 as somebody else has measured again and found the same."),
    ):
        asked(small, graded)
        out = small.charter("sign", "small.charter", "--key", "bob.key", "--yes")[1]
        assert says in " ".join(out.split())


def test_a_lower_grade_blocks_a_pull_request(small: Small) -> None:
    """Even where a waiver asks to live with a breach of the bound: a grade cannot be waived."""
    (small.root / "old.charter").write_text(CHARTER.replace("rows >= 10", "rows >= 10 graded attested"))
    small.write(CHARTER)
    code, out, _ = small.charter("diff", "old.charter", "small.charter")
    assert code == 3
    assert "grade" in out and "attested" in out


def test_readers_are_shown_the_grade_that_signatures_give(small: Small) -> None:
    asked(small, "attested")
    small.run()
    attest = ("attest", "validate/people:rows", "--role", "risk-officer", "--yes", "--key", "bob.key")
    assert small.charter(*attest)[0] == 0
    small.run()
    source = read_source(Project(small.root))
    (control,) = [item for item in source.ir.controls if item.id == "people.rows"]
    assert [item.grade for item in control_in(source, control).measured] == ["attested"]
    (stage,) = [item for item in source.standing.values() if item.stage.id == "validate/people"]
    (view,) = [item for item in stage_view(source, stage, {}).controls if item.id == "people.rows"]
    assert [item.grade for item in view.measured] == ["attested"]
    assert _vouched(small) == ["rows of validate/people was attested by bob@bank.example"]
    assert small.charter(*attest[:-1], "carol.key")[0] == 0
    assert _vouched(small) == ["rows of validate/people was attested by bob@bank.example and carol@bank.example"]
    assert small.charter("reproduce", "validate/people", "--key", "dan.key", "--yes")[0] == 0
    assert "rows of validate/people was reproduced by dan@bank.example" in _vouched(small)
    assert small.charter("report", "-o", "report.html")[0] == 0
    assert "none is graded reproduced" not in (small.root / "report.html").read_text()


def _vouched(small: Small) -> list[str]:
    """What a review packet says of whoever gave evidence its grade."""
    source = read_source(Project(small.root))
    finished = source.state.stage("validate/people").finished
    assert finished is not None
    return list(_raised(source, {"validate/people": finished}))
