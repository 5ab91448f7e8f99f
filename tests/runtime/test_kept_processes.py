"""A process serves the next stage of the same callable only when the last one left it as it was."""

from pathlib import Path

import pytest
from sandbox import Sandbox

from charter.runtime.executor import Ending, Resources, Task
from charter.runtime.workers.local import LocalExecutor

_TELL = """
def tell(context):
    with (context.project / "pids").open("a") as file:
        file.write(f"{os.getpid()} ")
    return made(context)

def other(context):
    return tell(context)

def changes_directory(context):
    os.chdir("/")
    return tell(context)

def sets_variable(context):
    os.environ["LEFT"] = "behind"
    return tell(context)

def leaves_thread(context):
    import threading
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return tell(context)

def leaves_process(context):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    os.wait()
    return tell(context)

def grows(context):
    global kept
    kept = bytearray(os.urandom(1)) * (200 << 20)
    return tell(context)
"""


@pytest.fixture
def pids(sandbox: Sandbox):
    def run(*callables: str, code: int = 0) -> list[str]:
        sandbox.steps(_TELL)
        sandbox.chain(list(callables))
        done = sandbox.charter("run", "--jobs", "1")
        assert done.code == code, done
        return (sandbox.root / "pids").read_text().split()

    return run


def test_stages_of_one_callable_share_a_process(pids) -> None:
    assert len(set(pids("tell", "tell", "tell"))) == 1


def test_another_callable_gets_another_process(pids) -> None:
    assert len(set(pids("tell", "other"))) == 2


@pytest.mark.parametrize(
    "callable_", ["changes_directory", "sets_variable", "leaves_thread", "leaves_process", "grows"]
)
def test_what_a_stage_leaves_behind_ends_its_process(pids, callable_: str) -> None:
    # Several times: none may be handed to a process that is about to end.
    assert len(set(pids(*[callable_] * 4))) == 4


def test_a_process_that_dies_between_stages_is_replaced(sandbox: Sandbox) -> None:
    sandbox.steps(
        """
import signal

def dies_soon(context):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    return made(context)

def waits(context):
    time.sleep(0.5)
    return made(context)
"""
    )
    sandbox.chain(["dies_soon", "waits", "dies_soon"])
    assert sandbox.charter("run", "--jobs", "2").code == 0


def test_files_that_no_key_covers_are_named(sandbox: Sandbox) -> None:
    sandbox.steps(
        """
import importlib
import pinned

def reads(context):
    sorted(context.project.joinpath("weights.txt").read_text())
    importlib.import_module("hidden" + "_module")
    (context.project / "written.txt").write_text("")
    return made(context)
"""
    )
    sandbox.write("weights.txt", "1")
    sandbox.write("pinned.py", "")
    sandbox.write("hidden_module.py", "")
    sandbox.chain(["step", "reads", "step"])
    done = sandbox.charter("run", "--jobs", "1")
    assert done.code == 0, done
    assert "acquire/d1 read hidden_module.py, weights.txt, which no result key covers" in done.out
    assert [event.body.get("reads", []) for event in sandbox.of_kind("stage.finished")] == [
        [],
        ["hidden_module.py", "weights.txt"],
        [],
    ]


def test_a_task_without_a_json_form_fails_its_stage_and_no_other(tmp_path: Path) -> None:
    executor = LocalExecutor(1)
    try:
        task = Task("train/m", "steps:step", {"spec": float("nan")}, tmp_path, tmp_path)
        outcome = executor.submit(task, resources=Resources(10, 1 << 30)).result(timeout=20)
        assert (outcome.ending, "JSON" in outcome.detail) == (Ending.DIED, True), outcome
        sound = Task("train/m", "no_such_module:step", {"inputs": {}}, tmp_path, tmp_path)
        assert executor.submit(sound, resources=Resources(10, 1 << 30)).result(timeout=20).ending is Ending.REFUSED
    finally:
        executor.close()
