"""What only follows from a mistake of syntax is not told beside it; what does not, is."""

from base import CASES, whole

from charter.compiler.compile import check_charter

RELEASE = "approval release of scorecard {\n  by    risk-officer quorum 2\n  after holdout\n}"


def codes(text: str) -> list[str]:
    found = check_charter(CASES / "any.charter", as_text=text).diagnostics
    return [item.code for item in found if item.severity == "error"]


def test_a_name_that_could_not_be_read_is_not_missed():
    text = whole(RELEASE.replace("approval release", "approval release release"))
    assert codes(text) == ["CH0032"]
    assert codes(whole(RELEASE.replace("approval", "aproval"), without=("approval release",))) == ["CH0030"]


def test_nor_is_what_stands_in_such_a_declaration():
    assert codes(whole(RELEASE.replace("of scorecard", "scorecard").replace("quorum 2", "quorum 9"))) == ["CH0032"]


def test_other_mistakes_are_told_all_the_same():
    text = whole(RELEASE.replace("quorum 2", "quorum 2 2").replace("after holdout", "after holdotu"))
    assert codes(text) == ["CH0032", "CH0101"]
    text = whole(RELEASE.replace("quorum 2", "qourum 2")) + "\nrole auditor {\n  members at most 3\n}\n"
    assert len(codes(text)) == 2
