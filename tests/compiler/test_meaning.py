"""Meaning: what a reader would call the same charter has one digest, and nothing else has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charter.compiler.compile import compile_charter
from charter.compiler.ir import IR

SPINE = Path(__file__).parent.parent / "cases" / "credit-spine" / "credit-spine.charter"
TEXT = SPINE.read_text("utf-8")


def compiled(text: str, **overrides: str) -> IR:
    result = compile_charter(SPINE, as_text=text, overrides={key.replace("_", "-"): v for key, v in overrides.items()})
    assert result.ir is not None, result.diagnostics
    return result.ir


ORIGINAL = compiled(TEXT)

SAME = {
    "comments": TEXT.replace("  risk     high\n", "  risk     high   # as agreed\n"),
    "blank lines": TEXT.replace("\n\n", "\n\n\n\n"),
    "spaces": TEXT.replace("  risk     high", "  risk high"),
    "version": TEXT.replace('"2.1.0"', '"3.0.0"'),
    "percent": TEXT.replace("expected_calibration_error <= 5%", "expected_calibration_error <= 0.05"),
    "digits": TEXT.replace("rows >= 5_000", "rows >= 5000.0"),
    "order of keys": TEXT.replace("dropout: 0.1, epochs: 20,", "epochs: 20, dropout: 0.1,"),
    "order of declarations": "\n\n".join([TEXT.split("\n\n")[0], *reversed(TEXT.split("\n\n")[1:])]),
    "units": TEXT.replace("24 months", "2 years").replace("10 minutes, memory", "600 seconds, memory"),
}
OTHER = {
    "a bound": TEXT.replace("parameter min-auc = 0.75", "parameter min-auc = 0.74"),
    "a comparison": TEXT.replace("psi of each feature <= 0.2", "psi of each feature < 0.2"),
    "an enforcement": TEXT.replace("enforce advisory", "enforce mandatory"),
    "a quorum": TEXT.replace("quorum 2", "quorum 3"),
    "an exclusion": TEXT.replace("excluding owner, trainer", "excluding trainer"),
    "validity": TEXT.replace("valid     30 days", "valid     60 days"),
    "a seed": TEXT.replace("seed: 7", "seed: 8"),
    "a hyperparameter": TEXT.replace("dropout: 0.1", "dropout: 0.2"),
    "owner": TEXT.replace("credit-models@bank.example", "someone@bank.example"),
    "a waiver's day": TEXT.replace("2027-03-31", "2028-03-31"),
    "a step's order": TEXT.replace(
        "    drop duplicates\n    drop columns applicant_name, email\n",
        "    drop columns applicant_name, email\n    drop duplicates\n",
    ),
    "members": TEXT.replace("members at least 3", "members at least 4"),
    "purpose": TEXT.replace("within 12 months", "within 24 months"),
    "a reaction": TEXT.replace("otherwise retrain", "otherwise rollback"),
    "checks": TEXT.replace("for 3 checks", "for 2 checks"),
}


@pytest.mark.parametrize("change", SAME)
def test_same_meaning(change: str):
    assert SAME[change] != TEXT
    assert compiled(SAME[change]).meaning == ORIGINAL.meaning


@pytest.mark.parametrize("change", OTHER)
def test_other_meaning(change: str):
    assert OTHER[change] != TEXT
    other = compiled(OTHER[change])
    assert other.meaning != ORIGINAL.meaning
    assert other.digest != ORIGINAL.digest


def test_overrides_are_part_of_the_meaning():
    assert compiled(TEXT, min_auc="0.8").meaning != ORIGINAL.meaning
    assert compiled(TEXT, min_auc="75%").meaning == ORIGINAL.meaning
    assert compiled(TEXT, min_auc="0.8").parameters == {"min-auc": 0.8}


def test_data_is_pinned_but_no_meaning(tmp_path: Path):
    for path in SPINE.parent.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(SPINE.parent)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    charter = tmp_path / SPINE.name
    before = compile_charter(charter).ir
    with (tmp_path / "data" / "recent.csv").open("a") as stream:
        stream.write("31,m,25-40,11,clerk,1\n")
    after = compile_charter(charter).ir
    assert before is not None and after is not None
    assert before.meaning == after.meaning == ORIGINAL.meaning
    assert before.digest == ORIGINAL.digest, "where a project lies is no part of its IR"
    assert {path for path in before.pins if before.pins[path] != after.pins[path]} == {"data/recent.csv"}


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_bytes_do_not_depend_on_the_hash_seed(seed: str):
    program = (
        "import sys, pathlib; from charter.compiler.compile import compile_charter; "
        "from charter.compiler.codec import encode_ir; "
        "sys.stdout.buffer.write(encode_ir(compile_charter(pathlib.Path(sys.argv[1])).ir))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(SPINE)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
    )
    from charter.compiler.codec import encode_ir

    assert done.stdout == encode_ir(ORIGINAL)
