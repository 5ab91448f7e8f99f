"""`charter check --format sarif|github`: the findings, the verdict, and what was not checked."""

import json
from pathlib import Path

import jsonschema
import pytest

from charter.runtime.cli import run_command_line
from published import SARIF, published_schema

CASES = Path(__file__).parents[1] / "cases"
GREEN = CASES / "credit-spine" / "credit-spine.charter"
RED = CASES / "errors" / "CH0402.charter"


def sarif(paths: list[Path], code: int, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert run_command_line(["check", "--format", "sarif", *map(str, paths)]) == code
    log = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator(published_schema(SARIF)).validate(log)
    (run,) = log["runs"]
    return run


def test_sarif_of_a_charter_with_errors(capsys: pytest.CaptureFixture[str]) -> None:
    run = sarif([RED], 2, capsys)
    assert {item["ruleId"] for item in run["results"]} == {"CH0402", "CH0405"}
    assert all("help" in rule for rule in run["tool"]["driver"]["rules"])
    assert run["properties"] == {"charters": [{"file": str(RED), "ok": False, "proved": [], "not_checked": []}]}


def test_sarif_of_a_green_charter_says_what_was_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    run = sarif([GREEN], 0, capsys)
    assert run["results"] == []
    (charter,) = run["properties"]["charters"]
    assert charter["ok"] and charter["proved"] and charter["not_checked"]


def test_sarif_of_a_missing_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = sarif([tmp_path / "none.charter"], 2, capsys)
    assert [item["ruleId"] for item in run["results"]] == ["CH0001"]


def test_github(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["check", "--format", "github", str(RED)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ")[0] for line in lines[:-1]] == ["::warning", "::warning", "::error"]
    assert lines[-1] == "charter check: 1 error, 2 warnings; nothing is proved"
    assert run_command_line(["check", "--format", "github", str(GREEN)]) == 0
    notice, verdict = capsys.readouterr().out.splitlines()
    assert notice.startswith(f"::notice file={GREEN},title=not checked::")
    assert verdict == "charter check: no errors, no warnings"


def test_the_charter_of_the_directory_is_named_without_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.charter").write_text("charter 1\n")
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["check", "--format", "sarif"]) == 2
    log = json.loads(capsys.readouterr().out)
    (result, *_) = log["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "x.charter"


def test_several_charters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.charter"
    paths = [GREEN, RED, missing, GREEN]
    run = sarif(paths, 2, capsys)
    assert [item["ok"] for item in run["properties"]["charters"]] == [True, False, False]
    files = [item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in run["results"]]
    assert files == [RED.as_uri()] * 3 + [missing.as_uri()]

    assert run_command_line(["check", "--format", "json", *map(str, paths)]) == 2
    documents = json.loads(capsys.readouterr().out)
    assert [(item["file"], item["ok"]) for item in documents] == [
        (str(GREEN), True), (str(RED), False), (str(missing), False),
    ]  # fmt: skip

    assert run_command_line(["check", "--format", "github", *map(str, paths)]) == 2
    assert "4 errors" not in (out := capsys.readouterr().out)
    assert out.endswith("charter check: 2 errors, 2 warnings; nothing is proved of 2 of 3 charters\n")

    assert run_command_line(["check", *map(str, paths)]) == 2
    out = capsys.readouterr().out
    assert f"{GREEN}: no errors, no warnings" in out
    assert f"{RED}: 1 error, 2 warnings; nothing is proved" in out
    assert run_command_line(["check", str(GREEN), str(GREEN)]) == 0
