"""The shipped Rego passes OPA's own checks, and what packs say of their rules is what their Rego says."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from charter.policies.catalogue import UnknownPack, base_modules, load_pack, pack_names, schema
from charter.runtime.gates.loopback import find_opa

POLICIES = Path(__file__).parents[2] / "policies"
needs_opa = pytest.mark.usefixtures("opa")


def opa(*arguments: str, at: Path = POLICIES) -> "subprocess.CompletedProcess[str]":
    command = find_opa()
    assert command is not None
    return subprocess.run([command, *arguments], cwd=at, capture_output=True, text=True, check=False)


@pytest.mark.opa
@needs_opa
def test_strict_check_with_the_input_schema() -> None:
    done = opa("check", "--strict", "--schema", "schema/input.schema.json", ".")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.opa
@needs_opa
def test_schema_check_would_find_a_misspelt_path(tmp_path: Path) -> None:
    (tmp_path / "x.rego").write_text("package x\n\ndeny contains 1 if { some e in input.evidence; e.valu > 1 }\n")
    done = opa("check", "--schema", str(POLICIES / "schema" / "input.schema.json"), "x.rego", at=tmp_path)
    assert done.returncode != 0
    assert "undefined ref: e.valu" in done.stderr


@pytest.mark.opa
@needs_opa
def test_formatted() -> None:
    done = opa("fmt", "--list", ".")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.opa
@needs_opa
def test_rego_tests_pass() -> None:
    done = opa("test", "--format", "json", "--ignore", "*.json", ".")
    results = json.loads(done.stdout)
    assert done.returncode == 0
    assert len(results) > 30
    assert [result["name"] for result in results if result.get("fail") or result.get("error")] == []


@pytest.mark.opa
@needs_opa
@pytest.mark.parametrize("name", pack_names())
def test_pack_says_what_its_rego_says(name: str) -> None:
    report = json.loads(opa("inspect", "-a", "-f", "json", f"{name}/{name}.rego").stdout)
    annotated = [item["annotations"] for item in report["annotations"]]
    in_rego = {
        item["custom"]["rule"]: {"title": item["title"], **{k: v for k, v in item["custom"].items() if k != "rule"}}
        for item in annotated
        if "rule" in item.get("custom", {})
    }
    assert in_rego == dict(load_pack(name).rules)


@pytest.mark.parametrize("name", pack_names())
def test_every_rule_has_its_rego_its_test_and_its_clause(name: str) -> None:
    pack = load_pack(name)
    text = (POLICIES / name / f"{name}.rego").read_text()
    tests = (POLICIES / name / f"{name}_test.rego").read_text()
    assert pack.rules
    for rule, about in pack.rules.items():
        assert f'met contains "{rule}"' in text
        assert f'"{rule}"' in tests
        assert about["clauses"], rule
        assert about["remedy"], rule
        assert about["severity"] in {"advisory", "mandatory", "absolute"}


def test_catalogue_lists_and_loads() -> None:
    assert pack_names() == ("core",)
    pack = load_pack("core")
    assert (pack.name, pack.version) == ("core", "1.0.0")
    assert list(pack.modules) == ["charter/packs/core/core.rego"], "tests are no part of a bundle"
    assert "charter/main.rego" in base_modules()


@pytest.mark.parametrize(
    ("asked", "suggestion"), [("cor", "core"), ("kore", "core"), ("gdpr", None), ("../core", "core")]
)
def test_unknown_pack(asked: str, suggestion: str | None) -> None:
    with pytest.raises(UnknownPack) as caught:
        load_pack(asked)
    assert caught.value.name == asked
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize("name", ["lib", "schema", "", ".", "core/../core"])
def test_folders_that_are_no_packs(name: str) -> None:
    with pytest.raises(UnknownPack):
        load_pack(name)


@pytest.mark.parametrize(("name", "version"), [("input", "input/2"), ("input.1", "input/1"), ("result", "result/1")])
def test_schemas_are_draft_2020_12(name: str, version: str) -> None:
    from jsonschema import Draft202012Validator

    document: Any = schema(name)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"].endswith(f"/{version}")
