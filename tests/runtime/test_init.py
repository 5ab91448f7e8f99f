"""`charter init`: every template is a charter without findings, in its layout, that runs as its README says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from charter.runtime.cli import run_command_line
from charter.runtime.scaffold import RISKS, project_files

EXPECTED = {".gitignore", ".github/workflows/charter.yml", "README.md", "policies/known_licence.rego"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("risk", RISKS)
def test_a_new_project_has_no_findings_and_the_layout(
    here: Path, risk: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["init", "first-system", "--risk", risk]) == 0
    assert files_in(here / "first-system") == project_files(risk, "first-system")
    assert EXPECTED | {"first-system.charter"} <= set(files_in(here / "first-system"))
    monkeypatch.chdir(here / "first-system")
    capsys.readouterr()
    assert run_command_line(["check"]) == 0
    assert "no errors, no warnings" in capsys.readouterr().out
    assert run_command_line(["fmt", "--check"]) == 0
    text = Path("first-system.charter").read_text("utf-8")
    assert re.search(rf"^  risk +{risk}\b", text, re.M)
    assert "lifecycle first-system {" in text


@pytest.mark.parametrize("risk", RISKS)
def test_nothing_of_the_template_is_left(risk: str) -> None:
    for name, data in project_files(risk, "x").items():
        assert "SYSTEM" not in name
        assert b"SYSTEM" not in data, name
        assert "dot-" not in name


def test_private_keys_and_state_are_ignored(here: Path) -> None:
    assert run_command_line(["init", "--risk", "high", "--name", "x"]) == 0
    subprocess.run(["git", "init", "-q"], check=True)
    ignored = [".charter/ledger.db", "keys/a.key", "a.key", "charter-report.html"]
    kept = ["charter.checkpoints", "charter.trust.json", "x.charter", "policies/known_licence.rego"]
    done = subprocess.run(["git", "check-ignore", *ignored, *kept], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ignored


@pytest.mark.parametrize("taken", ["README.md", "x.charter", ".gitignore", "policies/known_licence.rego"])
def test_nothing_is_overwritten(here: Path, taken: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "x" / taken
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert run_command_line(["init", "x", "--risk", "high"]) == 2
    assert files_in(here) == {f"x/{taken}": b"mine"}
    assert f"`{taken}`" in capsys.readouterr().err


def test_a_link_that_leads_nowhere_is_there_too(here: Path) -> None:
    Path("x").mkdir()
    Path("x/README.md").symlink_to(here / "gone")
    assert run_command_line(["init", "x", "--risk", "minimal"]) == 2
    assert files_in(here) == {}


def test_never_through_a_link_to_outside(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("outside").mkdir()
    Path("x").mkdir()
    Path("x/policies").symlink_to(here / "outside")
    assert run_command_line(["init", "x", "--risk", "minimal"]) == 2
    assert files_in(here) == {}
    assert "link" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "1x", "a b", "a.b", "ü", "a--b", "-x", "x/../y", "a" * 61, 'x"', "x {\n}"])
def test_a_name_that_is_none(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["init", "x", "--risk", "minimal", "--name", name]) == 2
    assert "--name" in capsys.readouterr().err
    assert files_in(here) == {}


@pytest.mark.parametrize("name", ["x", "Credit_risk-2", "with", "for", "charter", "SYSTEM"])
def test_names_that_are_some(here: Path, name: str) -> None:
    assert run_command_line(["init", "d", "--risk", "limited", "--name", name]) == 0
    assert run_command_line(["check", f"d/{name}.charter"]) == 0
    assert run_command_line(["fmt", "--check", "d"]) == 0


def test_the_directory_s_name_is_no_name(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "1 2").mkdir()
    monkeypatch.chdir(here / "1 2")
    assert run_command_line(["init", "--risk", "minimal"]) == 2
    assert run_command_line(["init", "--risk", "minimal", "--name", "x"]) == 0


def test_a_directory_that_is_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x").write_text("")
    assert run_command_line(["init", "x", "--risk", "minimal"]) == 4
    assert "cannot write the project" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--risk", "prohibited"], ["--risk", "HIGH"]])
def test_the_risk_class_is_never_guessed(here: Path, arguments: list[str]) -> None:
    assert run_command_line(["init", *arguments]) == 2
    assert files_in(here) == {}


# What a command of a README ends with where that is not 0: people have yet to sign, or a date has yet to come.
ENDS = {
    "minimal": {"charter run": [0]},
    "limited": {"charter run --key": [5, 0]},
    "high": {"charter run --key": [5, 5]},
}


@pytest.mark.ml
@pytest.mark.parametrize("risk", RISKS)
def test_the_readme_is_true(here: Path, risk: str) -> None:
    assert run_command_line(["init", ".", "--risk", risk, "--name", "x"]) == 0
    ends = {start: list(codes) for start, codes in ENDS[risk].items()}
    bin_directory = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}"}
    text = Path("README.md").read_text("utf-8")
    for written in "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)).splitlines():
        # A person is asked in their terminal.
        line = f"{written} --yes" if written.startswith("charter approve") else written
        done = subprocess.run(line, shell=True, env=environment, capture_output=True, text=True, check=False)
        start = "charter run --key" if line.startswith("charter run --key") else shlex.join(shlex.split(line, True)[:2])
        expected = ends[start].pop(0) if start in ends else 0
        assert done.returncode == expected, f"{line}: {done.stdout}{done.stderr}"
    assert all(not codes for codes in ends.values())
