"""What other policies would have decided of the frozen lifecycle."""

import csv
import io
import json

import pytest
from frozen import DENIED

ALLOWED = 42
"""The record of the gate that allowed later, with the charter's own bound."""

STRICT = """package charter.packs.core

met contains "approved-before-deploy" if false
because["approved-before-deploy"] contains "nothing is deployed on a Sunday" if input.transition.kind == "deploy"
not_applicable contains "approved-before-deploy" if input.transition.kind != "deploy"

met contains rule if some rule in {"accepted-inputs", "artifacts-named", "data-classified", "evaluated-before-deploy",
  "lawful-basis", "licence-known", "not-prohibited", "origin-known", "measured-evidence", "protected-not-used"}
"""
PACK = {"name": "house", "version": "1", "title": "House", "rules": {"twice": {
    "title": "Two people look", "severity": "mandatory", "clauses": ["house 4"], "remedy": "ask another"}}}  # fmt: skip
HOUSE = """package charter.packs.house

met contains "twice" if count(input.approvals) > 1
not_applicable contains "twice" if input.transition.kind != "approve"
"""


def test_other_bounds(audit, own):
    code, out, _ = audit("whatif", "--charter", "loans.charter", "--set", "min-auc=0.95")
    assert code == 1
    assert "evaluate/holdout:exit: allowed then, denied now" in out
    assert "must be >= 0.95" in out
    assert "live because of them: deploy/production" in out
    charter = own.root / "loans.charter"
    charter.write_text(charter.read_text().replace("min-auc = 0.80", "min-auc = 0.50"))
    code, out, _ = audit("whatif", "--charter", charter, "--format", "json")
    found = json.loads(out)
    assert [(flip["seq"], flip["then"], flip["now"]) for flip in found["flips"]] == [(DENIED, "denied", "allowed")]
    assert (code, found["asked"], found["flips"][0]["deployed"], found["flips"][0]["policies"]) == (
        1,
        25,
        [],
        ["charter"],
    )
    assert "0.999" in found["flips"][0]["because"][0]


def test_the_same_policies_flip_nothing(audit, loans, tmp_path, past):
    opened = list(past.runs.values())[-1]
    for path, text in past.compiled_of(opened).bundle.modules.items():
        if path.startswith("charter/packs/"):
            (tmp_path / path.rpartition("/")[2]).write_text(text)
    code, out, _ = audit("whatif", "--policies", tmp_path)
    assert (code, out) == (0, "0 of 25 past decisions would flip\n")


@pytest.mark.opa
def test_a_stricter_pack_on_either_engine(audit, tmp_path, opa):
    (tmp_path / "core.rego").write_text(STRICT)
    outputs = []
    for engine in ("embedded", "opa"):
        code, out, _ = audit("whatif", "--policies", tmp_path, "--engine", engine, "--format", "json")
        assert code == 1
        outputs.append(json.loads(out)["flips"])
    assert outputs[0] == outputs[1]
    on_deploy = [flip for flip in outputs[0] if flip["gate"].startswith("deploy/")]
    assert [flip["policies"] for flip in on_deploy] == [["core"], ["core"]]
    assert {"nothing is deployed on a Sunday"} <= {text.partition(": ")[2] for text in on_deploy[0]["because"]}
    assert on_deploy[0]["deployed"] == on_deploy[1]["deployed"] != []


def test_a_new_pack(audit, tmp_path):
    (tmp_path / "pack.json").write_text(json.dumps(PACK))
    (tmp_path / "house.rego").write_text(HOUSE)
    code, out, _ = audit("whatif", "--policies", tmp_path, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert {(row["gate"], row["policies"]) for row in rows} >= {("approve/release:exit", "house")}
    assert all("Two people look" in row["because"] for row in rows)


def test_what_an_older_input_does_not_hold_is_not_taken_for_nothing(audit, tmp_path):
    (tmp_path / "pack.json").write_text(json.dumps(PACK))
    (tmp_path / "house.rego").write_text(
        'package charter.packs.house\n\nmet contains "twice" if not large\n'
        'large if { some m in input.models; m.task == "text-generation" }\n'
    )
    code, out, error = audit("whatif", "--policies", tmp_path, "--format", "json")
    assert code == 6, error
    found = json.loads(out)
    assert (found["flips"], len(found["not_asked"])) == ([], 25)
    assert "version 1, without the `models`" in found["not_asked"][0]["why"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "no policies there"),
        ({"x.rego": "package elsewhere\n"}, "policy replaces nothing"),
        ({"x.rego": "no rego"}, "policy replaces nothing"),
        ({"core.rego": "package charter.packs.core\nmet contains"}, "new policies cannot be loaded"),
        (
            {"core.rego": 'package charter.packs.core\nx := http.send({"url": "x", "method": "get"})'},
            "cannot be loaded",
        ),
        ({"core.rego": b"\xff\xfe"}, "not a text file"),
        ({"core.rego": b"package charter.packs.core\n\0"}, "not a text file"),
        ({"core.rego": b"#" * ((4 << 20) + 1)}, "policy is too large"),
        ({"house.rego": HOUSE, "pack.json": "[]"}, "not a pack"),
        ({"house.rego": HOUSE, "pack.json": '{"name": "../x", "rules": {}}'}, "not a pack"),
    ],
)
def test_policies_that_cannot_be_asked(audit, tmp_path, files, says):
    for name, text in files.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, errors = audit("whatif", "--policies", tmp_path)
    assert code == 2
    assert says in errors


def test_wrong_arguments(audit, tmp_path):
    assert audit("whatif")[0] == 2
    assert audit("whatif", "--policies", tmp_path, "--charter", "loans.charter")[0] == 2
    assert audit("whatif", "--policies", "nowhere")[0] == 2
    assert audit("whatif", "--policies", tmp_path, "--set", "a=1")[0] == 2
