"""What a standing comes to: green is green only when nothing at all is left that is not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from sandbox import Sandbox

from charter.compiler.compile import compile_charter
from charter.compiler.ir import IR
from charter.runtime.assess import Assessment, Basis, Status, as_it_ended, assess
from charter.runtime.conclude import conclude
from charter.runtime.events import Artifact, GateDecided, StageFailed, StageFinished
from charter.runtime.failure import ExitCode
from charter.runtime.state import Decided, Finished, State
from charter.runtime.store import ArtifactStore

SPINE = Path(__file__).parents[1] / "cases" / "credit-spine" / "credit-spine.charter"
TIME = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def spine() -> IR:
    ir = compile_charter(SPINE).ir
    assert ir is not None
    return ir


def _code(states: Mapping[str, Status], state: State | None = None) -> ExitCode:
    """The exit code when all stages are done, but for those whose ids begin as `states` says."""
    standing = {}
    for stage in spine().stages:
        (status,) = [value for name, value in states.items() if stage.id.startswith(name)] or [Status.DONE]
        standing[stage.id] = Assessment(stage, status, "")
    return conclude(spine(), state or State(iteration=1), standing).code


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({}, ExitCode.OK),
        ({"monitor/": Status.LATER, "retire/": Status.LATER}, ExitCode.WAITING),
        ({"approve/": Status.WAITING, "retire/": Status.BLOCKED}, ExitCode.WAITING),
        ({"train/": Status.FAILED, "evaluate/": Status.BLOCKED}, ExitCode.DENIED),
        ({"monitor/": Status.DENIED, "retire/": Status.WAITING}, ExitCode.DENIED),
        ({"monitor/": Status.DENIED}, ExitCode.OK),  # its retirement is done: what it watched is gone
        ({"evaluate/parity": Status.DENIED}, ExitCode.DENIED),  # a retirement hides nothing else
    ],
)
def test_each_standing_has_its_exit_code(states: dict[str, Status], code: ExitCode) -> None:
    assert _code(states) is code


def test_nothing_at_all_is_not_green() -> None:
    assert conclude(spine(), State(iteration=1), {}).code is ExitCode.WRONG_INPUT


def test_a_server_that_no_deployment_governs_is_never_green() -> None:
    state = State(iteration=1, servers={"deploy/forgotten": [{"address": "http://127.0.0.1:1"}]})
    assert _code({}, state) is ExitCode.DENIED
    assert conclude(spine(), state, {}).ungoverned == ("deploy/forgotten at http://127.0.0.1:1",)


def test_an_erasure_that_was_ordered_is_due_in_every_later_iteration() -> None:
    state = State(iteration=1)
    rows = _finished("acquire/applications", artifacts={"data": Artifact(f"sha256:{'a' * 64}", 1)})
    state.results["k"] = rows
    orders = {"erase": {"later": [{"dataset": "applications", "after_seconds": 60}]}}
    state.stage("retire/scorecard").finished = _finished("retire/scorecard", effects=orders)
    state.stage("retire/scorecard").exit = _decided("retire/scorecard")
    for iteration in (1, 2, 3):
        state.iteration = iteration
        ((dataset, due),) = conclude(spine(), state, {}).erasures
        assert (dataset, (due - TIME).total_seconds()) == ("applications", 60)
        assert _code({}, state) is ExitCode.WAITING


def test_a_deployment_that_was_rolled_back_is_not_done() -> None:
    (deploy,) = [stage for stage in spine().stages if stage.kind == "deploy"]
    state = State(iteration=1)
    basis = Basis(spine(), state, ArtifactStore(Path("nowhere")), TIME)
    known = {stage.id: Assessment(stage, Status.DONE, "", key="k", result=_made(stage.id)) for stage in spine().stages}
    key = assess(basis, deploy, known).key
    assert key is not None
    state.stage(deploy.id).finished = _finished(deploy.id, key=key)
    state.results[key] = _finished(deploy.id, key=key)
    state.stage(deploy.id).entry = state.stage(deploy.id).exit = _decided(deploy.id, key=key)
    assert assess(basis, deploy, known).status is Status.DONE
    state.rolled_back[deploy.id] = TIME.isoformat()
    assert assess(basis, deploy, known).status is Status.DENIED


def test_a_failure_stands_until_another_attempt() -> None:
    (train,) = [stage for stage in spine().stages if stage.kind == "train"]
    state = State(iteration=1)
    due = Assessment(train, Status.RUN, "it has not run yet", key="k")
    assert as_it_ended(due, state) is due
    state.stage(train.id).failed = StageFailed(
        run="r", stage=train.id, iteration=1, key="k", reason="raised", summary="raised ValueError", detail="", check=0
    )
    assert as_it_ended(due, state).status is Status.FAILED
    state.stage(train.id).failed = None
    assert as_it_ended(due, state) is due


def test_status_ends_as_the_run_did(sandbox: Sandbox) -> None:
    sandbox.steps("\ndef fails(context):\n    raise ValueError('no')\n")
    sandbox.chain(["step", "fails", "step"])
    assert sandbox.charter("run").code == 1
    told = sandbox.charter("status")
    assert told.code == 1
    assert "failed   acquire/d1" in told.out


def test_a_model_is_as_old_as_its_first_going_live() -> None:
    state = State(iteration=1)

    def decide(seq: int, *, key: str, allow: bool = True) -> None:
        body = msgspec.structs.replace(_decided("deploy/production", key=key).body, allow=allow)
        recorded = _Recorded(seq, "gate.decided", f"2026-01-0{seq}T00:00:00+00:00", msgspec.to_builtins(body))
        state.apply(recorded)

    decide(1, key="a", allow=False)
    assert state.live_since == {}
    decide(2, key="a")
    decide(3, key="a")
    assert state.live_since["deploy/production"].seq == 2, "deciding again about the same does not make it new"
    decide(4, key="b")
    assert state.live_since["deploy/production"].seq == 4, "another model is"


class _Recorded(NamedTuple):
    seq: int
    kind: str
    time: str
    body: object


def _made(stage: str) -> Finished:
    (declared,) = [item for item in spine().stages if item.id == stage]
    return _finished(stage, artifacts={name: Artifact(f"sha256:{'b' * 64}", 1) for name in declared.outputs})


def _finished(
    stage: str,
    *,
    key: str = "k",
    artifacts: dict[str, Artifact] | None = None,
    effects: dict[str, object] | None = None,
) -> Finished:
    body = StageFinished(
        run="r", stage=stage, iteration=1, key=key, artifacts=artifacts or {}, evidence=(), effects=effects or {},
        milliseconds=1, peak_bytes=1, check=0,
    )  # fmt: skip
    return Finished(1, TIME.isoformat(), body)


def _decided(stage: str, *, key: str = "k") -> Decided:
    body = GateDecided(
        run="r", gate=f"{stage}:exit", stage=stage, point="exit", iteration=1, key=key, allow=True, waiting=False,
        time=TIME.isoformat(), actor="a", input="i", subject="s", content="c", bundle=spine().bundle.digest,
        revision="v", entrypoint="e", engine="n", engine_version="1", engine_digest="d",
    )  # fmt: skip
    return Decided(2, TIME.isoformat(), body, applied=True)
