"""What the pages list is what the code has: commands, options, exit codes, reasons to deny, what is not there yet."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import pytest
from console import typed
from pages import PAGES, ROOT, Block, blocks, text_of

from charter.dsl.parse import parse
from charter.dsl.source import Source
from charter.dsl.vocabulary import BLOCKS
from charter.runtime.cli import LazyGroup, main
from charter.runtime.failure import ExitCode
from charter.runtime.stages.parameters import Parameters

README = ROOT / "README.md"
GENERATED = {"commands.md", "language.md"}


def commands(group: LazyGroup = main, name: str = "charter") -> Iterator[str]:
    for word in group.lazy:
        command = group.get_command(click.Context(group), word)
        if isinstance(command, LazyGroup):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}"


def test_the_table_of_the_readme_has_every_command():
    rows = re.findall(r"^\| (`charter [^|]*) \|", text_of(README), re.M)
    listed = [name for row in rows for name in re.findall(r"`([^`]*)`", row)]
    assert sorted(listed) == sorted(commands())


def test_the_readme_has_every_exit_code():
    rows = re.findall(r"^\| (\d) \| (.+) \|$", text_of(README), re.M)
    told = dict(re.findall(r"^  (\d)  (.+)$", main.epilog or "", re.M))
    assert dict(rows) == told
    assert {int(code) for code in told} == {int(code) for code in ExitCode}


def shell_lines() -> list[tuple[str, str]]:
    """Every `charter ...` line in a block that a shell is meant to read, and the page that it is on."""
    found = []
    for page in PAGES:
        for block in blocks(page, "console", "sh"):
            lines = [item.command for item in typed(block.text)] if block.language == "console" else []
            lines = lines or block.text.splitlines()
            found += [(str(page.relative_to(ROOT)), line) for line in lines if line.startswith("charter ")]
    return found


@pytest.mark.parametrize(("page", "line"), shell_lines())
def test_commands_on_the_pages_exist_with_their_options(page: str, line: str):
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    while isinstance(command, LazyGroup) and words and words[0] in command.lazy:
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None
        command = found
    assert not isinstance(command, LazyGroup) or words in ([], ["--help"], ["--version"]), f"{page}: {line}"
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
    assert used <= options, f"{page}: {line}"


def test_the_readme_lists_what_the_language_refuses():
    marked = re.search(r"<!-- not yet: begin -->(.*?)<!-- not yet: end -->", text_of(README), re.S)
    assert marked is not None
    listed = {" ".join(name.split()) for name in re.findall(r"`([^`]*)`", marked[1])}
    refused = {block.keyword for block in BLOCKS if not block.runs} | {
        f"{block.keyword} {clause.keyword}"
        for block in BLOCKS
        for top in block.clauses
        for clause in (top, *top.children)
        if not clause.runs
    }
    assert listed == refused


def test_the_policies_page_lists_every_reason_to_deny():
    rego = [ROOT / "policies" / "decide.rego", *(ROOT / "policies" / "lib").glob("*.rego")]
    python = (ROOT / "runtime" / "gates").glob("*.py")
    told = r'(?:"code": |finding\(\s*|broken\(\s*|EngineFailure\(\s*|InputRefused\(\s*)"([a-z_]+)"'
    codes = {code for path in (*rego, *python) for code in re.findall(told, path.read_text("utf-8"))}
    assert len(codes) > 25
    page = text_of(ROOT / "docs" / "policies.md")
    assert {code for code in codes if f"`{code}`" not in page} == set()


def charter_blocks() -> list[Block]:
    return [block for page in PAGES if page.name not in GENERATED for block in blocks(page, "charter")]


@pytest.mark.parametrize("block", charter_blocks(), ids=str)
def test_charter_blocks_are_charters(block: Block):
    """Whole ones are also compiled and run, by test_docs_tour.py."""
    fragment = block.rest == "fragment"
    assert fragment or block.text.startswith("charter 1\n"), "mark a part of a charter as `fragment`"
    _, findings = parse(Source("page", f"charter 1\n\n{block.text}" if fragment else block.text))
    assert [item for item in findings if item.severity == "error"] == []


def test_the_built_in_trainers_parameters_are_listed():
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\S.*?) \| ", text_of(ROOT / "docs" / "writing-stages.md"), re.M))
    defaults = {name.replace("_", "-"): shown(value) for name, value in asdict(Parameters()).items()}
    assert rows == defaults | {"seed": "`0`"}


def shown(value: object) -> str:
    if value is None:
        return "none"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def test_pages_stay_short():
    long = [page for page in Path(ROOT / "docs").glob("*.md") if page.name not in {*GENERATED, "ledger-format.md"}]
    assert [page.name for page in long if len(text_of(page).splitlines()) > 200] == []
