"""Findings beyond the one case that each code has: the other ways to make the same mistake, and right ways."""

import pytest
from base import BASE, CASES, whole

from charter.compiler.compile import compile_charter


def codes(text: str) -> list[str]:
    result = compile_charter(CASES / "any.charter", as_text=whole(text))
    assert (result.ir is None) == any(item.severity == "error" for item in result.diagnostics)
    return sorted(item.code for item in result.diagnostics)


def dataset(*clauses: str) -> str:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    return f'dataset applications {{\n  source csv "data/applications.csv"\n  target default\n{lines}}}\n'


def model(*clauses: str) -> str:
    lines = "".join(f"  {clause}\n" for clause in ("trainer builtin tabular-mlp", *clauses))
    return f"model scorecard {{\n  task binary-classification\n  train on applications.train\n{lines}}}\n"


def monitor(header: str, *clauses: str) -> str:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    return f"monitor drift of production {header}every 1 day {{\n{lines}}}\n"


def waiver(control: str) -> str:
    return f'waiver w of {control} {{\n  reason "r"\n  granted by risk-officer\n  until 2027-03-31\n}}\n'


def approval(*clauses: str, by: str = "risk-officer") -> str:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    return f"approval release of scorecard {{\n  by {by}\n  excluding owner, trainer\n  after holdout\n{lines}}}\n"


SPLIT = "split train 70%, test 30% seed 7"
RECENT = 'dataset recent {\n  source csv "data/recent.csv"\n  protected sex\n  target default\n}\n'
HOLDOUT = "evaluation holdout of scorecard on applications.test {\n  require roc_auc >= min\n}\n"
PSI = "require psi of each feature <= 0.2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # shares
        (dataset("split train 70%, test 30.5% seed 7"), ["CH0206"]),
        (dataset("split train 0.7, test 0.3 seed 7"), []),
        (dataset("split train 1/3, test 30% seed 7"), None),
        (dataset("split train 0%, test 100% seed 7"), ["CH0206"]),
        (dataset("split train -10%, test 110% seed 7"), ["CH0206"]),
        # seeds
        (dataset("split train 70%, test 30% seed -1"), ["CH0211"]),
        (dataset("split train 70%, test 30% seed 99999999999"), ["CH0211"]),
        (model("parameters { seed: 1.5 }"), ["CH0211"]),
        (model("parameters { seed: seven }"), ["CH0211"]),
        (model("parameters { seed: 7 }"), []),
        # limits
        (model("limits { time: 10 minutes, memory: 4 GB, gpus: 0 }"), []),
        (model("limits { time: 10 }"), ["CH0201"]),
        (model("limits { time: 4 GB }"), ["CH0201"]),
        (model("limits { time: 0 minutes }"), ["CH0211"]),
        (model("limits { memory: 0 GB }"), ["CH0211"]),
        (model("limits { gpus: 0.5 }"), ["CH0211"]),
        (model("limits { gpus: -1 }"), ["CH0211"]),
        (model("limits { time: long }"), ["CH0201"]),
        # bins
        (dataset(SPLIT, "prepare {", "  bin age into group at 25, 40", "}"), []),
        (dataset(SPLIT, "prepare {", "  bin age into group at 40, 25", "}"), ["CH0211"]),
        (dataset(SPLIT, "prepare {", "  bin age into group at 25, 25", "}"), ["CH0211"]),
        # columns
        (dataset(SPLIT, "prepare {", "  drop columns default", "}"), ["CH0112"]),
        (dataset(SPLIT, "prepare {", "  impute default with mode", "}"), ["CH0112"]),
        (
            dataset(SPLIT, "personal email", "basis consent", "prepare {", "  encode email with ordinal", "}"),
            ["CH0112"],
        ),
        (dataset(SPLIT, "prepare {", "  drop columns a", "  impute a with mode", "}"), ["CH0111"]),
        (dataset(SPLIT, "prepare {", "  drop columns a, a", "}"), []),
        (dataset(SPLIT, "prepare {", "  drop columns a", "  bin b into a at 1", "  impute a with mode", "}"), []),
        (dataset("split train 70%, test 30% stratified by a seed 7", "prepare {", "  drop columns a", "}"), ["CH0111"]),
        (dataset(SPLIT, "prepare {", "  drop columns a", "}", "require share of each a >= 10%"), ["CH0111"]),
        (dataset("split train 70%, test 30% grouped by a seed 7", "prepare {", "  drop columns a", "}"), ["CH0111"]),
        (
            dataset("split train 70%, test 30% grouped by a seed 7", "prepare {", "  encode a with ordinal", "}"),
            ["CH0112"],
        ),
        (
            dataset("split train 70%, test 30% grouped by a seed 7", "prepare {", "  impute a with mode", "}"),
            ["CH0112"],
        ),
        # monitors look at rows or at the log
        (monitor("", PSI), []),
        (monitor("", "require error_rate <= 1%"), []),
        (monitor("", "require accuracy >= 0.7"), ["CH0203"]),
        (RECENT + monitor("on recent ", "require accuracy >= 0.7"), []),
        (RECENT + monitor("on recent ", "require error_rate <= 1%"), ["CH0203"]),
        (monitor("", "require psi of each income <= 0.2"), ["CH0205"]),
        (monitor("", "require psi <= 0.2"), ["CH0204"]),
        (monitor("", f"{PSI} for 3 checks"), []),
        (monitor("", f"{PSI} for 0 checks"), ["CH0211"]),
        (monitor("", f"{PSI} for 3 rows"), ["CH0201"]),
        (monitor("", f"{PSI} for 3 days"), []),
        (monitor("", f"{PSI} for 3 hours"), ["CH0211"]),
        (monitor("", f"{PSI} otherwise retrain risk-officer"), ["CH0213"]),
        (monitor("", f"{PSI} otherwise alert nobody"), ["CH0101"]),
        (monitor("on applications.test ", PSI), []),
        # retirements
        (monitor("", PSI) + "retirement of scorecard {\n  when age > 2\n}\n", ["CH0201"]),
        ("retirement of scorecard {\n  when age > 2 years for 3 checks\n}\n", ["CH0211"]),
        ("retirement of scorecard {\n  when agee > 2 years\n}\n", ["CH0109"]),
        ("retirement of scorecard {\n  when drift.psi > 1\n}\n", ["CH0101"]),
        (monitor("", PSI) + "retirement of scorecard {\n  when drift.rows > 1\n}\n", ["CH0203"]),
        (
            RECENT
            + monitor("on recent ", PSI)
            + "retirement of scorecard {\n  when drift.demographic_parity_ratio < 0.5\n}\n",
            ["CH0204"],
        ),
        ("retirement of scorecard {\n  when age > 2 years otherwise retrain\n}\n", ["CH0213"]),
        (
            "retirement of scorecard {\n  when age > 2 years\n}\nretirement of scorecard {\n  when age > 3 years\n}\n",
            ["CH0102"],
        ),
        ("retirement of scorecard {\n  when age > 2 years\n  erase applications.test after 1 day\n}\n", ["CH0101"]),
        ('retirement of scorecard {\n  when age > 2 years\n  lessons "../x.md"\n}\n', ["CH0902"]),
        ('retirement of scorecard {\n  when age > 2 years\n  lessons "later.md"\n}\n', []),
        # people
        (approval(), []),
        ("role risk-officer {\n}\n", ["CH0701"]),
        ("role risk-officer {\n  members at least 0\n}\n", ["CH0701", "CH0702"]),
        (approval("valid 0 days"), ["CH0211"]),
        (HOLDOUT.replace(">= min", ">= 0.7 enforce absolute") + waiver("holdout.roc_auc"), ["CH0802"]),
        (waiver("release"), ["CH0802"]),
        (waiver("production.smoke_test"), []),
        (waiver("holdout"), ["CH0801"]),
        (waiver("holdout.roc_auc").replace("risk-officer", "nobody"), ["CH0101"]),
        (waiver("holdout.roc_auc").replace("risk-officer", "risk-officer quorum 9"), ["CH0701"]),
        # numbers that cannot be held, texts that say nothing
        (
            approval(by=f"risk-officer quorum {10**20}"),
            ["CH0218", "CH0701"],
        ),
        (f"role risk-officer {{\n  members at least {2**53}\n}}\n", ["CH0218"]),
        (f"role risk-officer {{\n  members at least {2**53 - 1}\n}}\n", []),
        (approval("valid 1e200 days"), ["CH0218"]),
        (approval("valid 1.5 days"), []),
        (
            approval("valid 0.1 seconds"),
            ["CH0211", "CH0218"],
        ),
        (model("limits { memory: 0.5 B }"), ["CH0218"]),
        (model(f"parameters {{ hidden: [64, {10**30}] }}"), ["CH0218"]),
        (dataset(SPLIT, f"require rows >= {10**17}"), ["CH0218"]),
        ("retirement of scorecard {\n  when age > 2 years\n  erase applications after -1 days\n}\n", ["CH0211"]),
        ("retirement of scorecard {\n  when age > 2 years\n  archive modle for 10 years\n}\n", ["CH0054"]),
        ("retirement of scorecard {\n  when age > 2 years\n  archive model, evidnce for 10 years\n}\n", ["CH0054"]),
        ("retirement of scorecard {\n  when age > 2 years\n  archive model, moddel for 1 day\n}\n", ["CH0054"]),
        ("retirement of scorecard {\n  when age > 2 years\n  archive model, ledger for 10 years\n}\n", []),
        (
            HOLDOUT.replace("min", "0.7\n  report f1 top 3"),
            ["CH0205"],
        ),
        (BASE["lifecycle", "credit-risk"].replace("credit-models@bank.example", " "), ["CH0217"]),
        # callables
        (model().replace("builtin tabular-mlp", 'builtin "tabular-mlp"'), ["CH0113"]),
        (model().replace("builtin tabular-mlp", "python enrich"), ["CH0905"]),
        (model().replace("builtin tabular-mlp", 'python "no.such:fit"'), ["CH0906"]),
        ('dataset more {\n  source csv "data/recent.csv" from applications\n}\n', ["CH0405", "CH0905"]),
        # names
        ("parameter x = 1\n", ["CH0405"]),
        (
            f"parameter min = 0.7\n{HOLDOUT}",
            [],
        ),
        (
            f"parameter min = 2 days\n{HOLDOUT}",
            ["CH0201"],
        ),
        ("evaluation holdout of scorecard on applications.test.x {\n  require roc_auc >= 0.7\n}\n", ["CH0104"]),
        ("evaluation holdout of scorecard on scorecard {\n  require roc_auc >= 0.7\n}\n", ["CH0103"]),
    ],
)
def test_findings(text: str, expected: list[str] | None):
    found = codes(text)
    if expected is None:
        assert found and all(code.startswith("CH00") for code in found)
    else:
        assert found == expected


def test_a_mistake_of_syntax_is_not_followed_by_what_it_makes_missing():
    text = whole("deployment production of scorecard {\n  after relase holdout,\n}\n").replace(
        "  members at least 3", "  members atleast 3"
    )
    result = compile_charter(CASES / "any.charter", as_text=text)
    assert result.ir is None
    assert all(item.code < "CH0100" for item in result.diagnostics), result.diagnostics


@pytest.mark.parametrize(
    ("bound", "why"),
    [
        ("accuracy >= 0.7", "needs rows with outcomes,"),
        ("equalized_odds_difference over sex <= 0.1", "needs the outcome and the protected attribute"),
    ],
)
def test_what_the_log_of_what_is_served_lacks_is_said_truly(bound: str, why: str):
    text = whole(f"monitor drift of production every 1 day {{\n  require {bound}\n}}\n")
    (finding,) = [i for i in compile_charter(CASES / "any.charter", as_text=text).diagnostics if i.code == "CH0203"]
    assert why in finding.detail


def test_one_mistake_is_one_finding():
    """A misspelt stage gates nothing, and a duration in an evaluation is no missing feature: each is said once."""
    policy = 'policy odd {\n  rego "policies/no_proxies.rego"\n  before trian\n}\n'
    assert "CH0408" not in codes(policy)
    assert "CH0110" in codes(policy)
    lasting = "evaluation holdout of scorecard on applications.test {\n  require roc_auc >= 0.7 for 10 minutes\n}\n"
    assert codes(lasting) == ["CH0211"]


def test_a_broken_policy_is_told_in_diagnostics_only(capfd: pytest.CaptureFixture[str]):
    assert "CH1001" in codes('policy odd {\n  rego "policies/syntax.rego"\n  before train\n}\n')
    assert capfd.readouterr() == ("", "")
