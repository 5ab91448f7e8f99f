"""Policies that did not come with Charter: a process of their own, with limits on time and on memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import gate_samples as s
import pytest

from charter.compiler import ir
from charter.runtime.gates import embedded
from charter.runtime.gates.decide import Decision, decide_gate
from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import EngineFailure
from charter.runtime.gates.policy_worker import Limits

FACTS = s.facts(evidence=(s.evidence(),))
ENDLESS = """
digits := split("0123456789012345678901234567890123456789", "")

deny contains "never" if {
	count([1 |
		some a in digits
		some b in digits
		some c in digits
		some d in digits
		some e in digits
		concat("", [a, b, c, d, e]) == input.actor
	]) > 1
}
"""
GREEDY = """
longer(text, digit) := replace(text, digit, concat("", [text, text, text, text, text, text, text, text]))

deny contains "never" if {
	once := longer("0123456789", "0")
	twice := longer(longer(longer(longer(once, "1"), "2"), "3"), "4")
	count(longer(longer(longer(longer(twice, "5"), "6"), "7"), "8")) < 0
}
"""


def built(body: str) -> ir.Bundle:
    control = s.policy(gate="evaluate/holdout:exit")
    return s.bundle(control, policies={control.path: f"package project.foreign\n{body}"})


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    made = EmbeddedEngine(limits=Limits(seconds=1.0, memory=512 << 20))
    yield made
    made.close()


def decided(engine: EmbeddedEngine, bundle: ir.Bundle) -> Decision:
    if engine.revision != bundle.revision:
        engine.load(bundle)
    return decide_gate(engine, s.document(bundle), FACTS)


def stopped(decision: Decision) -> str:
    assert not decision.allow
    assert decision.failure == "policy_stopped"
    (violation,) = decision.violations
    return str(violation["message"])


HARMLESS = 'deny contains "no evidence" if count(input.evidence) == 0\n'


def test_only_what_did_not_come_with_charter_is_guarded(engine: EmbeddedEngine) -> None:
    assert decided(engine, s.bundle(s.requirement())).allow
    assert not engine.guarded
    assert decided(engine, built(HARMLESS)).allow
    assert engine.guarded
    assert decided(engine, s.bundle(s.requirement())).allow
    assert not engine.guarded


def test_everything_can_be_guarded() -> None:
    bundle = s.bundle(s.requirement())
    here, there = EmbeddedEngine(), EmbeddedEngine(guard=True)
    assert s.answer(decided(here, bundle)) == s.answer(decided(there, bundle))
    assert (here.guarded, there.guarded) == (False, True)
    there.close()


def test_policy_that_does_not_end_is_stopped_and_denies(engine: EmbeddedEngine) -> None:
    bundle = built(ENDLESS)
    message = stopped(decided(engine, bundle))
    assert message == "the policies needed more than 1 s of processor time and were stopped"


def test_policy_that_takes_all_memory_is_stopped_and_denies() -> None:
    patient = EmbeddedEngine(limits=Limits(seconds=30.0, memory=384 << 20))
    message = stopped(decided(patient, built(GREEDY)))
    patient.close()
    assert message == "the policies needed more than 384 MiB of memory and were stopped"


def test_endless_range_is_stopped_even_if_nothing_had_refused_it(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = built(HARMLESS)
    path = next(path for path in harmless.modules if "project/" in path)
    text = 'package project.foreign\n\ndeny contains "x" if count(numbers.range(1, 200000000)) < 0\n'
    bundle = s.altered(harmless, more={path: text})
    monkeypatch.setattr(embedded, "require_fit", lambda _: None)
    assert stopped(decided(engine, bundle))


def test_after_a_stop_the_next_gate_is_decided(engine: EmbeddedEngine) -> None:
    bundle = built(HARMLESS)
    assert decided(engine, bundle).allow
    assert engine._worker is not None
    first = engine._worker.pid
    assert first is not None
    os.kill(first, 9)
    lost = decided(engine, bundle)
    assert (lost.allow, lost.failure) == (False, "engine_failed")
    assert decided(engine, bundle).allow
    assert engine._worker.pid != first


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to look into a process")
def test_nothing_of_ours_is_near_a_policy(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTER_OPA_TOKEN", "secret")
    fresh = EmbeddedEngine()
    decided(fresh, built(HARMLESS))
    assert fresh._worker is not None
    environment = Path(f"/proc/{fresh._worker.pid}/environ").read_bytes()
    fresh.close()
    assert b"PATH=" in environment
    assert b"secret" not in environment


def test_process_that_cannot_be_started_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    made = EmbeddedEngine()
    with pytest.raises(EngineFailure, match="cannot be started"):
        made.load(built(HARMLESS))
    assert made.revision is None


def test_close_ends_the_process() -> None:
    made = EmbeddedEngine()
    decided(made, built(HARMLESS))
    assert made._worker is not None
    pid = made._worker.pid
    assert pid is not None
    made.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
