"""Regulation: which clauses of a pack are covered, by what, and on which day; with a pack made here."""

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from base import BASE, CASES, whole

from charter.compiler.compile import CompileResult, check_charter
from charter.compiler.regulation import catalogue_of
from charter.policies import catalogue

RULE = "package charter.packs.test-law\n\nimport rego.v1\n"


def clause(id_: str, *ways: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "title": id_,
        "obligation": f"Do {id_}.",
        "risk": ["limited"],
        "dates": [{"from": "2026-08-02", "until": None, "confidence": "in force", "source": "Test Act"}],
        "evidence": ["a figure"],
        "checked_by": list(ways),
        **more,
    }


CLAUSES = [
    clause("fair", {"control": "evaluation", "metrics": ["demographic_parity_ratio", "equalized_odds_difference"]}),
    clause("signed", {"control": "approval"}),
    clause("watched", {"control": "monitor"}),
    clause("sourced", {"control": "dataset", "says": ["origin"]}),
    clause("served"),
    clause("ruled", {"control": "approval", "rules": ["no-such-rule"]}),
    clause("for-others", risk=["high"]),
    clause("later", dates=[{"from": "2027-12-02", "until": None, "confidence": "adopted", "source": "Test Act 2"}]),
    clause("forbidden", kind="prohibition", risk=["minimal"]),
]


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The shipped packs, and `test-law`."""
    root = tmp_path_factory.mktemp("policies")
    shutil.copytree(Path(catalogue.__file__).parent, root, dirs_exist_ok=True)
    law = root / "test-law"
    law.mkdir()
    (law / "pack.json").write_text(json.dumps({"name": "test-law", "version": "1", "title": "Test law", "rules": {}}))
    document = {"pack": "test-law", "title": "Test law", "not_covered": ["everything else"], "clauses": CLAUSES}
    (law / "clauses.json").write_text(json.dumps(document))
    cached = (catalogue.pack_names, catalogue.load_pack, catalogue.clause_document)
    patch = pytest.MonkeyPatch()
    patch.setattr(catalogue, "_ROOT", root)
    for function in cached:
        function.cache_clear()
    yield
    patch.undo()
    for function in cached:
        function.cache_clear()


LAW = BASE["lifecycle", "credit-risk"].replace("\n}", "\n  use policies test-law\n}")
PARITY = "require demographic_parity_ratio over sex >= 0.8"
FAIR = f"evaluation holdout of scorecard on applications.test {{\n  require roc_auc >= 0.75\n  {PARITY}\n}}"
WATCHED = "monitor drift of production every 1 day {\n  require psi of each feature <= 0.2\n}"
SOURCED = BASE["dataset", "applications"].replace("  target", '  origin "Core banking export"\n  target')
SERVED = 'policy rule {\n  rego "policies/no_proxy.rego"\n  before deploy\n  satisfies test-law "served"\n}'


def checked(*parts: str, as_of: date | None = None) -> CompileResult:
    return check_charter(CASES / "any.charter", as_text=whole("\n\n".join([*parts])), as_of=as_of)


def gaps(result: CompileResult) -> set[str]:
    assert not [item for item in result.diagnostics if item.severity == "error"], result.diagnostics
    found = [item.detail for item in result.diagnostics if item.code == "CH1501"]
    return {item["id"] for item in CLAUSES for detail in found if f"`{item['id']}`" in detail.partition(",")[0]}


ALL = {"fair", "watched", "sourced", "served", "ruled", "later"}


@pytest.mark.parametrize(
    ("parts", "closed"),
    [
        ([], set()),
        ([FAIR], {"fair"}),
        ([FAIR.replace(">= 0.8\n", ">= 0.8 enforce advisory\n")], set()),
        ([WATCHED], {"watched"}),
        ([WATCHED.replace("<= 0.2", "<= 0.2 enforce advisory")], set()),
        ([SOURCED], {"sourced"}),
        ([SERVED], {"served"}),
        ([SERVED.replace("satisfies", "enforce advisory\n  satisfies")], set()),
        ([SERVED.replace("served", "ruled")], {"ruled"}),
        ([FAIR, WATCHED, SOURCED, SERVED], {"fair", "watched", "sourced", "served"}),
    ],
)
def test_what_covers_a_clause(packs: None, parts: list[str], closed: set[str]):
    assert gaps(checked(LAW, *parts)) == ALL - closed


def test_an_evaluation_that_no_deployment_waits_for_covers_nothing(packs: None):
    beside = FAIR.replace("holdout", "beside")
    assert "fair" in gaps(checked(LAW, beside))
    assert "fair" not in gaps(checked(LAW, beside, "deployment production of scorecard {\n  after release, beside\n}"))


@pytest.mark.parametrize(
    ("day", "bound"), [(date(2026, 8, 1), set()), (date(2026, 8, 2), ALL - {"later"}), (date(2027, 12, 2), ALL)]
)
def test_the_law_of_a_day(packs: None, day: date, bound: set[str]):
    assert gaps(checked(LAW, as_of=day)) == bound


def test_a_gap_says_what_would_close_it_and_points_at_the_pack(packs: None):
    result = checked(LAW)
    item = next(item for item in result.diagnostics if "`fair`" in item.detail)
    assert "an `evaluation` with a bound on `demographic_parity_ratio` or `equalized_odds_difference`" in item.detail
    assert 'satisfies test-law "fair"' in item.detail and "a figure" in item.detail and "2026-08-02" in item.detail
    assert item.span is not None
    assert result.sources[item.span.path].text[item.span.start : item.span.end] == "test-law"


def test_a_pack_that_is_not_chosen_demands_nothing(packs: None):
    assert gaps(checked()) == set()


def test_what_a_pack_forbids_is_an_error(packs: None):
    found = [item for item in checked(LAW.replace("limited", "minimal")).diagnostics if item.severity == "error"]
    assert [item.code for item in found] == ["CH0406"] and "`forbidden` of `test-law`" in found[0].detail


def test_a_misspelt_clause_is_told(packs: None):
    (item,) = (i for i in checked(LAW, SERVED.replace("served", "servd")).diagnostics if i.code == "CH1502")
    assert "Did you mean `served`?" in item.detail


def test_every_shipped_catalogue_can_be_read():
    shipped = set(catalogue.pack_names()) - {"test-law"}
    found = [name for name in shipped if catalogue.clause_document(name) is not None]
    assert "core" in found
    for name in found:
        known = catalogue_of(catalogue.clause_document(name))
        assert known.pack == name and known.not_covered
        rules = catalogue.load_pack(name).rules
        ids = [item.id for item in known.clauses]
        assert len(ids) == len(set(ids)) and ids
        assert {rule for item in known.clauses for way in item.checked_by for rule in way.rules} <= set(rules)


@pytest.mark.parametrize(
    "change",
    [
        {"risk": ["middling"]},
        {"dates": [{"from": "2026-02-30", "confidence": "x", "source": "y"}]},
        {"checked_by": [{"control": "prayer"}]},
        {"kind": "wish"},
        {"unknown": 1},
        {"evidence": None},
    ],
)
def test_a_catalogue_that_is_none_is_refused(change: dict[str, Any]):
    document = {"pack": "x", "title": "x", "not_covered": [], "clauses": [clause("a") | change]}
    with pytest.raises(msgspec.ValidationError):
        catalogue_of(document)
