"""What is signed after the gate opened counts from then on; what asks for less than before is told to everybody."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sandbox import Sandbox

from charter.compiler.compile import compile_charter
from charter.compiler.ir import IR
from charter.runtime.assess import Basis, signed_since
from charter.runtime.events import GateDecided, StatementSigned
from charter.runtime.loosened import loosened
from charter.runtime.state import Decided, Signed, State
from charter.runtime.store import ArtifactStore

SPINE = Path(__file__).parents[1] / "cases" / "credit-spine" / "credit-spine.charter"


def _compiled(text: str) -> IR:
    result = compile_charter(SPINE, as_text=text)
    assert result.ir is not None, result.diagnostics
    return result.ir


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("quorum 2", "quorum 1", "release"),
        ("demographic_parity_ratio over sex >= 0.80", "demographic_parity_ratio over sex >= 0.5", "asked for"),
        ("roc_auc >= min-auc with confidence 95%", "roc_auc >= min-auc", "with confidence"),
        ("  require   share of each sex >= 30%\n", "", "is gone"),
    ],
)
def test_a_control_that_asks_for_less_is_named(old: str, new: str, said: str) -> None:
    before = SPINE.read_text()
    assert old in before, "the case must have what this test weakens"
    told = list(loosened(_compiled(before.replace(old, new, 1)), _compiled(before)))
    assert any(said in sentence for sentence in told), told


def test_nothing_is_loosened_by_the_same_charter_or_a_tighter_one() -> None:
    before = SPINE.read_text()
    assert list(loosened(_compiled(before), _compiled(before))) == []
    assert list(loosened(_compiled(before), _compiled(before.replace("quorum 2", "quorum 1", 1)))) == []


def test_an_override_is_recorded_and_said(sandbox: Sandbox) -> None:
    sandbox.chain(["step"], head="parameter least = 5\n")
    done = sandbox.charter("run", "--set", "least=1")
    assert "least=1 is set on the command line" in done.out
    assert sandbox.of_kind("run.opened")[0].body["overrides"] == {"least": "1"}


def _decided(seq: int, time: str) -> Decided:
    body = GateDecided(
        run="r", gate="approve/release:exit", stage="approve/release", point="exit", iteration=1, key="k", allow=True,
        waiting=False, time=time, actor="a", input="i", subject="s", content="c", bundle="b", revision="v",
        entrypoint="e", engine="n", engine_version="1", engine_digest="d",
    )  # fmt: skip
    return Decided(seq, time, body)


def test_a_signature_after_the_gate_opened_makes_it_decide_again() -> None:
    ir = _compiled(SPINE.read_text())
    (approve,) = [stage for stage in ir.stages if stage.id == "approve/release"]
    opened = datetime(2026, 1, 1, tzinfo=UTC)
    state = State(iteration=1)
    basis = Basis(ir, state, ArtifactStore(Path("nowhere")), opened + timedelta(days=1))
    state.stage("approve/release").exit = _decided(7, opened.isoformat())
    state.stage("deploy/production").exit = _decided(8, opened.isoformat())
    assert signed_since(basis, approve, state.stage("approve/release")) is None
    statement = StatementSigned(
        run="r", type="reject", approval="release", person="rita", role="o", key="k", statement="s", envelope="e",
        iteration=1,
    )  # fmt: skip
    state.signed.append(Signed(9, opened.isoformat(), statement))
    assert "rita signed since (reject)" in str(signed_since(basis, approve, state.stage("approve/release")))
    state.stage("approve/release").exit = _decided(10, opened.isoformat())
    assert signed_since(basis, approve, state.stage("approve/release")) is None, "that decision knew of it"


def test_an_approval_that_lapsed_before_it_was_used_is_decided_again() -> None:
    ir = _compiled(SPINE.read_text())
    (approve,) = [stage for stage in ir.stages if stage.id == "approve/release"]
    opened = datetime(2026, 1, 1, tzinfo=UTC)
    state = State(iteration=1)
    state.stage("approve/release").exit = _decided(7, opened.isoformat())
    store = ArtifactStore(Path("nowhere"))
    soon = Basis(ir, state, store, opened + timedelta(hours=1))
    assert signed_since(soon, approve, state.stage("approve/release")) is None
    basis = Basis(ir, state, store, opened + timedelta(days=4000))
    assert "before it was used" in str(signed_since(basis, approve, state.stage("approve/release")))
    state.stage("deploy/production").entry = _decided(8, opened.isoformat())
    assert "before it was used" in str(signed_since(basis, approve, state.stage("approve/release"))), (
        "it did not come to an end"
    )
    state.stage("deploy/production").exit = _decided(9, opened.isoformat())
    assert signed_since(basis, approve, state.stage("approve/release")) is None
