"""Files that are missing, wrong, huge or hostile."""

import os
import socket
from pathlib import Path

import pytest

from charter.dsl import load
from charter.dsl.load import load_source
from charter.dsl.parse import parse


def refused(path: Path) -> tuple[str, str]:
    source, found = load_source(path, shown_as="shown.charter")
    assert source is None
    (item,) = found
    assert item.span is not None
    assert item.span.path == "shown.charter"
    return item.code, item.detail


def test_reads_text(tmp_path: Path) -> None:
    path = tmp_path / "a.charter"
    path.write_bytes("charter 1\r\n# größe\r\n".encode())
    source, found = load_source(path)
    assert found == ()
    assert source is not None
    assert source.path == str(path)
    assert source.text == "charter 1\r\n# größe\r\n"


def test_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.charter"
    path.write_bytes(b"\xef\xbb\xbfcharter 2\r\n")
    source, _ = load_source(path)
    assert source is not None
    (item,) = parse(source)[1]
    assert item.span is not None
    assert source.position(item.span.start).column == 9


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"# nothing\r\n", b"   "])
def test_empty(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.charter"
    path.write_bytes(data)
    source, _ = load_source(path)
    assert source is not None
    assert [item.code for item in parse(source)[1]] == ["CH0006"]


def test_missing(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.charter")[0] == "CH0001"
    assert refused(tmp_path / "none" / "none.charter")[0] == "CH0001"
    assert refused(Path("a\0b"))[0] == "CH0001"
    assert refused(tmp_path / ("x" * 5000))[0] == "CH0001"


def test_dangling_and_looping_link(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(tmp_path / "dangling")[0] == "CH0001"
    assert refused(tmp_path / "loop")[0] == "CH0001"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_not_permitted(tmp_path: Path) -> None:
    path = tmp_path / "a.charter"
    path.write_text("charter 1\n")
    path.chmod(0)
    assert refused(path)[0] == "CH0001"


def test_directory(tmp_path: Path) -> None:
    code, detail = refused(tmp_path)
    assert (code, "a directory" in detail) == ("CH0002", True)


def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    code, detail = refused(tmp_path / "pipe")
    assert (code, "a pipe" in detail) == ("CH0002", True)


def test_device() -> None:
    assert refused(Path("/dev/zero"))[0] == "CH0002"
    assert refused(Path("/dev/null"))[0] == "CH0002"


def test_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert refused(Path("s"))[0] in {"CH0001", "CH0002"}


def test_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.charter"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024 * 1024)  # sparse: takes no room

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(load.os, "fdopen", fail)
    code, detail = refused(path)
    assert code == "CH0003"
    assert "53,687,091,200 bytes" in detail


def test_just_small_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.charter"
    path.write_bytes(b"#" * load.MAX_BYTES)
    assert load_source(path)[0] is not None
    path.write_bytes(b"#" * (load.MAX_BYTES + 1))
    assert refused(path)[0] == "CH0003"


def test_file_that_lies_about_its_size() -> None:
    # Files of /proc say that they have no bytes, and have some.
    source, found = load_source(Path("/proc/self/status"))
    assert found == ()
    assert source is not None
    assert "Name:" in source.text


def test_binary(tmp_path: Path) -> None:
    path = tmp_path / "a.charter"
    path.write_bytes(b"charter 1\n\0\xff")
    code, detail = refused(path)
    assert (code, "offset 10" in detail) == ("CH0004", True)


@pytest.mark.parametrize(
    "data", [b"owner \xff", "größe".encode("latin-1"), b"\xed\xa0\x80", b"\xc0\x80", "größe".encode()[:-2]]
)
def test_not_utf8(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.charter"
    path.write_bytes(b"charter 1\n" + data)
    code, detail = refused(path)
    assert code == "CH0005"
    assert "line 2" in detail


def test_utf16_is_called_binary(tmp_path: Path) -> None:
    path = tmp_path / "a.charter"
    path.write_bytes("charter 1\n".encode("utf-16"))
    assert refused(path)[0] in {"CH0004", "CH0005"}
