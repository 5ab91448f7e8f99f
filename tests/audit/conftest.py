"""The frozen lifecycle as a project, and the auditor's commands in it."""

import shutil

import pytest
from frozen import thaw

from charter.runtime.audit.past import read_past
from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Ledger
from charter.runtime.project import Project
from charter.runtime.store import ArtifactStore


@pytest.fixture(scope="session")
def loans(tmp_path_factory) -> Project:
    """To be read only."""
    return thaw(tmp_path_factory.mktemp("loans"))


@pytest.fixture
def own(loans, tmp_path) -> Project:
    """A copy that the test may change."""
    return Project(shutil.copytree(loans.root, tmp_path / "own"))


@pytest.fixture(scope="module")
def past(loans):
    with Ledger.open_read_only(loans.ledger_path) as ledger:
        yield read_past(ledger, ArtifactStore(loans.store))


@pytest.fixture
def audit(loans, capsys, monkeypatch):
    """Call `charter audit ...` in the project; gives exit code, output and errors."""

    def call(*arguments, project: Project | None = None, group: str = "audit"):
        monkeypatch.chdir((project or loans).root)
        try:
            code = run_command_line([*([group] if group else []), *map(str, arguments)])
        except SystemExit as end:
            code = end.code
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, output.out, output.err

    return call
