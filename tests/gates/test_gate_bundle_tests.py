"""The Rego tests in a bundle's file: `opa test` runs them, and they notice a bundle that allows."""

import subprocess
from pathlib import Path

import gate_samples as s
import msgspec
import pytest

from charter.compiler.rego.archive import TESTS, bundle_archive, bundle_files
from charter.runtime.gates.loopback import find_opa

pytestmark = [pytest.mark.opa, pytest.mark.usefixtures("opa")]


def test_opa_test_passes_on_a_bundle_and_notices_one_that_allows(tmp_path: Path) -> None:
    built = s.bundle(s.requirement(), s.approval())
    assert TESTS not in built.modules, "no engine of a gate loads tests"
    (tmp_path / "bundle.tar.gz").write_bytes(bundle_archive(built))
    passed = opa("test", "-b", "bundle.tar.gz", at=tmp_path)
    assert passed.returncode == 0 and "PASS: 4/4" in passed.stdout, passed.stdout + passed.stderr
    path, main = next(item for item in built.modules.items() if "default decision := {" in item[1])
    modules = {**built.modules, path: main.replace('"allow": false', '"allow": true')}
    assert modules != built.modules
    (tmp_path / "open.tar.gz").write_bytes(bundle_archive(msgspec.structs.replace(built, modules=modules)))
    failed = opa("test", "-b", "open.tar.gz", at=tmp_path)
    assert failed.returncode != 0 and "test_nothing_asked_is_denied: FAIL" in failed.stdout


def test_they_pass_the_checks_of_opa(tmp_path: Path) -> None:
    for path, content in bundle_files(s.bundle(s.requirement())).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    schema = Path(__file__).parents[2] / "policies" / "schema" / "input.schema.json"
    for arguments in (("check", "--strict", "--schema", str(schema), "charter"), ("fmt", "--list", "charter")):
        done = opa(*arguments, at=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), arguments


def opa(*arguments: str, at: Path) -> "subprocess.CompletedProcess[str]":
    command = find_opa()
    assert command is not None
    return subprocess.run([command, *arguments], cwd=at, capture_output=True, text=True, check=False)
