"""`charter sign`: the meaning is signed, as it was shown; formatting keeps it, a change of meaning voids it."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small import CHARTER, Small

from charter.runtime.session import compiled
from charter.runtime.trust import file
from charter.runtime.trust.changes import Revocation, extend
from charter.runtime.trust.keys import read_private_key
from charter.runtime.trust.meaning import judge, read_envelopes, signature_path

REGO = 'package own\n\ndeny contains "never" if input.schema == 0\n'
SIGNING = (
    CHARTER.replace("waiver", 'policy own {\n  rego    "own.rego"\n  before  validate\n}\n\nwaiver', 1)
    .replace("role risk-officer", "parameter least = 10\n\nrole risk-officer", 1)
    .replace("rows >= 10", "rows >= least")
)


@pytest.fixture(scope="module")
def signed_once(small_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Small(Path(shutil.copytree(small_once, tmp_path_factory.mktemp("signed") / "p")))
    (made.root / "own.rego").write_text(REGO)
    made.write(SIGNING)
    for who in ("bob", "carol"):
        code, out, err = made.charter("sign", "--key", f"{who}.key", "--yes", "--comment", "Read.")
        assert code == 0, err
        assert "unless `rows` is at least 10" in out and "own.rego, as it is now" in out
    return made.root


@pytest.fixture
def signed(signed_once: Path, tmp_path: Path) -> Small:
    return Small(Path(shutil.copytree(signed_once, tmp_path / "p")))


def _state(small: Small) -> str:
    code, out, err = small.charter("check")
    assert code == 0, out + err
    return out.rpartition("\n  ")[2].rstrip()


def test_check_plan_and_run_say_so(signed: Small) -> None:
    told = _state(signed)
    assert told.startswith("meaning signed: bob@bank.example signed on ") and "; carol@bank.example signed on " in told
    assert "meaning signed" in signed.charter("plan")[1]
    assert "already signed" in signed.charter("sign", "--key", "bob.key", "--yes")[2]
    assert "nobody can be asked" in signed.charter("sign", "--key", "dan.key")[2]
    assert "key of nobody" in signed.charter("sign", "--key", "mallory.key", "--yes")[2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  require   rows >= least", "  # enough\n  require rows >=   least"),
        ('version  "1"', 'version  "1.0.1"'),
        ("missing <= 1%", "missing <= 0.01"),
    ],
)
def test_what_means_the_same_keeps_it(signed: Small, old: str, new: str) -> None:
    assert old in SIGNING
    signed.write(SIGNING.replace(old, new))
    assert _state(signed).startswith("meaning signed")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("parameter least = 10", "parameter least = 9"),
        ("missing <= 1%", "missing <= 2%"),
        ("members at least 2", "members at least 3"),
        ('purpose  "Test."', 'purpose  "Another."'),
        ("2099-03-31", "2099-04-01"),
    ],
)
def test_what_means_something_else_voids_it(signed: Small, old: str, new: str) -> None:
    assert old in SIGNING
    signed.write(SIGNING.replace(old, new))
    assert _state(signed).startswith("MEANING NOT SIGNED: bob@bank.example signed on ")


def test_a_changed_rule_voids_it_and_changed_data_does_not(signed: Small) -> None:
    (signed.root / "people.csv").write_text("age,sex\n1,f\n")
    assert _state(signed).startswith("meaning signed")
    (signed.root / "own.rego").write_text(REGO.replace("0", "9"))
    assert _state(signed).startswith("MEANING NOT SIGNED")


def test_forged_stale_and_broken_signatures_do_not_count(signed: Small) -> None:
    path = signature_path(signed.root / "small.charter")
    ir, trust = compiled(signed.root / "small.charter", {}), file.load(file.find(signed.root))
    good = read_envelopes(path)
    assert len(judge(ir, good, trust).current) == 2
    forged = good[0].replace(b'"sig":"', b'"sig":"AAAA')
    for bad in (forged, b"{}", b"\x00\xff", b"[" * 9999, good[0][:-30]):
        verdict = judge(ir, [bad], trust)
        assert verdict.signed == () and len(verdict.ignored) == 1
    olga = read_private_key(signed.root / "olga.key")
    now = datetime.now(UTC)
    lost = extend(trust, Revocation("bob@bank.example", "lost", now), [olga], now)
    assert [item.person for item in judge(ir, good, lost).current] == ["carol@bank.example"]
    path.write_bytes(b"\xff\xfe garbage\n")
    assert "MEANING NOT SIGNED: does not count: signature 1" in _state(signed)


def test_an_override_is_another_meaning(signed: Small) -> None:
    assert "MEANING NOT SIGNED" in signed.charter("plan", "--set", "least=11")[1]
