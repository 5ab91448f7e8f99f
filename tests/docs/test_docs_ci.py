"""What a pipeline is told to use is there: hooks that call commands, valid workflows, exit codes that exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pages import ROOT, blocks, text_of

from charter.runtime.cli import main
from charter.runtime.failure import ExitCode
from charter.runtime.scaffold import project_files
from published import PRE_COMMIT, WORKFLOW, published_schema

PAGE = ROOT / "docs" / "ci.md"
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}


def written(name: str) -> Any:
    """The YAML file of this name on the page."""
    (block,) = [block for block in blocks(PAGE, "yaml") if block.rest == name]
    return yaml.safe_load(block.text)


def test_hooks_call_commands_that_exist() -> None:
    assert set(HOOKS) == {"charter-check", "charter-fmt"}
    for hook in HOOKS.values():
        program, command = hook["entry"].split()
        assert program == "charter"
        assert command in main.lazy
        assert re.search(hook["files"], "a/b.charter")
        assert not re.search(hook["files"], "a/.charter/ledger.db")


def test_hooks_fit_the_schema_of_hooks() -> None:
    local = {"repos": [{"repo": "local", "hooks": list(HOOKS.values())}]}
    jsonschema.Draft7Validator(published_schema(PRE_COMMIT)).validate(local)


@pytest.mark.parametrize(
    ("hook", "code", "after"), [("charter-check", 2, "charter   1\n"), ("charter-fmt", 0, "charter 1\n")]
)
def test_hooks_work_on_several_files(tmp_path: Path, hook: str, code: int, after: str) -> None:
    files = [tmp_path / name for name in ("a.charter", "b c.charter")]
    for file in files:
        file.write_text("charter   1\n")
    command = [str(Path(sys.executable).with_name("charter")), *HOOKS[hook]["entry"].split()[1:], *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert [file.read_text() for file in files] == [after, after]


def test_the_configuration_on_the_page_names_hooks_that_exist() -> None:
    configuration = written(".pre-commit-config.yaml")
    jsonschema.Draft7Validator(published_schema(PRE_COMMIT)).validate(configuration)
    assert {hook["id"] for repo in configuration["repos"] for hook in repo["hooks"]} == set(HOOKS)


def test_the_workflow_on_the_page_is_the_one_that_init_writes() -> None:
    workflow = written(".github/workflows/charter.yml")
    assert workflow == yaml.safe_load(project_files("high", "credit")[".github/workflows/charter.yml"])
    # YAML 1.1 reads the key `on` as true.
    workflow["on"] = workflow.pop(True)
    jsonschema.Draft7Validator(published_schema(WORKFLOW)).validate(workflow)
    steps = workflow["jobs"]["check"]["steps"]
    commands = [shlex.split(step["run"], comments=True) for step in steps if "run" in step]
    assert [words[1] for words in commands if words[0] == "charter"] == ["fmt", "check"]
    uploaded = next(step["with"]["sarif_file"] for step in steps if "upload-sarif" in step.get("uses", ""))
    assert any(words[-2:] == [">", uploaded] for words in commands)


def test_exit_codes_on_the_page_exist() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d) \|", text_of(PAGE), re.M)}
    assert codes == {int(code) for code in ExitCode} - {ExitCode.INCOMPLETE}
