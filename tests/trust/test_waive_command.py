"""`charter waive` end to end: the real command, a real run, both real engines."""

import pytest
from small import CHARTER, Small


@pytest.mark.opa
@pytest.mark.usefixtures("opa")
def test_a_waived_breach_is_a_recorded_warning_until_it_is_taken_back(small: Small) -> None:
    code, out, _ = small.charter("waive", "few-rows", "--key", "bob.key", "--yes")
    assert code == 0 and "rows = 3" in out and "1 of 2 signatures missing" in out
    assert "already signed" in small.charter("waive", "few-rows", "--key", "bob.key", "--yes")[2]
    signed = small.asking("waive", "few-rows", "--key", "carol.key", "--yes")
    assert (signed["in_force"], signed["signatures_missing"]) == (True, 0)
    code, out = small.run("--engine", "opa")
    assert code == 0 and "allowed under the waiver `few-rows`" in out
    decided = small.events("gate.decided")[-1].body
    (warning,) = decided["warnings"]
    assert (warning["waiver"], warning["control"], warning["code"]) == ("few-rows", "people.rows", "bound_breached")
    assert decided["obligations"][0]["text"] == "Every row was read by hand."
    assert "under the waiver few-rows" in small.charter("audit", "log", "--waived")[1]
    assert small.charter("report", "-o", "r.html")[0] == 0
    assert "in force until 2099-03-31" in (small.root / "r.html").read_text()
    assert small.charter("waive", "few-rows", "--key", "carol.key", "--withdraw", "--yes")[0] == 0
    assert small.run()[0] == 1
    assert "nothing to take back" in small.charter("waive", "few-rows", "--key", "carol.key", "--withdraw", "--yes")[2]


def test_who_and_what_is_refused(small: Small) -> None:
    for key, code, says in (
        ("mallory.key", 1, "key of nobody"),
        ("tom.key", 1, "not in the role"),
        ("bob.key.pub", 2, "key"),
    ):
        found, _, err = small.charter("waive", "few-rows", "--key", key, "--yes")
        assert (found, says in err) == (code, True), err
    assert "Did you mean `few-rows`?" in small.charter("waive", "few-row", "--key", "bob.key", "--yes")[2]
    assert "nobody can be asked" in small.charter("waive", "few-rows", "--key", "bob.key")[2]
    assert small.events("act.signed") == []


def test_a_changed_bound_voids_it_and_a_day_that_is_over_cannot_be_signed(small: Small) -> None:
    for who in ("bob", "carol"):
        assert small.charter("waive", "few-rows", "--key", f"{who}.key", "--yes")[0] == 0
    small.write(CHARTER.replace("rows >= 10", "rows >= 9").replace("2099-03-31", "2026-01-31"))
    assert small.run()[0] == 1
    code, _, err = small.charter("waive", "few-rows", "--key", "bob.key", "--yes")
    assert code == 1 and "the waiver has lapsed" in err
