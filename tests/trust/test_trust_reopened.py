"""Gates that allowed under a waiver: when they decide again, and when what is live is left alone."""

import msgspec
import pytest
from people import CHARTER, NOW, PLACE

from charter.compiler import ir
from charter.runtime.events import ActSigned, GateDecided
from charter.runtime.state import Act, Decided, State
from charter.runtime.waived import allowed_words, reopened

WAIVER = ir.Waiver(
    name="w", control="holdout.roc_auc", reason="r", role="risk-officer", quorum=1, compensating="", until="2026-11-22",
    place=PLACE,
)  # fmt: skip
ASKING = msgspec.structs.replace(CHARTER, waivers=(WAIVER,))
(HOLDOUT,) = [stage for stage in ASKING.stages if stage.id == "evaluate/holdout"]


def _decided(seq: int, stage: str, *, waiver: str | None = "w", allow: bool = True) -> Decided:
    body = GateDecided(
        run="r", gate=f"{stage}:exit", stage=stage, point="exit", iteration=1, key="k", allow=allow, waiting=False,
        time="t", actor="a", input="i", subject="s", content="c", bundle="b", revision="v", entrypoint="e", engine="n",
        engine_version="1", engine_digest="d", warnings=({"waiver": waiver},),
    )  # fmt: skip
    return Decided(seq, NOW.isoformat(), body)


@pytest.fixture
def state() -> State:
    made = State(iteration=1)
    made.stage("evaluate/holdout").exit = _decided(5, "evaluate/holdout")
    return made


def _again(state: State, *, days: int = 0) -> str | None:
    from datetime import timedelta

    return reopened(ASKING, state, HOLDOUT, state.stage("evaluate/holdout"), NOW + timedelta(days=days))


def _act(seq: int, act: str, name: str = "w") -> Act:
    body = ActSigned(
        run="r", act=act, name=name, person="bob", role="x", key="k", statement="s", envelope="e", iteration=1
    )
    return Act(seq, NOW.isoformat(), body)


def test_it_decides_again_the_day_after_and_not_before(state: State) -> None:
    assert _again(state) is None
    assert _again(state, days=1) == "its gate must decide again: the waiver `w` has lapsed"


def test_what_is_live_is_left_alone_when_the_day_is_over(state: State) -> None:
    state.stage("deploy/production").exit = _decided(9, "deploy/production", allow=False)
    assert _again(state, days=1) is not None
    state.stage("deploy/production").exit = _decided(9, "deploy/production")
    assert _again(state, days=1) is None


def test_a_signature_that_is_taken_back_counts_at_once_live_or_not(state: State) -> None:
    state.stage("deploy/production").exit = _decided(9, "deploy/production")
    state.acts += [_act(3, "withdraw"), _act(7, "waive"), _act(8, "withdraw", "other")]
    assert _again(state) is None
    state.acts.append(_act(10, "withdraw"))
    assert "bob took back a signature under `w`" in str(_again(state))


def test_a_gate_that_needed_no_waiver_stays_as_it_is(state: State) -> None:
    state.acts.append(_act(10, "withdraw"))
    state.stage("evaluate/holdout").exit = _decided(5, "evaluate/holdout", waiver=None)
    assert _again(state, days=99) is None


@pytest.mark.parametrize(
    ("waiver", "words"),
    [
        (None, "allowed"),
        ("w", "allowed under the waiver `w`"),
        ("break-glass:x:exit", "allowed, because its glass was broken"),
    ],
)
def test_a_breach_is_not_hidden_behind_a_green_word(waiver: str | None, words: str) -> None:
    assert allowed_words(_decided(1, "x", waiver=waiver).body) == words


def test_every_act_has_words_in_the_report() -> None:
    from typing import get_args

    from charter.runtime.report.timeline import timeline
    from charter.runtime.trust.acts import ActName

    acts = get_args(ActName)
    assert set(acts) == set(get_args(ActSigned.__annotations__["act"]))
    events = [_Recorded(seq, _act(seq, act).body) for seq, act in enumerate(acts)]
    told = [moment.text for moment in timeline(events)]
    assert len(told) == len(acts) and all(text.startswith("bob ") and " w as x" in text for text in told)


class _Recorded:
    def __init__(self, seq: int, body: ActSigned) -> None:
        self.seq, self.time, self.kind = seq, NOW.isoformat(), "act.signed"
        self.body = {name: value for name, value in msgspec.to_builtins(body).items() if name != "kind"}
