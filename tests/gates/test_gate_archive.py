"""The bundle as a file: plain OPA, without Charter, decides the same."""

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import gate_samples as s
import pytest
from click.testing import CliRunner

from charter.compiler.rego.archive import bundle_archive
from charter.runtime.cli.compile import compile_
from charter.runtime.gates.decide import decide_gate
from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.loopback import find_opa

pytestmark = [
    pytest.mark.opa,
    pytest.mark.usefixtures("opa"),
]

POLICY = 'package team.x\n\nimport rego.v1\n\ndeny contains "too many" if count(input.evidence) > 3\n'


def sample() -> Any:
    nasty = 'x"]} := true # \n {{ 7 * 7 }} \u2028'
    policy = s.policy(gate="evaluate/holdout:exit", path="policies/odd name.txt")
    second = s.requirement(id="f1", metric="f1", text=nasty, confidence=0.95)
    return s.bundle(s.requirement(), second, s.approval(), s.criterion(), policy, policies={policy.path: POLICY})


def test_archive_is_always_the_same() -> None:
    one, two = bundle_archive(sample()), bundle_archive(sample())
    assert one == two
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(one))) as archive:
        names = archive.getnames()
        assert names == sorted(names)
        manifest = archive.extractfile("/.manifest")
        assert manifest is not None
        document = json.load(manifest)
    assert document["revision"] == sample().revision
    assert document["roots"] == ["charter", "team/x"]


@pytest.mark.parametrize(
    "facts",
    [
        s.facts(),
        s.facts(evidence=(s.evidence(), s.evidence("f1", 0.9, low=0.8, high=0.95, confidence=0.95))),
        s.facts(evidence=tuple(s.evidence(value=0.1 * n) for n in range(5))),
        s.facts("approve/release:exit", people={"owner": ("o",), "trainer": ("t",)}, approvals=(s.signed("ann"),)),
        s.facts("retire/scorecard:entry"),
        s.facts("train/unknown:entry"),
    ],
    ids=["missing", "allowed", "several", "approval", "retirement", "unknown"],
)
def test_opa_eval_decides_as_the_runtime_does(tmp_path: Path, facts: Any) -> None:
    built = sample()
    engine = EmbeddedEngine()
    engine.load(built)
    ours = decide_gate(engine, s.document(built), facts)
    assert ours.failure is None
    (tmp_path / "bundle.tar.gz").write_bytes(bundle_archive(built))
    (tmp_path / "input.json").write_bytes(ours.input)
    result = opa("eval", "-b", "bundle.tar.gz", "-i", "input.json", "data.charter.main.decision", at=tmp_path)
    theirs = json.loads(result.stdout)["result"][0]["expressions"][0]["value"]
    assert theirs["allow"] is ours.allow
    assert theirs["revision"] == built.revision
    for part in ("violations", "warnings", "obligations"):
        found = sorted(theirs[part], key=lambda item: json.dumps(item, sort_keys=True))
        assert found == sorted(getattr(ours, part), key=lambda item: json.dumps(item, sort_keys=True))
    assert sorted(theirs["evaluated"]) == list(ours.evaluated)


@pytest.mark.parametrize(("strictly", "allowed"), [(True, None), (False, True)])
def test_an_error_in_a_policy_opens_the_gate_unless_opa_is_asked_strictly(
    tmp_path: Path, strictly: bool, allowed: bool | None
) -> None:
    """Why docs/policies.md and `charter compile --bundle` say how to ask: a bundle cannot notice it itself."""
    policy = s.policy(gate="evaluate/holdout:exit")
    erring = 'package team.x\n\ndeny contains "never" if 1 / (count(input.evidence) - 1) > 5\n'
    built = s.bundle(s.requirement(), policy, policies={policy.path: erring})
    engine = EmbeddedEngine()
    engine.load(built)
    ours = decide_gate(engine, s.document(built), s.facts(evidence=(s.evidence(),)))
    engine.close()
    assert (ours.allow, ours.failure) == (False, "engine_failed")
    (tmp_path / "bundle.tar.gz").write_bytes(bundle_archive(built))
    (tmp_path / "input.json").write_bytes(ours.input)
    asked = ["eval", *(["--strict-builtin-errors"] if strictly else []), "-b", "bundle.tar.gz", "-i", "input.json"]
    result = opa(*asked, "data.charter.main.decision", at=tmp_path)
    answers = json.loads(result.stdout).get("result")
    assert (answers[0]["expressions"][0]["value"]["allow"] if answers else None) is allowed
    assert (result.returncode != 0) is strictly


def test_compile_says_how_to_ask_the_bundle(tmp_path: Path) -> None:
    charter = tmp_path / "p.charter"
    (tmp_path / "steps.py").write_text("def first(context):\n    pass\n")
    charter.write_text("""charter 1
lifecycle p {
  version "1"
  owner "o@example.org"
  purpose "To be asked."
  risk minimal
}
dataset first {
  source python "steps:first"
}
""")
    out = CliRunner().invoke(compile_, [str(charter), "--bundle", str(tmp_path / "b.tar.gz")])
    assert out.exit_code == 0, out.output
    assert "opa eval --strict-builtin-errors" in out.output
    assert "?strict-builtin-errors=true" in out.output


def test_bundle_passes_the_checks_of_opa(tmp_path: Path) -> None:
    for path, text in sample().modules.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    schema = Path(__file__).parents[2] / "policies" / "schema" / "input.schema.json"
    checked = opa("check", "--strict", "--schema", str(schema), "charter", at=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    formatted = opa("fmt", "--list", "charter", at=tmp_path)
    assert (formatted.returncode, formatted.stdout) == (0, "")


def test_metadata_names_each_control(tmp_path: Path) -> None:
    (tmp_path / "bundle.tar.gz").write_bytes(bundle_archive(sample()))
    report = json.loads(opa("inspect", "-a", "-f", "json", "bundle.tar.gz", at=tmp_path).stdout)
    custom = [item["annotations"].get("custom", {}) for item in report["annotations"]]
    named = {item["control"]: item for item in custom if "control" in item}
    assert set(named) == {"holdout.roc_auc", "f1", "release", "retirement.drift.roc_auc", "no-proxy@train/scorecard"}
    assert named["holdout.roc_auc"]["severity"] == "mandatory"
    assert named["holdout.roc_auc"]["remedy"]
    assert named["no-proxy@train/scorecard"]["clauses"] == ["eu-ai-act Art. 10(2)(f)"]


def opa(*arguments: str, at: Path) -> "subprocess.CompletedProcess[str]":
    command = find_opa()
    assert command is not None
    return subprocess.run([command, *arguments], cwd=at, capture_output=True, text=True, check=False)
