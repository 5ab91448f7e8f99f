"""Every command that reads a charter, on every kind of bad file: a message with a code, in bounded time and memory."""

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dsl_base import CREDIT

from charter.compiler import compile as compiling
from charter.compiler.files import ProjectFiles
from charter.dsl import load
from charter.runtime.cli import run_command_line

MANY = 5_000
"""Deep enough to overflow any recursion; how cost grows is measured in test_dsl_hostile.py."""
SPINE = CREDIT.parent / "credit-spine"
COMMANDS = (("check",), ("fmt", "--check"), ("compile", "-o", "out.json"), ("graph",))

CONTENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "binary": (lambda: bytes(range(256)) * 16, "CH0004"),
    "an executable": (lambda: Path(sys.executable).read_bytes()[:100_000], "CH0004"),
    "UTF-16": (lambda: "charter 1\n".encode("utf-16"), "CH0004"),
    "Latin-1": (lambda: "charter 1\n# größe\n".encode("latin-1"), "CH0005"),
    "a lone surrogate": (lambda: "charter 1\nrole \ud800 {\n}\n".encode("utf-8", "surrogatepass"), "CH0005"),
    "old line ends": (lambda: b"charter 1\rrole r {\r}\r", "CH0007"),
    "braces": (lambda: b"{" * MANY, "CH0024"),
    "braces, all closed": (lambda: b"charter 1\nrole r " + b"{" * MANY + b"}" * MANY, "CH0024"),
    "closing braces": (lambda: b"charter 1\n" + b"}" * MANY, "CH0021"),
    "mappings": (lambda: b"charter 1\nmodel m {\nparameters " + b"{ a: " * MANY + b"1" + b" }" * MANY, "CH0025"),
    "lists": (lambda: b"charter 1\nmodel m {\nparameters { a: " + b"[" * MANY + b"]" * MANY + b" }\n}\n", "CH0025"),
}
"""What is in the file, and the code that must be named."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(command: tuple[str, ...], file: str, capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """All that a command says of a file; it ends with this exit code, and is not at a loss."""
    assert run_command_line([*command, "--", file]) == code, capsys.readouterr()
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert "a bug in Charter" not in captured.err
    return captured.out + captured.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("content", CONTENTS)
def test_contents(content: str, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    make, expected = CONTENTS[content]
    Path("bad.charter").write_bytes(make())
    shown = said(command, "bad.charter", capsys)
    assert expected in shown
    assert len(shown) < 20_000
    assert not Path("out.json").exists()


def _special(name: str) -> str:
    path = Path("bad.charter")
    match name:
        case "a pipe":
            os.mkfifo(path)
        case "a directory":
            path.mkdir()
        case "a link to itself":
            path.symlink_to(path)
        case "links in a ring":
            path.symlink_to("other.charter")
            Path("other.charter").symlink_to(path)
        case "a dangling link":
            path.symlink_to("nowhere")
        case "a link to a device":
            path.symlink_to("/dev/zero")
        case "50 MB":
            with path.open("wb") as file:
                file.truncate(50 * 1024 * 1024)
        case "a device":
            return "/dev/zero"
        case "a name that is too long":
            return "x" * 5000
        case "a name that is no text":
            return "\udcff.charter"
        case "a name that colours the terminal":
            return "\x1b[31m.charter"
        case "a file under a file":
            path.touch()
            return "bad.charter/x.charter"
        case "a path outside":
            return f"{'../' * 50}none/such.charter"
    return str(path)


SPECIAL = {
    "a pipe": "CH0002",
    "a directory": "CH0002",
    "a link to itself": "CH0001",
    "links in a ring": "CH0001",
    "a dangling link": "CH0001",
    "a link to a device": "CH0002",
    "50 MB": "CH0003",
    "a device": "CH0002",
    "a name that is too long": "CH0001",
    "a name that is no text": "CH0001",
    "a name that colours the terminal": "CH0001",
    "a file under a file": "CH0001",
    "a path outside": "CH0001",
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("name", SPECIAL)
def test_files_that_are_none(name: str, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(command, _special(name), capsys)
    # Of a directory `fmt` takes the charters in it; there is none.
    wanted = "no charter here" if (name, command[0]) == ("a directory", "fmt") else SPECIAL[name]
    assert wanted in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("code", ["", " ", "CH9999", "../CH0001", "CH0001/../CH0002", "\x1b[31m", "\udcff", "x" * 5000])
def test_explain_of_no_code(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain", "--", code]) == 2
    shown = capsys.readouterr().err
    assert "no such code" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"\ufeff{text}",
        lambda text: f"\ufeff{text}".replace("\n", "\r\n"),
        lambda text: text.replace("  ", "\t"),
    ],
    ids=["CRLF", "BOM", "BOM and CRLF", "tabs"],
)
def test_other_spellings_mean_the_same(spell: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(SPINE, "here")
    path = Path("here/credit-spine.charter")
    text = path.read_text("utf-8")
    shown = compiled(path, capsys)
    path.write_text(spell(text), "utf-8", newline="")
    assert compiled(path, capsys) == shown
    assert run_command_line(["check", str(path)]) == 0
    assert run_command_line(["fmt", str(path)]) == 0
    laid_out = path.read_bytes()
    path.write_text(text, "utf-8")
    assert run_command_line(["fmt", str(path)]) == 0
    assert path.read_bytes() == laid_out
    capsys.readouterr()


def compiled(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The digest of what the charter means."""
    assert run_command_line(["compile", str(path)]) == 0
    (line,) = re.findall(r"^  meaning .*", capsys.readouterr().out, re.M)
    return line


def test_a_file_that_vanishes_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")  # what a network file system says then

    Path("a.charter").write_text("charter 1\n")
    monkeypatch.setattr(load.os, "fdopen", gone)
    for command in COMMANDS:
        assert "CH0001" in said(command, "a.charter", capsys)


def test_a_data_file_that_vanishes_before_it_is_pinned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Left out of the pins, nobody would hold it to what was reviewed."""
    shutil.copytree(SPINE, "here")
    files = sorted(path.relative_to("here") for path in Path("here/data").iterdir())
    pin = compiling.pin_files

    def remove_first(charter: object, project: ProjectFiles) -> dict[str, str]:
        for path in files:
            Path("here", path).unlink()
        return pin(charter, project)  # type: ignore[arg-type]

    monkeypatch.setattr(compiling, "pin_files", remove_first)
    assert run_command_line(["compile", "here/credit-spine.charter"]) == 4
    assert "is gone or another file now" in capsys.readouterr().err
    assert not Path("here/credit-spine.json").exists()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking at a file and opening it somebody may put a pipe there."""
    os.mkfifo(tmp_path / "pipe")
    files = ProjectFiles(tmp_path)
    monkeypatch.setattr(ProjectFiles, "locate", lambda self, written: self.root / written)
    assert getattr(files.read("pipe"), "code", None) == "CH0907"
    with pytest.raises(OSError, match="no regular file"):
        files.digest("pipe")


WORST = {
    "words": b"a " * (load.MAX_BYTES // 2),
    "line ends": b"\n" * load.MAX_BYTES,
    "braces": b"{" * 100_000,
    "mappings": b"charter 1\nmodel m {\nparameters " + b"{ a: " * 100_000,
}


@pytest.mark.parametrize("name", WORST)
def test_the_largest_file_takes_bounded_time_and_memory(name: str) -> None:
    Path("a.charter").write_bytes(WORST[name])

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))  # seconds of the processor, whatever else it does

    done = subprocess.run(
        [sys.executable, "-m", "charter.runtime.main", "check", "a.charter"],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "error CH00" in done.stdout


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_name_that_is_no_text_is_shown_in_every_format(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Terminals take no halves of characters, and neither does what the test captures.
    name = "\udcff.charter"
    Path(name).write_text("charter 1\nrole r {\n}\n")
    said(("check", "--format", form), name, capsys)
    said(("fmt", "--diff"), name, capsys, code=1)
