"""The commands check, explain, compile and graph: exit codes, outputs, and what they never import."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from base import whole
from marks import expected_findings

from charter.compiler.codec import decode_ir
from charter.compiler.codes import SUMMARIES
from charter.runtime.cli import run_command_line

SPINE = Path(__file__).parent.parent / "cases" / "credit-spine" / "credit-spine.charter"
ERRORS = Path(__file__).parent.parent / "cases" / "errors"


def test_check_says_what_it_proved_and_what_not(capsys: pytest.CaptureFixture[str]):
    assert run_command_line(["check", str(SPINE)]) == 0
    out = capsys.readouterr().out
    proved, not_checked = out.split("\nnot checked\n")
    assert "no errors, no warnings" in proved and "every deployment (1) waits for an evaluation" in proved
    assert "`data/applications.csv`" in not_checked and "`risk-officer`" in not_checked and "law" in not_checked


def test_check_with_errors(capsys: pytest.CaptureFixture[str]):
    assert run_command_line(["check", str(ERRORS / "CH0402.charter")]) == 2
    out = capsys.readouterr().out
    assert "error CH0402: ungated deployment" in out
    assert "nothing is proved" in out and "every" not in out.split("nothing is proved")[1]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "charter 1\n", "charter 1\nlifecycle x {\n}\n"])
def test_an_empty_check_is_never_green(tmp_path: Path, text: str):
    path = tmp_path / "x.charter"
    path.write_text(text)
    assert run_command_line(["check", str(path)]) == 2


def test_check_on_what_is_no_charter(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "binary.charter").write_bytes(bytes(range(256)))
    for path in (tmp_path / "missing.charter", tmp_path, tmp_path / "binary.charter"):
        assert run_command_line(["check", str(path)]) == 2
    assert "Traceback" not in "".join(capsys.readouterr())


def test_missing_data_may_come_later_for_check_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.charter"
    path.write_text(whole(""))
    assert run_command_line(["check", str(path)]) == 0
    assert "warning CH0901" in capsys.readouterr().out
    assert run_command_line(["compile", str(path)]) == 2
    assert "error CH0901" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()
    assert run_command_line(["graph", str(path)]) == 0


def test_check_as_json(capsys: pytest.CaptureFixture[str]):
    path = ERRORS / "CH0101.charter"
    assert run_command_line(["check", str(path), "--format", "json"]) == 2
    document = json.loads(capsys.readouterr().out)
    ((line, severity, code, _),) = expected_findings(path.read_text("utf-8"))
    (finding,) = document["findings"]
    assert (finding["start"]["line"], finding["severity"], finding["code"]) == (line, severity, code)
    assert document["ok"] is False and document["proved"] == []


def test_overrides(capsys: pytest.CaptureFixture[str]):
    assert run_command_line(["check", str(SPINE), "--set", "min-auc=78%"]) == 0
    assert run_command_line(["check", str(SPINE), "--set", "min-auk=78%"]) == 2
    assert "Did you mean `min-auc`?" in capsys.readouterr().out
    assert run_command_line(["check", str(SPINE), "--set", "min-auc"]) == 2
    # The override is judged like the charter's own number.
    assert run_command_line(["check", str(SPINE), "--set", "min-auc=78"]) == 2
    assert "CH0603" in capsys.readouterr().out


def test_compile_writes_the_ir(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    target = tmp_path / "out.json"
    assert run_command_line(["compile", str(SPINE), "-o", str(target)]) == 0
    out = capsys.readouterr().out
    ir = decode_ir(target.read_bytes())
    assert ir.digest in out and ir.meaning in out
    assert f"{len(ir.stages)}, with {len(ir.controls)} controls" in out
    assert all(control.id in out for control in ir.controls)
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"], "no scratch file stays"


def test_compile_refuses_to_overwrite_the_charter(tmp_path: Path):
    path = tmp_path / "x.charter"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "applications.csv").write_text("x\n")
    path.write_text(whole(""))
    assert run_command_line(["compile", str(path), "-o", str(path)]) == 2
    assert path.read_text() == whole("")
    assert run_command_line(["compile", str(path), "-o", str(tmp_path / "no" / "such" / "x.json")]) == 4


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_graph_shows_stages_and_gates(form: str, capsys: pytest.CaptureFixture[str]):
    assert run_command_line(["graph", str(SPINE), "--format", form]) == 0
    out = capsys.readouterr().out
    for text in ("train/scorecard", "deploy/production", "roc_auc", "2 of risk-officer", "no_proxy.rego"):
        assert text in out


def test_graph_labels_cannot_break_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = whole('policy odd {\n  rego "a\\"]; click s0 \\"javascript:x.rego"\n  before train\n}')
    path = tmp_path / "x.charter"
    path.write_text(text)
    (tmp_path / 'a"]; click s0 "javascript:x.rego').write_text("package project.odd\n\nallow := true\n")
    for form in ("mermaid", "dot"):
        assert run_command_line(["graph", str(path), "--format", form]) == 0
    mermaid, dot = capsys.readouterr().out.split("digraph", 1)
    assert '"]; click' not in mermaid
    assert re.search(r'[^\\]"\]; click', dot) is None


def test_explain(capsys: pytest.CaptureFixture[str]):
    for code in SUMMARIES:
        assert run_command_line(["explain", code.lower()]) == 0
        assert capsys.readouterr().out.startswith(f"# {code}: {SUMMARIES[code]}\n")
    for code in ("CH9999", "", "../CH0101", "CH0101/../CH0101"):
        assert run_command_line(["explain", code]) == 2


@pytest.mark.parametrize("command", [["check", str(SPINE)], ["explain", "CH0101"]])
def test_light_commands_import_nothing_heavy(command: list[str]):
    program = (
        "import sys; from charter.runtime.cli import run_command_line; code = run_command_line(sys.argv[1:]); "
        "heavy = {'torch', 'pandas', 'numpy', 'fastapi', 'starlette', 'uvicorn', 'rich', 'networkx', 'onnx', "
        "'sklearn', 'requests', 'urllib3', 'http.server', 'cryptography', 'apsw'}; "
        "found = heavy & set(sys.modules); print(sorted(found), file=sys.stderr); sys.exit(code or bool(found))"
    )
    done = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
