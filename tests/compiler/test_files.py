"""Files that a charter names: inside the project, regular, readable, or refused with the reason."""

import os
from pathlib import Path

import pytest
from base import whole

from charter.compiler.code import code_files, defines, module_file, parse_callable
from charter.compiler.compile import compile_charter
from charter.compiler.files import ProjectFiles, Refusal
from charter.compiler.named import schema_problem


@pytest.fixture
def project(tmp_path: Path) -> ProjectFiles:
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "data" / "rows.csv").write_text("a\n1\n")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    return ProjectFiles(root)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "CH0901"),
        (" ", "CH0901"),
        (".", "CH0901"),
        ("data", "CH0901"),
        ("data/rows.csv/", None),
        ("data/./rows.csv", None),
        ("data/missing.csv", "CH0901"),
        ("data/rows.csv/x", "CH0901"),
        ("a\0b", "CH0901"),
        ("../secret.csv", "CH0902"),
        ("data/../../secret.csv", "CH0902"),
        ("/etc/passwd", "CH0902"),
        ("C:/x", "CH0902"),
        ("data\\rows.csv", "CH0902"),
        ("x" * 5000, "CH0901"),
    ],
)
def test_paths(project: ProjectFiles, written: str, code: str | None):
    found = project.locate(written)
    assert (found.code if isinstance(found, Refusal) else None) == code


def test_links(project: ProjectFiles):
    (project.root / "out.csv").symlink_to(project.root.parent / "secret.csv")
    (project.root / "in.csv").symlink_to(project.root / "data" / "rows.csv")
    (project.root / "round.csv").symlink_to(project.root / "round.csv")
    (project.root / "folder").symlink_to(project.root.parent)
    codes = [getattr(project.locate(name), "code", None) for name in ("out.csv", "in.csv", "round.csv")]
    assert codes == ["CH0902", None, "CH0901"]
    assert getattr(project.locate("folder/secret.csv"), "code", None) == "CH0902"


def test_a_pipe_is_not_opened(project: ProjectFiles):
    os.mkfifo(project.root / "pipe")
    assert isinstance(project.read("pipe"), Refusal)


def test_reading(project: ProjectFiles):
    (project.root / "large").write_bytes(b"x" * 101)
    (project.root / "binary").write_bytes(b"\xff\xfe\x00")
    (project.root / "bom").write_bytes(b"\xef\xbb\xbfhello")
    large, binary = project.read("large", most=100), project.read("binary")
    assert isinstance(large, Refusal) and large.code == "CH0907" and "100 bytes" in large.detail
    assert isinstance(binary, Refusal) and binary.code == "CH0907" and "UTF-8" in binary.detail
    assert project.read("bom") == "hello"


@pytest.mark.parametrize(
    "text", ["", "f", "a:b:c", "a.b", "a..b:f", ".a:f", "a:f()", "a b:f", "a:1f", "../a:f", "a/b:f", "à:f"]
)
def test_no_callable(text: str):
    assert parse_callable(text) is None


def test_code_and_what_it_imports(tmp_path: Path):
    package = tmp_path / "credit"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text(
        "import numpy\nimport helpers\nfrom . import features\nfrom .deep.more import x\n"
        "def fit(context):\n    from credit import late\n"
    )
    (package / "features.py").write_text("from credit.train import fit\n")
    (package / "late.py").write_text("")
    (package / "unused.py").write_text("")
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "more.py").write_text("from ..features import *\nfrom .... import nothing\n")
    (tmp_path / "helpers.py").write_text("this is no python")
    assert code_files("credit.train:fit", tmp_path) == (
        "credit/__init__.py",
        "credit/deep/__init__.py",
        "credit/deep/more.py",
        "credit/features.py",
        "credit/late.py",
        "credit/train.py",
        "helpers.py",
    )
    assert module_file("credit", tmp_path) == Path("credit/__init__.py")
    assert module_file("numpy", tmp_path) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("def fit(c): ...", True),
        ("async def fit(c): ...", True),
        ("class fit: ...", True),
        ("from x import fit", True),
        ("from x import other as fit", True),
        ("from x import fit as other", False),
        ("from x import *", True),
        ("a, fit = f()", True),
        ("fit: int = 3", True),
        ("try:\n    def fit(): ...\nexcept E:\n    pass", True),
        ("if x:\n    pass\nelse:\n    fit = 1", True),
        ("def other():\n    def fit(): ...", False),
        ("", False),
    ],
)
def test_defined_names(tmp_path: Path, text: str, answer: bool):
    path = tmp_path / "m.py"
    path.write_text(text)
    assert defines(path, "fit") is answer


def test_broken_code_says_where(tmp_path: Path):
    path = tmp_path / "m.py"
    path.write_text("x = 1\ndef fit(:\n")
    assert "(line 2)" in str(defines(path, "fit"))
    path.write_bytes(b"\0")
    assert isinstance(defines(path, "fit"), str)


@pytest.mark.parametrize(
    "schema",
    [
        [],
        "x",
        None,
        True,
        {},
        {"type": 3},
        {"type": "objekt"},
        {"properties": {"a": {"$ref": "https://example.org/x.json"}}},
        {"properties": {"a": {"$dynamicRef": "other.json"}}},
        {"minimum": "3"},
        {"pattern": "("},
    ],
)
def test_no_schema(schema: object):
    assert schema_problem(schema)


def test_schema():
    assert (
        schema_problem(
            {"type": "object", "$defs": {"a": {"type": "string"}}, "properties": {"b": {"$ref": "#/$defs/a"}}}
        )
        == ""
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"maximum": 1e400}',
        '{"const": NaN}',
        '{"title": "\\ud800"}',
        "[" * 100_000,
        '{"a": ',
        "",
        '{"type": "object"}}',
        '{"not": ' * 70 + "{}" + "}" * 70,
    ],
)
def test_schema_files_that_are_no_json(tmp_path: Path, text: str):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "applications.csv").write_text("x\n")
    (tmp_path / "s.json").write_text(text)
    charter = whole('dataset more {\n  source csv "data/applications.csv"\n  schema "s.json"\n}')
    result = compile_charter(tmp_path / "x.charter", as_text=charter)
    assert "CH0903" in {item.code for item in result.diagnostics}
    assert result.ir is None


def test_code_that_links_outside_is_refused(tmp_path: Path):
    (tmp_path / "outside.py").write_text("")
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "data" / "applications.csv").write_text("x\n")
    (root / "own.py").write_text("import helper\ndef fit(context): ...\n")
    (root / "helper.py").symlink_to(tmp_path / "outside.py")
    charter = whole(
        'model scorecard {\n  task binary-classification\n  train on applications.train\n  trainer python "own:fit"\n}'
    )
    result = compile_charter(root / "x.charter", as_text=charter)
    assert [item.code for item in result.diagnostics] == ["CH0902"]
    (root / "helper.py").unlink()
    (root / "helper.py").write_text("")
    compiled = compile_charter(root / "x.charter", as_text=charter).ir
    assert compiled is not None and set(compiled.pins) == {"data/applications.csv", "helper.py", "own.py"}


def test_a_file_is_pinned_as_it_was_read(project: ProjectFiles):
    path = project.root / "s.json"
    path.write_text("{}")
    before = project.digest("s.json")
    assert project.read("s.json") == "{}"
    path.write_text("changed")
    assert project.digest("s.json") == before
    assert ProjectFiles(project.root).digest("s.json") != before
