"""After a permitted erasure the state is still told, with what is missing in it, and never as green."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from sandbox import Sandbox

from charter.runtime.cli import main
from charter.runtime.failure import ExitCode, Failure


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one finished run."""
    made = Sandbox(tmp_path_factory.mktemp("done"))
    made.steps()
    made.chain(["step"])
    assert made.charter("run").code == 0
    return made.root


@pytest.fixture
def sandbox(done: Path, tmp_path: Path) -> Sandbox:
    """A copy of it."""
    return Sandbox(Path(shutil.copytree(done, tmp_path / "project")))


def charter(sandbox: Sandbox, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*arguments, "--project", str(sandbox.root)], standalone_mode=False)
    if isinstance(result.exception, Failure):
        return result.exception.exit_code, result.exception.detail
    if isinstance(result.exception, SystemExit):
        return int(result.exception.code or 0), result.output
    assert result.exception is None, result.exception
    return int(result.return_value or 0), result.output


def erase(sandbox: Sandbox, kind: str) -> int:
    seq = sandbox.of_kind(kind)[0].seq
    order = ["audit", "erase", str(seq), "--ground", "Art. 17, request <7>", "--stop-runs", "--yes"]
    assert charter(sandbox, *order)[0] == 0
    return seq


@pytest.mark.parametrize("kind", ["stage.finished", "gate.decided", "iteration.opened", "run.closed"])
def test_status_and_report_tell_of_what_is_erased(sandbox: Sandbox, kind: str) -> None:
    seq = erase(sandbox, kind)
    code, said = charter(sandbox, "status")
    assert code == ExitCode.INCOMPLETE, said
    assert f"record {seq} ({kind}" in said and "Art. 17, request <7>" in said and "nothing above is complete" in said
    code, said = charter(sandbox, "status", "--json")
    (gone,) = json.loads(said)["erased"]
    assert (code, gone["record"], gone["kind"]) == (ExitCode.INCOMPLETE, seq, kind)
    assert json.loads(said)["outcome"] == "incomplete"
    code, said = charter(sandbox, "report")
    page = (sandbox.root / "charter-report.html").read_text()
    assert code == ExitCode.INCOMPLETE, said
    assert "Not certain: 1 record that runs build on is erased" in said
    assert "Art. 17, request &lt;7&gt;" in page and f"record {seq} ({kind}" in page and "last word" in page


def test_without_any_run_nothing_is_concluded(sandbox: Sandbox) -> None:
    erase(sandbox, "run.opened")
    for command in ("status", "report"):
        code, said = charter(sandbox, command)
        assert code == ExitCode.INCOMPLETE and "so nothing can be concluded" in said
    assert sandbox.charter("run").code == ExitCode.INCOMPLETE
