"""Several files as one charter: imports, baselines, and files that want to do harm."""

import os
import re
from pathlib import Path

import pytest
from base import BASE, whole

from charter.compiler import gather
from charter.compiler.compile import CompileResult, check_charter, compile_charter
from charter.compiler.gather import MOST_FILES
from charter.runtime.cli import run_command_line

ROLE = BASE["role", "risk-officer"]
REST = "\n\n".join(text for key, text in BASE.items() if key[0] not in ("lifecycle", "role"))


def lifecycle(extra: str = "", risk: str = "limited") -> str:
    return (
        BASE["lifecycle", "credit-risk"].replace("limited", risk).replace("\n}", f"\n  {extra}\n}}" if extra else "\n}")
    )


def codes(result: CompileResult, severity: str = "error") -> list[str]:
    return sorted(item.code for item in result.diagnostics if item.severity == severity)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "data" / "applications.csv").write_text("sex,default\nf,1\n")
    return project


def put(path: Path, *parts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(["charter 1", *parts]) + "\n")
    return path


# Imports.


def test_an_import_stands_where_it_is_named(home: Path):
    put(home / "shared" / "roles.charter", ROLE)
    alone = check_charter(put(home / "alone.charter", ROLE, lifecycle(), REST))
    several = check_charter(put(home / "several.charter", 'import "shared/roles.charter"', lifecycle(), REST))
    assert codes(several) == []
    assert alone.draft is not None and several.draft is not None
    assert several.draft.declarations.keys() == alone.draft.declarations.keys()
    assert several.draft.roles[0].place.file == "shared/roles.charter"
    compiled = compile_charter(home / "several.charter").ir
    assert compiled is not None and "shared/roles.charter" in compiled.pins
    same = compile_charter(home / "alone.charter").ir
    assert same is not None and compiled.meaning == same.meaning, "where something stands is no part of the meaning"


def test_paths_are_relative_to_the_file_that_names_them(home: Path):
    put(home / "shared" / "deep" / "data.charter", BASE["dataset", "applications"].replace("data/", "rows/"))
    put(home / "shared" / "all.charter", 'import "deep/data.charter"')
    (home / "shared" / "deep" / "rows").mkdir()
    (home / "shared" / "deep" / "rows" / "applications.csv").write_text("sex,default\nf,1\n")
    rest = REST.replace(BASE["dataset", "applications"], "")
    ir = compile_charter(put(home / "x.charter", 'import "shared/all.charter"', lifecycle(), ROLE, rest)).ir
    assert ir is not None
    assert "shared/deep/rows/applications.csv" in ir.pins


def test_a_finding_is_in_the_file_that_it_is_about(home: Path):
    put(home / "shared" / "more.charter", BASE["evaluation", "holdout"].replace("scorecard", "scorecrad"))
    rest = REST.replace(BASE["evaluation", "holdout"], "")
    result = check_charter(put(home / "x.charter", 'import "shared/more.charter"', lifecycle(), ROLE, rest))
    found = {item.span.path for item in result.diagnostics if item.code == "CH0101" and item.span}
    assert found == {str(home / "shared" / "more.charter")}
    assert all(item.span is None or item.span.path in result.sources for item in result.diagnostics)


def test_a_file_that_is_imported_twice_counts_once(home: Path):
    put(home / "roles.charter", ROLE)
    put(home / "more.charter", 'import "roles.charter"')
    imports = 'import "roles.charter"\nimport "more.charter"\nimport "./roles.charter"'
    assert codes(check_charter(put(home / "x.charter", imports, lifecycle(), REST))) == []


def test_what_is_declared_in_two_files_is_a_duplicate(home: Path):
    put(home / "roles.charter", ROLE)
    result = check_charter(put(home / "x.charter", 'import "roles.charter"', lifecycle(), ROLE, REST))
    (item,) = (item for item in result.diagnostics if item.severity == "error")
    assert item.code == "CH0102" and item.span is not None
    assert (Path(item.span.path).name, Path(item.related[0].span.path).name) == ("x.charter", "roles.charter")


def test_an_imported_file_has_no_lifecycle(home: Path):
    put(home / "other.charter", lifecycle())
    assert codes(check_charter(put(home / "x.charter", lifecycle(), 'import "other.charter"', ROLE, REST))) == [
        "CH0105"
    ]


HOSTILE = {
    "missing": (lambda path: None, "CH0901"),
    "a directory": (lambda path: path.mkdir(), "CH0002"),
    "a pipe": (os.mkfifo, "CH0002"),
    "binary": (lambda path: path.write_bytes(bytes(range(256))), "CH0004"),
    "not UTF-8": (lambda path: path.write_bytes(b"charter 1\n\xff\xfe"), "CH0005"),
    "huge": (lambda path: path.write_bytes(b" " * (9 * 1024 * 1024)), "CH0003"),
    "empty": (lambda path: path.write_text(""), "CH0006"),
    "broken": (lambda path: path.write_text("charter 1\nrole x {\n"), "CH0020"),
    "a link to itself": (lambda path: path.symlink_to(path), "CH0901"),
    "a link outside": (lambda path: path.symlink_to(path.parent.parent / "outside.charter"), "CH0902"),
    "a link to no charter": (lambda path: path.symlink_to(path.parent / "data" / "applications.csv"), "CH0902"),
    "unreadable": (lambda path: path.symlink_to("/proc/self/mem"), "CH0902"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("statement", ["import", "extends"])
def test_files_that_want_to_do_harm(home: Path, kind: str, statement: str):
    put(home.parent / "outside.charter", ROLE)
    make, code = HOSTILE[kind]
    make(home / "bad.charter")
    parts = ['import "bad.charter"', lifecycle()] if statement == "import" else [lifecycle('extends "bad.charter"')]
    result = check_charter(put(home / "x.charter", *parts, REST))
    if (kind, statement) == ("a link outside", "extends"):
        assert codes(result) == ["CH1103"], "a baseline may lie elsewhere, if it is pinned"
    else:
        assert codes(result) == [code], "and nothing is said of the names that the file may declare"
    assert result.draft is None


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc/passwd", "CH0902"),
        ("/etc/x.charter", "CH0902"),
        ("../outside.charter", "CH0902"),
        ("data/../../outside.charter", "CH0902"),
        ("data\\\\x.charter", "CH0902"),
        ("C:/x.charter", "CH0902"),
        ("data/applications.csv", "CH0901"),
        ("", "CH0901"),
        (" ", "CH0901"),
        ("x" * 5000 + ".charter", "CH0901"),
        ("a\\u0000.charter", "CH0901"),
        ("x.charter", "CH1101"),
    ],
)
def test_where_an_import_may_lead(home: Path, path: str, code: str):
    put(home.parent / "outside.charter", ROLE)
    result = check_charter(put(home / "x.charter", f'import "{path}"', lifecycle(), REST))
    assert code in codes(result)
    assert result.draft is None


def test_circles_of_every_kind_are_named(home: Path):
    put(home / "a.charter", 'import "b.charter"')
    put(home / "b.charter", 'import "c.charter"')
    put(home / "c.charter", 'import "a.charter"')
    result = check_charter(put(home / "x.charter", 'import "a.charter"', lifecycle(), ROLE, REST))
    (item,) = (item for item in result.diagnostics if item.code == "CH1101")
    assert "`a.charter` → `b.charter` → `c.charter` → `a.charter`" in item.detail
    put(home / "base.charter", lifecycle('extends "base.charter"'))
    assert codes(check_charter(put(home / "y.charter", lifecycle('extends "base.charter"'), ROLE, REST))) == ["CH1101"]


def test_a_flood_of_files_is_cut_off(home: Path):
    imports = "\n".join(f'import "f{i}.charter"' for i in range(MOST_FILES + 5))
    for i in range(MOST_FILES + 5):
        put(home / f"f{i}.charter", f'import "f{i // 2}.charter"\nimport "f{i + 1}.charter"')
    result = check_charter(put(home / "x.charter", imports, lifecycle(), ROLE, REST))
    assert "CH1102" in codes(result)
    assert len(result.sources) <= MOST_FILES


def test_many_large_files_are_cut_off(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gather, "MAX_BYTES", 2**20)
    for i in range(3):
        (home / f"f{i}.charter").write_text("charter 1\n" + "#" * (400 * 1024) + "\n")
    imports = "\n".join(f'import "f{i}.charter"' for i in range(3))
    (item,) = check_charter(put(home / "x.charter", imports, lifecycle(), ROLE, REST)).diagnostics
    assert item.code == "CH1102" and "MiB together" in item.detail


# Baselines.

BANK = f"""parameter least-auc = 0.75

{ROLE}

evaluation holdout of any model on any dataset {{
  require roc_auc >= least-auc
}}

approval release of any model {{
  by        risk-officer quorum 2
  excluding trainer
  after     holdout
  valid     30 days
}}

deployment any of any model {{
  after release
}}"""

OWN = {
    "evaluation": "evaluation holdout of scorecard on applications.test {\n  require roc_auc >= 0.80\n}",
    "approval": "approval release of scorecard {\n  after holdout\n}",
    "deployment": "deployment production of scorecard {\n  serve http\n}",
}


def extending(
    home: Path, bank: str = BANK, *, where: str = "bank.charter", risk: str = "limited", **own: str
) -> CompileResult:
    """A charter that extends a baseline, pinned to it as it is."""
    put((home / where).resolve(), bank)
    parts = [BASE["dataset", "applications"], BASE["model", "scorecard"], *({**OWN, **own}.values())]
    first = check_charter(put(home / "x.charter", lifecycle(f'extends "{where}"', risk), *parts))
    right = [
        m[1]
        for item in first.diagnostics
        if (m := re.search(f'"{where}" digest "(sha256:[0-9a-f]{{64}})"', item.detail))
    ]
    assert right, first.diagnostics
    return check_charter(put(home / "x.charter", lifecycle(f'extends "{where}" digest "{right[0]}"', risk), *parts))


def test_what_is_inherited(home: Path):
    result = extending(home)
    assert (codes(result), codes(result, "warning")) == ([], [])
    assert result.draft is not None
    approval = next(item for item in result.draft.controls if item.id == "release")
    assert (approval.text, approval.valid_seconds) == ("2 of risk-officer, none of them trainer", 30 * 86400)  # type: ignore[union-attr]
    (bound,) = (item.text for item in result.draft.controls if item.id.startswith("holdout"))
    assert bound == "roc_auc >= 0.8", "the stricter of two bounds on one value is enough"
    deploy = next(stage for stage in result.draft.stages if stage.kind == "deploy")
    assert "approve/release" in deploy.entry.waits_for


def test_bounds_that_cannot_be_compared_add_up(home: Path):
    result = extending(home, BANK.replace("least-auc\n}", "least-auc with confidence 95%\n}"))
    assert codes(result) == ["CH1201"] or codes(result) == []
    assert result.draft is not None
    bounds = sorted(item.text for item in result.draft.controls if item.id.startswith("holdout"))
    assert bounds == ["roc_auc >= 0.75 with confidence 95%", "roc_auc >= 0.8"]


WEAKER = {
    "a bound": ("evaluation", OWN["evaluation"].replace("0.80", "0.70"), ["CH1201"]),
    "an advisory bound": (
        "evaluation",
        OWN["evaluation"].replace("0.80", "0.75 enforce advisory"),
        ["CH0402", "CH1201"],
    ),
    "a parameter": (
        "evaluation",
        "parameter least-auc = 0.70\n\nevaluation holdout of scorecard on applications.test {\n  report accuracy\n}",
        ["CH1201"],
    ),
    "quorum": ("approval", OWN["approval"].replace("after", "by risk-officer quorum 1\n  after"), ["CH1201"]),
    "validity": ("approval", OWN["approval"].replace("after", "valid 31 days\n  after"), ["CH1201"]),
    "another role": (
        "approval",
        "role other {\n  members at least 5\n}\n\n" + OWN["approval"].replace("after", "by other quorum 2\n  after"),
        ["CH1202"],
    ),
    "a smaller role": ("role", "role risk-officer {\n  members at least 2\n}", ["CH1201"]),
    "no evaluation": (
        "evaluation",
        OWN["evaluation"].replace("holdout", "other"),
        ["CH0101", "CH0402", "CH0404", "CH1203"],
    ),
}


@pytest.mark.parametrize("case", WEAKER)
def test_nothing_inherited_is_weakened(home: Path, case: str):
    kind, text, expected = WEAKER[case]
    result = extending(home, **{kind: text})
    assert codes(result) == expected
    for item in result.diagnostics:
        if item.code in ("CH1201", "CH1202", "CH1203"):
            assert item.span is not None and Path(item.span.path).name == "x.charter"
            assert Path(item.related[0].span.path).name == "bank.charter", "both places"
    assert result.draft is None


def test_an_approval_of_another_model_is_no_approval(home: Path):
    other = BASE["model", "scorecard"].replace("scorecard", "other")
    result = extending(home, other=other, approval="approval release of other {\n  after holdout\n}")
    found = [item for item in result.diagnostics if item.code == "CH1203"]
    assert [item.detail.count("not of `scorecard`") for item in found] == [1]


def test_what_is_stricter_is_welcome(home: Path):
    stricter = OWN["approval"].replace("after", "by risk-officer quorum 3\n  excluding owner\n  valid 20 days\n  after")
    result = extending(home, evaluation=OWN["evaluation"].replace("0.80", "0.90"), approval=stricter)
    assert codes(result) == []
    assert result.draft is not None
    approval = next(item for item in result.draft.controls if item.id == "release")
    assert approval.text == "3 of risk-officer, none of them owner, trainer", "lists unite"


def retiring(after: str = "", keep: str = "", of: str = "scorecard") -> str:
    whens = f"\n  when age > {after}" if after else ""
    return f"retirement of {of} {{{whens}" + (f"\n  archive {keep}" if keep else "") + "\n}"


def watching(of: str, every: str) -> str:
    return f"monitor drift of {of} every {every} {{\n  require psi of each feature <= 0.2\n}}"


def policy(level: str, rest: str = "") -> str:
    return f"policy p {{{rest}\n  enforce {level}\n}}"


KEEP = retiring(keep="model, evidence for 10 years", of="any model")
OLD = retiring("2 years", of="any model")
RULE = policy("absolute", '\n  rego "p.rego"\n  before train')
HAZARD = '  hazard "h" {\n    likelihood low\n    impact low\n    mitigated by holdout\n  }'

OTHERS = {
    "a policy, softer": (RULE, policy("mandatory"), "CH1201"),
    "a policy, inherited": (RULE, "", ""),
    "a dataset's class": ("dataset applications {\n  class internal\n}", "", ""),
    "a bound on every dataset": ("dataset any {\n  require missing <= 1%\n}", "", ""),
    "retention, shorter": (KEEP, retiring("2 years", "model for 5 years"), "CH1201"),
    "retention, longer": (KEEP, retiring("2 years", "model for 12 years"), ""),
    "retention, and no retirement": (KEEP, "", "CH0053"),
    "a retirement, inherited": (OLD, "", ""),
    "a retirement, later": (OLD, retiring("3 years"), "CH1201"),
    "a retirement, sooner": (OLD, retiring("1 years"), ""),
    "a monitor, less often": (watching("any deployment", "1 day"), watching("production", "2 days"), "CH1201"),
    "a monitor, more often": (watching("any deployment", "1 day"), watching("production", "12 hours"), ""),
    "a monitor, inherited": (watching("any deployment", "1 day"), "", ""),
    "a limit": ("model any {\n  limits { time: 10 minutes }\n}", "", ""),
    "a hazard": (f'objective o {{\n  problem "x"\n{HAZARD}\n}}', 'objective o {\n  problem "y"\n}', ""),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_declarations(home: Path, case: str):
    base, own, expected = OTHERS[case]
    (home / "p.rego").write_text(
        'package project.p\n\nimport rego.v1\n\ndeny contains "x" if input.lifecycle.risk == "high"\n'
    )
    result = extending(home, f"{BANK}\n\n{base}", more=own)
    assert codes(result) == ([expected] if expected else []), result.diagnostics


def test_risk_class_and_packs(home: Path):
    bank = f"{lifecycle('use policies core', 'high').replace('credit-risk', 'bank')}\n\n{BANK}"
    assert codes(extending(home, bank)) == ["CH1201"]
    result = extending(home, bank, risk="high")
    assert codes(result) == []
    assert result.draft is not None and result.draft.lifecycle.packs == ("core",)
    assert result.draft.lifecycle.name == "credit-risk" and result.draft.lifecycle.owner == "credit-models@bank.example"


def test_several_levels(home: Path):
    group = put(home / "group.charter", BANK)
    inner = extending(home, lifecycle('extends "group.charter"').replace("credit-risk", "bank"))
    assert codes(inner) == ["CH1103"], "the baseline's own baseline is pinned, too"
    assert inner.diagnostics[0].span is not None and inner.diagnostics[0].span.path.endswith("bank.charter")
    digest = re.search(r"sha256:[0-9a-f]{64}", inner.diagnostics[0].detail)
    assert digest is not None
    level = lifecycle(f'extends "group.charter" digest "{digest[0]}"').replace("credit-risk", "bank")
    fair = "evaluation holdout of any model on any dataset {\n  require accuracy >= 0.6\n}"
    result = extending(home, f"{level}\n\n{fair}")
    assert codes(result) == []
    assert result.draft is not None
    assert {"holdout.accuracy", "holdout.roc_auc", "release"} <= {item.id for item in result.draft.controls}
    assert codes(extending(home, f"{level}\n\n{fair}", evaluation=OWN["evaluation"].replace("0.80", "0.70"))) == [
        "CH1201"
    ]
    group.write_text(group.read_text().replace("quorum 2", "quorum 1"))
    assert "CH1104" in codes(check_charter(home / "x.charter")), "a change at the bottom is noticed at the top"


def test_the_pin_is_on_what_is_said(home: Path):
    assert codes(extending(home)) == []
    bank = home / "bank.charter"
    text = bank.read_text()
    bank.write_text(text.replace("quorum 2", "quorum 2   # as agreed") + "\n\n# the end\n")
    assert codes(check_charter(home / "x.charter")) == [], "a comment is no change"
    bank.write_text(text.replace("30 days", "31 days"))
    (item,) = check_charter(home / "x.charter").diagnostics
    assert item.code == "CH1104" and "sha256:" in item.detail


def test_the_pin_is_on_the_rego_that_is_named(home: Path):
    rego = home / "p.rego"
    rego.write_text('package project.p\n\nimport rego.v1\n\ndeny contains "x" if input.lifecycle.risk == "high"\n')
    result = extending(home, BANK + '\n\npolicy p {\n  rego "p.rego"\n  before train\n}')
    assert codes(result) == []
    rego.write_text(rego.read_text().replace('"high"', '"minimal"'))
    assert codes(check_charter(home / "x.charter")) == ["CH1104"]


def test_a_baseline_beside_the_project(home: Path):
    assert codes(extending(home, where="../bank.charter")) == []
    ir = compile_charter(home / "x.charter").ir
    assert ir is not None and "../bank.charter" in ir.pins
    assert next(role for role in ir.roles).place.file == "../bank.charter"
    named = extending(home, BANK + '\n\npolicy p {\n  rego "p.rego"\n  before train\n}', where="../bank.charter")
    assert codes(named) == ["CH0902"], "files that it names have to travel with the project"


def test_overrides(home: Path):
    text = whole(OWN["evaluation"].replace("0.80", "least") + "\n\nparameter least = 0.80")
    path = home / "x.charter"
    path.write_text(text)
    assert codes(check_charter(path, overrides={"least": "0.85"})) == []
    (item,) = (item for item in check_charter(path, overrides={"least": "79%"}).diagnostics if item.severity == "error")
    assert item.code == "CH1204" and item.related
    path.write_text(text.replace("roc_auc >= least", "expected_calibration_error <= least").replace("0.80", "5%"))
    assert codes(check_charter(path, overrides={"least": "6%"})) == ["CH1204"]
    assert codes(check_charter(path, overrides={"least": "4%"})) == []


def test_any_model_is_for_baselines(home: Path):
    path = home / "x.charter"
    path.write_text(whole(OWN["evaluation"].replace("of scorecard", "of any model")))
    (item, *_) = (item for item in check_charter(path).diagnostics if item.code == "CH0101")
    assert "extends" in item.detail


def test_a_baseline_by_itself(home: Path, capsys: pytest.CaptureFixture[str]):
    assert codes(extending(home)) == []
    assert run_command_line(["check", "--baseline", str(home / "bank.charter")]) == 0
    shown = re.search(r"sha256:[0-9a-f]{64}", capsys.readouterr().out)
    assert shown is not None and shown[0] in (home / "x.charter").read_text(), "the digest that the charter pins"
    put(home / "bad.charter", BANK.replace("least-auc\n", "75\n  require roc_auc <= 0.5 enforce often\n"), ROLE)
    assert run_command_line(["check", "--baseline", str(home / "bad.charter")]) == 2
    out = capsys.readouterr().out
    assert "CH0054" in out and "CH0603" in out and "CH0102" in out and "sha256:" not in out
    assert run_command_line(["check", "--baseline", "--collusion", str(home / "bank.charter")]) == 2
    assert run_command_line(["check", "--baseline", str(home / "none.charter")]) == 2
