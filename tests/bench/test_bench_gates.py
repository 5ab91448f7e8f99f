"""The figures of gates: the whole gate records durably, and memory that grows is seen."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `pytest` does not put it there; `python -m pytest` does
    sys.path.append(str(ROOT))

from bench.__main__ import verdict  # noqa: E402

from bench import gates  # noqa: E402

BUNDLE = gates.sample.bundle(gates.sample.requirement())
FACTS = gates.sample.facts(evidence=(gates.sample.evidence(),))


def test_the_whole_gate_is_measured_with_its_durable_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTER_BENCH_DIR", str(tmp_path))
    to_ledger, to_file = gates.whole_gate(BUNDLE, FACTS, 1)
    for row in (to_ledger, to_file):
        assert row.baseline and row.ratio == row.value / row.baseline
    assert to_ledger.value == to_file.value and verdict(to_ledger) in {"met", "NOT MET"} and verdict(to_file) == ""
    assert gates.DECISIONS == 100_000


def test_memory_that_grows_misses_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(gates.memory(BUNDLE, FACTS, decisions=100, settled=100)) == "met"
    kept: list[bytes] = []
    decide = gates.decide

    def leaking(*asked):
        kept.append(bytes(range(256)) * 1024)
        return decide(*asked)

    monkeypatch.setattr(gates, "decide", leaking)
    assert verdict(gates.memory(BUNDLE, FACTS, decisions=300, settled=10)) == "NOT MET"
