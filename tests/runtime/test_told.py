"""Whoever watches a run is told of every stage whose end is recorded, also when the run itself comes to a bad one."""

import pytest
from sandbox import Sandbox

from charter.compiler.ir import Stage
from charter.runtime.assess import Assessment
from charter.runtime.conduct import conduct
from charter.runtime.failure import Failure
from charter.runtime.gatekeeper import Gatekeeper
from charter.runtime.gates.choose import open_engine
from charter.runtime.halted import Brake, Halted
from charter.runtime.observer import Silent
from charter.runtime.run import Run
from charter.runtime.session import claimed_actor, compiled, project_of
from charter.runtime.workers.local import LocalExecutor


class Watcher(Silent):
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.ends: list[tuple[str, str]] = []

    def settled(self, assessment: Assessment) -> None:
        recorded = {event.body.get("stage") for event in self.sandbox.events}
        assert assessment.stage.id in recorded or assessment.status == "blocked"
        self.ends.append((assessment.stage.id, str(assessment.status)))


def run(sandbox: Sandbox, expected: type[BaseException] | None) -> list[tuple[str, str]]:
    sandbox.chain(["step", "step"])
    path = sandbox.root / "chain.charter"
    watcher, executor = Watcher(sandbox), LocalExecutor(1)

    def go() -> None:
        with open_engine(None) as engine:
            conduct(compiled(path, {}), project_of(path), engine=engine, executor=executor, observer=watcher,
                    actor=claimed_actor(), threads=1)  # fmt: skip

    try:
        if expected is None:
            go()
        else:
            with pytest.raises(expected):
                go()
    finally:
        executor.close()
    return watcher.ends


def test_a_run_that_ends_well(sandbox: Sandbox) -> None:
    assert run(sandbox, None) == [("acquire/d0", "done"), ("acquire/d1", "done")]


def test_an_effect_that_fails(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def altered(self: Run, stage: Stage, name: str, digest: str) -> None:
        raise Failure("artifact altered", "It was.")

    monkeypatch.setattr(Run, "_verified", altered)
    assert run(sandbox, Failure) == [("acquire/d0", "done")]


def test_a_halt(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Brake) -> None:
        if any(event.kind == "stage.finished" for event in sandbox.events):
            raise Halted("by a test")

    monkeypatch.setattr(Brake, "check", stop)
    assert run(sandbox, Halted) == [("acquire/d0", "done")]


def test_an_interrupt_between_two_decisions(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    decide = Gatekeeper.decide

    def interrupted(self: Gatekeeper, **asked: object) -> object:
        if getattr(asked["stage"], "id", "") == "acquire/d1":
            raise KeyboardInterrupt
        return decide(self, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(Gatekeeper, "decide", interrupted)
    assert run(sandbox, KeyboardInterrupt) == [("acquire/d0", "done")]
    assert sandbox.of_kind("run.closed")[-1].body["outcome"] == "interrupted"


def test_a_last_stage_that_is_refused_before_it_starts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "charter.runtime.run.changed_pin", lambda ir, stage, root: "changed" if stage.id == "acquire/d1" else None
    )
    assert run(sandbox, None) == [("acquire/d0", "done"), ("acquire/d1", "failed")]
