"""`charter diff`: each way to ask for less, or for more, is told as what it is, with both places."""

import contextlib
import json
import subprocess
from datetime import date
from pathlib import Path

import msgspec
import pytest

from charter.compiler.codec import BadIR
from charter.compiler.compile import check_charter
from charter.compiler.diff import Report, Version, differences, version_of_charter, version_of_ir
from charter.compiler.files import ProjectFiles
from charter.runtime.cli import run_command_line
from charter.runtime.cli.diff import diff

SPINE = Path(__file__).parents[1] / "cases" / "credit-spine" / "credit-spine.charter"
TEXT = SPINE.read_text("utf-8")
DAY = date(2026, 11, 22)


def version(text: str) -> Version:
    """The text as something to compare; whether it proves sound does not matter here."""
    result = check_charter(SPINE, as_text=text)
    assert result.charter is not None
    return version_of_charter(result.charter, result.sources, ProjectFiles(SPINE.parent))


ORIGINAL = version(TEXT)
DRAFT = check_charter(SPINE).draft


def compared(old: str, new: str, text: str = TEXT) -> Report:
    assert old in text, "the case must have what this test changes"
    return differences(ORIGINAL, version(text.replace(old, new, 1)), DAY)


HOLDOUT = "  require roc_auc >= min-auc with confidence 95%"

OTHER_ROWS = "holdout of scorecard on applications.validation"

WEAKER = {
    "quorum": ("quorum 2", "quorum 1", "release", "weakened", "quorum"),
    "a bound": ("sex >= 0.80", "sex >= 0.5", "parity.demographic_parity_ratio.over.sex", "weakened", "bound"),
    "a parameter": ("min-auc = 0.75", "min-auc = 0.70", "holdout.roc_auc", "weakened", "bound"),
    "confidence": (" with confidence 95%", "", "holdout.roc_auc", "weakened", "confidence"),
    "less confidence": ("confidence 95%", "confidence 90%", "holdout.roc_auc", "weakened", "confidence"),
    "enforcement": (HOLDOUT, f"{HOLDOUT} enforce advisory", "holdout.roc_auc", "weakened", "enforcement"),
    "a bound gone": ("  require   share of each sex >= 30%\n", "", "applications.share.of.sex", "removed", ""),
    "retention": ("for 10 years", "for 5 years", "scorecard.archive", "weakened", "retention"),
    "what is kept": ("model, evidence, ledger for", "model, ledger for", "scorecard.archive", "weakened", "archive"),
    "exclusion": ("  excluding owner, trainer", "  excluding owner", "release", "weakened", "excluding"),
    "validity": ("valid     30 days", "valid     60 days", "release", "weakened", "valid"),
    "what is seen": ("after     holdout, parity", "after     holdout", "release", "weakened", "after"),
    "policy": ("enforce   mandatory", "enforce   advisory", "no-proxy-features", "weakened", "enforcement"),
    "a role": ("members at least 3", "members at least 2", "risk-officer", "weakened", "members at least"),
    "risk class": ("risk     high", "risk     limited", "credit-risk", "weakened", "risk"),
    "class of data": ("class     personal", "class     internal", "applications", "weakened", "class"),
    "protected": ("protected sex, age_group", "protected sex", "applications", "weakened", "protected"),
    "a mitigation": ("mitigated by parity, ", "mitigated by ", "fair-lending", "weakened", "mitigated by"),
    "checks": ("for 3 checks", "for 4 checks", "scorecard.drift.roc_auc", "weakened", "checks"),
    "every": ("every 1 day", "every 2 days", "drift", "weakened", "every"),
    "erasure": ("after 5 years", "after 6 years", "scorecard.erase.applications", "weakened", "erasure"),
    "other rows": ("holdout of scorecard on applications.test", OTHER_ROWS, "holdout", "changed", "on"),
}  # fmt: skip


@pytest.mark.parametrize("case", WEAKER)
def test_less_is_told_as_less(case: str):
    old, new, id_, verdict, aspect = WEAKER[case]
    report = compared(old, new)
    found = [item for item in report.weakened if item.id == id_]
    assert [item.verdict.value for item in found] == [verdict], report.differences
    assert not aspect or aspect in {side.name for side in found[0].aspects if side.control}
    assert found[0].old_place is not None and (verdict == "removed" or found[0].new_place is not None)


@pytest.mark.parametrize("case", [case for case in WEAKER if WEAKER[case][3] == "weakened"])
def test_the_other_way_round_it_is_more(case: str):
    old, new, id_, _, _ = WEAKER[case]
    text = TEXT.replace(old, new, 1)
    back = differences(version(text), ORIGINAL, DAY)
    assert not back.weakened
    assert [item.verdict.value for item in back.differences if item.id == id_ and item.control] == ["strengthened"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("expected_calibration_error <= 5%", "expected_calibration_error <= 0.05"),
        ("\n\nrole", "\n\n# a comment\n\nrole"),
        ('"2.1.0"', '"2.2.0"'),
        ("holdout, parity", "parity, holdout"),
        ("valid     30 days", "valid     720 hours"),
    ],
)
def test_what_means_the_same_is_no_difference(old: str, new: str):
    report = compared(old, new)
    assert (report.differences, report.waivers) == ((), ())


def test_a_description_is_told_and_blocks_nothing():
    report = compared("within 12 months", "within 24 months")
    assert [(item.id, item.control) for item in report.differences] == [("credit-risk", False)]
    assert not report.weakened


def test_both_places_are_those_of_the_bound():
    (item,) = compared("sex >= 0.80", "sex >= 0.5").weakened
    line = next(n for n, text in enumerate(TEXT.splitlines(), 1) if "demographic_parity_ratio over sex >= 0.80" in text)
    assert item.old_place is not None and item.new_place is not None
    assert (item.old_place.line, item.new_place.line, item.new_place.column) == (line, line, 3)


def test_a_new_way_to_go_live_is_less():
    report = compared(
        "deployment production", "deployment pilot of scorecard {\n  after holdout\n}\n\ndeployment production"
    )
    (item,) = report.weakened
    assert (item.subject, item.aspects[0].name) == ("model/scorecard", "coverage")
    assert "parity" in item.aspects[0].old and "parity" not in item.aspects[0].new


def test_a_bound_that_another_one_makes_idle_is_no_loss():
    doubled = TEXT.replace(HOLDOUT, f"{HOLDOUT}\n  require roc_auc >= 0.6", 1)
    report = differences(version(doubled), ORIGINAL, DAY)
    assert not report.weakened
    assert "removed" in {item.verdict.value for item in report.differences}


def waiver(control: str, until: str) -> str:
    return f'\n\nwaiver later of {control} {{\n  reason "x"\n  granted by risk-officer quorum 1\n  until {until}\n}}\n'


@pytest.mark.parametrize(
    ("control", "until", "covered"),
    [
        ("holdout.roc_auc", "2026-11-22", True),
        ("holdout.roc_auc", "2026-11-21", False),
        ("parity.demographic_parity_ratio.over.sex", "2030-01-01", False),
    ],
)
def test_a_waiver_covers_its_own_control_until_its_day(control: str, until: str, covered: bool):
    text = TEXT.replace("min-auc = 0.75", "min-auc = 0.70", 1) + waiver(control, until)
    report = differences(ORIGINAL, version(text), DAY)
    assert bool(report.weakened) is not covered
    assert [item.verdict.value for item in report.waivers] == ["added"]


def test_other_rego_is_other(tmp_path: Path):
    for part in ("policies", "schemas"):
        (tmp_path / part).mkdir()
        for path in (SPINE.parent / part).iterdir():
            (tmp_path / part / path.name).write_bytes(path.read_bytes())
    rego = next((tmp_path / "policies").glob("*.rego"))
    rego.write_text(rego.read_text() + "\n# changed\n")
    charter = tmp_path / SPINE.name
    charter.write_text(TEXT)
    result = check_charter(charter)
    assert result.charter is not None
    now = version_of_charter(result.charter, result.sources, ProjectFiles(tmp_path))
    (item,) = differences(ORIGINAL, now, DAY).weakened
    assert (item.verdict.value, item.aspects[0].name) == ("changed", "rego")


def test_a_compiled_charter_is_compared_like_its_text():
    from charter.compiler.compile import compile_charter

    ir = compile_charter(SPINE).ir
    assert ir is not None
    assert differences(ORIGINAL, version_of_ir(ir), DAY).differences == ()
    looser = version(TEXT.replace("quorum 2", "quorum 1", 1))
    assert [item.id for item in differences(version_of_ir(ir), looser, DAY).weakened] == ["release"]


# The command.


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """A copy of the spine's project in which one thing is different."""
    import shutil

    target = tmp_path / "project"
    shutil.copytree(SPINE.parent, target)
    (target / SPINE.name).write_text(TEXT.replace(old, new, 1))
    return target / SPINE.name


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    looser = changed(tmp_path, "quorum 2", "quorum 1")
    assert run_command_line(["diff", str(SPINE), str(looser)]) == 3
    out = capsys.readouterr().out
    assert "Weakened: less is asked than before" in out and "quorum: 2 → 1, weaker" in out
    assert f"[{looser}:" in out and f"[{SPINE}:" in out
    assert run_command_line(["diff", str(looser), str(SPINE)]) == 0
    assert "Strengthened" in capsys.readouterr().out
    assert run_command_line(["diff", str(SPINE), str(SPINE)]) == 0
    assert "They mean the same." in capsys.readouterr().out


def test_command_as_json_and_for_github(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    looser = changed(tmp_path, "quorum 2", "quorum 1")
    assert run_command_line(["diff", str(SPINE), str(looser), "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    (item,) = document["differences"]
    assert document["weakened"] is True
    assert (item["verdict"], item["id"], item["aspects"][0]["name"]) == ("weakened", "release", "quorum")
    assert item["old"]["place"]["line"] == item["new"]["place"]["line"]
    assert run_command_line(["diff", str(SPINE), str(looser), "--format", "github"]) == 3
    assert capsys.readouterr().out.startswith(f"::error file={looser},line=")


@pytest.mark.parametrize("files", [[], ["{spine}"], ["{spine}", "{missing}"], ["{spine}", "{broken}"], ["{spine}"] * 3])
def test_wrong_input(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "broken.charter").write_text("charter 1\nlifecycle x {\n")
    named = {"spine": str(SPINE), "missing": str(tmp_path / "no.charter"), "broken": str(tmp_path / "broken.charter")}
    assert run_command_line(["diff", *(item.format(**named) for item in files)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def git(home: Path, *arguments: str) -> None:
    who = ["-c", "user.name=o", "-c", "user.email=o@bank.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(home), *who, *arguments], check=True, capture_output=True)


def test_against_a_revision(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    charter = changed(tmp_path, "quorum 2", "quorum 2")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    assert run_command_line(["diff", "--git", "main", str(charter)]) == 0
    charter.write_text(TEXT.replace("quorum 2", "quorum 1", 1))
    assert run_command_line(["diff", "--git", "main", str(charter)]) == 3
    out = capsys.readouterr().out
    assert f"[main:{charter}:" in out and f"[{charter}:" in out
    git(tmp_path, "commit", "-qam", "second")
    assert run_command_line(["diff", "--git", "main", str(charter)]) == 0
    assert run_command_line(["diff", "--git", "main~1..main", str(charter)]) == 3
    for revision in ("nowhere", "--help", "", "main:x", "..", "main~9"):
        assert run_command_line(["diff", "--git", revision, str(charter)]) in (0, 2), revision
    (tmp_path / "other.charter").write_text(TEXT)
    assert run_command_line(["diff", "--git", "main", str(tmp_path / "other.charter")]) == 2
    assert "is not in" in capsys.readouterr().err


def test_outside_of_a_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "x.charter").write_text(TEXT)
    assert run_command_line(["diff", "--git", "main", str(tmp_path / "x.charter")]) == 2
    assert "no Git repository" in capsys.readouterr().err


def test_the_help_says_the_exit_codes():
    assert diff.help is not None and "3: a control was weakened" in diff.help


# The same order decides what a baseline permits.


def extended(tmp_path: Path, base: str, own: str) -> list[str]:
    """Codes of the errors of `own` where it extends `base`, about the baseline."""
    (tmp_path / "base.charter").write_text(base)
    text = own.replace("  use policies core", '  use policies core\n  extends "base.charter"', 1)
    result = check_charter(tmp_path / SPINE.name, as_text=text)
    return sorted({item.code for item in result.diagnostics if item.code in ("CH1201", "CH1202", "CH1203")})


def without_waiver(text: str) -> str:
    return text.partition("\nwaiver ")[0]


@pytest.mark.parametrize("case", WEAKER)
def test_a_charter_that_extends_the_other_may_differ_in_one_direction(case: str, tmp_path: Path):
    old, new, _, verdict, _ = WEAKER[case]
    strict = without_waiver(TEXT)
    loose = strict.replace(old, new, 1)
    assert extended(tmp_path, strict, strict) == []
    assert extended(tmp_path, loose, strict) == (["CH1202"] if verdict == "changed" else [])
    # What is only left out is inherited; what is said, and weaker, is refused.
    left_out = {"a bound gone", "what is kept", "exclusion", "what is seen", "protected", "a mitigation"}
    refused = ["CH1202"] if verdict == "changed" else [] if case in left_out else ["CH1201"]
    assert extended(tmp_path, strict, loose) == refused


@pytest.mark.parametrize("odd", [True, 3, "x", [1], {"a": None}, [[{}]], None])
@pytest.mark.parametrize(
    "subject", ["model/scorecard", "dataset/applications", "retirement/scorecard", "approval/release"]
)
def test_a_compiled_charter_that_no_compiler_made(subject: str, odd: object):
    """Its types are checked down to the bodies, which may hold anything: compared, or refused, and never a crash."""
    ir = DRAFT
    assert ir is not None
    body = dict.fromkeys(ir.declarations[subject].body, odd)
    declared = msgspec.structs.replace(ir.declarations[subject], body=body)
    forged = msgspec.structs.replace(ir, declarations={**ir.declarations, subject: declared})
    with contextlib.suppress(BadIR):
        assert differences(ORIGINAL, version_of_ir(forged), DAY).differences
