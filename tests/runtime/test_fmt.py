"""`charter fmt`: which files it takes, what it writes, and how it ends."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from charter.runtime.cli import run_command_line

UGLY = b"charter   1\nrole r {\nmembers at least 3\n}\n"
NEAT = b"charter 1\n\nrole r {\n  members at least 3\n}\n"
BROKEN = b"charter 1\nrole r {\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(name: str, data: bytes = UGLY) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_file_is_laid_out_once_and_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    path = make("a.charter")
    assert run_command_line(["fmt", "a.charter"]) == 0
    assert path.read_bytes() == NEAT
    assert "formatted: a.charter" in capsys.readouterr().err
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert run_command_line(["fmt", "a.charter"]) == 0
    assert "1 file: 1 unchanged" in capsys.readouterr().err
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


@pytest.mark.parametrize("data", [NEAT.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + NEAT, NEAT + b"\n", NEAT[:-1]])
def test_what_no_one_sees_is_laid_out_too(data: bytes) -> None:
    path = make("a.charter", data)
    assert run_command_line(["fmt", "--check", "a.charter"]) == 1
    assert path.read_bytes() == data
    assert run_command_line(["fmt", "a.charter"]) == 0
    assert path.read_bytes() == NEAT


def test_check_lists_files_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    ugly, neat = make("a.charter"), make("b.charter", NEAT)
    assert run_command_line(["fmt", "--check", "a.charter", "b.charter"]) == 1
    assert (ugly.read_bytes(), neat.read_bytes()) == (UGLY, NEAT)
    err = capsys.readouterr().err
    assert "would format: a.charter" in err
    assert "b.charter" not in err
    assert run_command_line(["fmt", "--check", "b.charter"]) == 0


def test_diff_shows_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    path = make("a.charter", UGLY.replace(b"3\n", b"3\r\n"))
    assert run_command_line(["fmt", "--diff"]) == 1
    out = capsys.readouterr().out
    assert "-charter   1\n+charter 1\n" in out
    assert "-members at least 3\\r\n" in out
    assert path.read_bytes() != NEAT
    make("a.charter", NEAT)
    assert run_command_line(["fmt", "--diff"]) == 0
    assert capsys.readouterr().out == ""


def test_a_broken_file_is_left_and_the_others_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    broken, ugly = make("a.charter", BROKEN), make("b.charter")
    assert run_command_line(["fmt"]) == 2
    assert broken.read_bytes() == BROKEN
    assert ugly.read_bytes() == NEAT
    err = capsys.readouterr().err
    assert "CH0020" in err
    assert "left as it is: a.charter" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\0b", b"x" * (8 * 1024 * 1024 + 1)])
def test_what_is_no_text_is_left(data: bytes) -> None:
    path = make("a.charter", data)
    assert run_command_line(["fmt", "a.charter"]) == 2
    assert path.read_bytes() == data


def test_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["fmt", "none.charter"]) == 2
    assert "CH0001" in capsys.readouterr().err


def test_nothing_to_do_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    make("a.txt")
    assert run_command_line(["fmt"]) == 2
    assert "no charter here" in capsys.readouterr().err


def test_directories_are_walked_but_not_hidden_ones_and_links(tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "x.charter").write_bytes(UGLY)
    kept = [make(".git/a.charter"), make("sub/.charter/a.charter"), make("a.txt"), outside / "x.charter"]
    changed = [make("sub/deep/a.charter"), make("sub/b.charter")]
    Path("sub/linked").symlink_to(outside)
    Path("sub/link.charter").symlink_to(outside / "x.charter")
    Path("sub/loop").symlink_to(".")
    Path("sub/dir.charter").mkdir()
    assert run_command_line(["fmt", "sub", "sub/b.charter"]) == 0
    assert [path.read_bytes() for path in changed] == [NEAT, NEAT]
    assert [path.read_bytes() for path in kept] == [UGLY] * 4


def test_never_through_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    target = make("target.txt")
    Path("a.charter").symlink_to(target)
    assert run_command_line(["fmt", "a.charter"]) == 2
    assert target.read_bytes() == UGLY
    assert "symbolic link" in capsys.readouterr().err
    assert run_command_line(["fmt", "--check", "a.charter"]) == 1


def test_permissions_stay() -> None:
    path = make("a.charter")
    path.chmod(0o640)
    assert run_command_line(["fmt", "a.charter"]) == 0
    assert path.stat().st_mode & 0o7777 == 0o640
    assert [str(item) for item in Path().iterdir()] == ["a.charter"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
def test_a_file_that_may_not_be_written() -> None:
    path = make("a.charter")
    path.chmod(0o440)
    assert run_command_line(["fmt", "a.charter"]) == 4
    assert path.read_bytes() == UGLY


def test_a_write_that_fails_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    path = make("a.charter")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    assert run_command_line(["fmt", "a.charter"]) == 4
    assert path.read_bytes() == UGLY
    assert [str(item) for item in Path().iterdir()] == ["a.charter"]


@pytest.mark.parametrize(("data", "code", "out"), [(UGLY, 0, NEAT), (NEAT, 0, NEAT), (BROKEN, 2, b"")])
def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: bytes, code: int, out: bytes
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run_command_line(["fmt", "-"]) == code
    assert capsys.readouterr().out.encode() == out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    make("a.charter", BROKEN)
    make("b.charter")
    make("c.charter", NEAT)
    assert run_command_line(["fmt", "--json", "--check"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "files": [
            {"path": "a.charter", "outcome": "refused"},
            {"path": "b.charter", "outcome": "would format"},
            {"path": "c.charter", "outcome": "unchanged"},
        ]
    }
