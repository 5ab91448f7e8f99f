"""A team's code may do anything: each ending has its own message, nothing is lost, and the rest goes on."""

import json

import pytest
from sandbox import Sandbox

_SEND = """
import stat

def _send(payload, length=None):
    framed = (length or len(payload)).to_bytes(6, "big")[-4:] + payload
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, framed)
        except OSError:
            pass
"""

_CASES = {
    "raises": ("    raise ValueError('no such column: income')", "raised", "no such column: income"),
    "exits": ("    os._exit(0)", "died", "left no result"),
    "killed": ("    os.kill(os.getpid(), 9)", "died", "signal 9"),
    "wrong": ("    return 42", "refused", "StageResult"),
    "nothing": ("    return StageResult({}, [])", "refused", "data"),
    "outside": ("    return StageResult({'data': context.project / 'steps.py'}, [])", "refused", "context.out"),
    "links": (
        "    os.link(context.project / 'steps.py', context.out / 'data')\n"
        "    return StageResult({'data': context.out / 'data'}, [])",
        "refused",
        "another name",
    ),
    "effects": (
        "    result = made(context)\n    return StageResult(result.artifacts, [], {'server': {}})",
        "refused",
        "effects",
    ),
    "surrogate": (
        "    result = made(context)\n    return StageResult(result.artifacts, [Evidence('rows', '\\ud800')])",
        "refused",
        "",
    ),
    "none": (
        "    result = made(context)\n    return StageResult(result.artifacts, [Evidence('rows', None)])",
        "refused",
        "form",
    ),
    "forges": (
        "    import json\n    forged = {'ending': 'done', 'artifacts': {'data': str(context.project / 'steps.py')}}\n"
        "    forged |= {'evidence': [], 'effects': {}}\n    _send(json.dumps(forged).encode())\n    os._exit(0)",
        "refused",
        "context.out",
    ),
    "nan": (
        "    made(context)\n    return StageResult({'data': context.out / 'data'}, [Evidence('rows', float('nan'))])",
        "refused",
        "finite",
    ),
    "answers_nonsense": ("    _send(b'[1, 2')\n    os._exit(0)", "died", "left no result"),
    "answers_half": ("    _send(b'{}', length=1 << 40)\n    os._exit(0)", "died", "left no result"),
    "imports": ("    import no_such_package", "raised", "no_such_package"),
    "recurses": ("    return recurses(context)", "raised", "recursion"),
}


@pytest.mark.parametrize("name", _CASES)
def test_each_ending_is_told_apart(sandbox: Sandbox, name: str) -> None:
    body, reason, words = _CASES[name]
    sandbox.steps(f"{_SEND}\ndef {name}(context):\n{body}\n")
    sandbox.chain([name, "step"])
    done = sandbox.charter("run")
    assert done.code == 1, done
    (failed,) = sandbox.of_kind("stage.failed")
    assert failed.body["reason"] == reason
    assert words in failed.body["detail"] + failed.body["summary"]
    assert words in done.out
    assert sandbox.of_kind("run.closed")[0].body["outcome"] == "denied"
    sandbox.steps(f"\ndef {name}(context):\n    return made(context)\n")
    assert sandbox.charter("run").code == 0, "mended, it goes on"


def test_a_stage_that_hangs_is_stopped_at_its_limit(sandbox: Sandbox) -> None:
    _train(sandbox, "    time.sleep(60)", "{ time: 1 seconds }")
    done = sandbox.charter("run")
    assert done.code == 1
    assert sandbox.of_kind("stage.failed")[0].body["reason"] == "time"
    assert "limits { time" in done.out


def test_a_stage_that_eats_memory_is_stopped_at_its_limit(sandbox: Sandbox) -> None:
    _train(
        sandbox,
        "    kept = []\n    while True:\n        kept.append(bytearray(20_000_000))\n        time.sleep(0.01)",
        "{ memory: 300 MB }",
    )
    assert sandbox.charter("run").code == 1
    failed = sandbox.of_kind("stage.failed")[0].body
    assert failed["reason"] == "memory", failed


def test_what_a_stage_leaves_running_is_killed_with_it(sandbox: Sandbox) -> None:
    sandbox.steps(
        """
def leaves(context):
    import subprocess
    child = subprocess.Popen(["sleep", "300"])
    (context.project / "child").write_text(str(child.pid))
    return made(context)
"""
    )
    sandbox.chain(["leaves"])
    assert sandbox.charter("run").code == 0
    import psutil

    pid = int((sandbox.root / "child").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_megabytes_on_standard_output_do_no_harm(sandbox: Sandbox) -> None:
    sandbox.steps(
        """
def loud(context):
    for number in range(200_000):
        print('noise', number)
    return made(context)

def loud_then_raise(context):
    print('x' * 20_000_000)
    print('last words')
    raise ValueError('bad')
"""
    )
    sandbox.chain(["loud", "loud_then_raise"])
    done = sandbox.charter("run")
    assert done.code == 1
    assert "last words" in done.out
    assert len(done.out) < 10_000


def test_terminal_escapes_in_a_message_stay_inert(sandbox: Sandbox) -> None:
    sandbox.steps("\ndef evil(context):\n    raise ValueError('\\x1b[2J\\u202e gone')\n")
    sandbox.chain(["evil"])
    done = sandbox.charter("run")
    assert "\x1b[2J" not in done.out + done.err
    assert "\u202e" not in done.out + done.err
    assert "gone" in done.out


def test_evidence_of_a_teams_own_code_is_only_declared(sandbox: Sandbox) -> None:
    sandbox.chain(["step"])
    sandbox.charter("run")
    evidence = sandbox.of_kind("stage.finished")[0].body["evidence"]
    assert json.dumps(evidence).count('"declared"') == len(evidence) == 1


def _train(sandbox: Sandbox, body: str, limits: str) -> None:
    """A dataset with a split, and a model that the team's own code trains."""
    sandbox.steps(f"\ndef fit(context):\n{body}\n")
    sandbox.write("rows.csv", "x,y\n" + "".join(f"{number},{number % 2}\n" for number in range(200)))
    sandbox.chain(["step"])
    with (sandbox.root / "chain.charter").open("a") as file:
        file.write(
            f"""
dataset rows {{
  source csv "rows.csv"
  class public
  target y
  split train 70%, test 30% stratified by y seed 1
}}

model net {{
  task binary-classification
  train on rows.train
  trainer python "steps:fit"
  limits {limits}
}}

evaluation holdout of net on rows.test {{
  require roc_auc >= 0.1
}}
"""
        )
