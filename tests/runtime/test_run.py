"""A run does what is due, once, and says what it waits for."""

import json
import shutil

from sandbox import Sandbox


def test_a_chain_runs_and_the_next_run_repeats_nothing(sandbox: Sandbox) -> None:
    sandbox.chain(["step"] * 3)
    assert sandbox.charter("run").code == 0
    assert sandbox.executed == ["acquire/d0", "acquire/d1", "acquire/d2"]
    before = len(sandbox.of_kind("gate.decided"))
    assert sandbox.charter("run").code == 0
    assert len(sandbox.executed) == 3
    assert len(sandbox.of_kind("gate.decided")) == before


def test_changed_code_runs_again_with_all_that_follows(sandbox: Sandbox) -> None:
    sandbox.chain(["step", "other", "step"])
    sandbox.steps("\ndef other(context):\n    return made(context, 'y')\n")
    sandbox.charter("run")
    sandbox.steps("\ndef other(context):\n    return made(context, 'z')\n")
    assert sandbox.charter("run").code == 0
    assert len(sandbox.executed) == 6, "all three use the changed file"


def test_code_that_the_stage_imports_counts_too(sandbox: Sandbox) -> None:
    sandbox.write("helpers.py", "text = 'y'\n")
    sandbox.steps("\nimport helpers\n\ndef other(context):\n    return made(context, helpers.text)\n")
    sandbox.chain(["other"])
    sandbox.charter("run")
    sandbox.write("helpers.py", "text = 'z'\n")
    assert sandbox.charter("run").code == 0
    assert len(sandbox.executed) == 2


def test_a_reformatted_charter_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.chain(["step", "step"])
    sandbox.charter("run")
    path = sandbox.root / "chain.charter"
    path.write_text(path.read_text().replace("  source", "      source").replace("lifecycle", "# why\nlifecycle"))
    assert sandbox.charter("run").code == 0
    assert len(sandbox.executed) == 2


def test_a_new_policy_decides_again_without_running_again(sandbox: Sandbox) -> None:
    sandbox.chain(["step", "step"])
    sandbox.charter("run")
    decided = len(sandbox.of_kind("gate.decided"))
    sandbox.write("stop.rego", 'package stop\n\ndeny contains "not today" if input.transition.stage == "acquire/d1"\n')
    sandbox.chain(["step", "step"], head='policy stop {\n  rego "stop.rego"\n  before acquire\n}\n')
    done = sandbox.charter("run")
    assert done.code == 1
    assert "not today" in done.out
    assert len(sandbox.executed) == 2, "the work is unchanged"
    assert len(sandbox.of_kind("gate.decided")) > decided
    again = sandbox.charter("run")
    assert again.code == 1
    assert "not today" in again.out


def test_a_denied_exit_hides_the_output_from_the_next_stage(sandbox: Sandbox) -> None:
    head = 'policy stop {\n  rego "stop.rego"\n  before d1\n}\n'
    sandbox.write("stop.rego", 'package stop\n\ndeny contains "no" if true\n')
    sandbox.chain(["step", "step", "step"], head=head)
    assert sandbox.charter("run").code == 1
    assert sandbox.executed == ["acquire/d0"]
    standing = json.loads(sandbox.charter("status", "--json").out)["stages"]
    assert [item["status"] for item in standing] == ["done", "denied", "blocked"]


def test_nothing_starts_before_its_decision_is_durable(sandbox: Sandbox) -> None:
    """The stage itself reads the ledger: its own entry decision must be there already."""
    sandbox.steps(
        """
def looks(context):
    from charter.runtime.ledger.ledger import Ledger
    with Ledger.open_read_only(context.project / ".charter" / "ledger.db") as ledger:
        mine = [event for event in ledger.events() if event.body.get("stage") == context.stage]
    kinds = [(event.kind, event.body.get("point"), event.body.get("allow")) for event in mine]
    assert ("gate.decided", "entry", True) in kinds, kinds
    assert kinds[-1][0] == "stage.started", kinds
    return made(context)
"""
    )
    sandbox.chain(["looks"] * 4)
    done = sandbox.charter("run")
    assert done.code == 0, done.out
    for applied in sandbox.of_kind("gate.applied"):
        decision = sandbox.events[applied.body["decision"]]
        assert decision.kind == "gate.decided"
        assert decision.body["gate"] == applied.body["gate"]
        assert decision.body["allow"] is True
        assert decision.seq < applied.seq


def test_two_runs_at_once_one_holds_the_lease_the_other_says_who(sandbox: Sandbox) -> None:
    sandbox.steps(
        """
def slow(context):
    while not (context.project / 'go').exists():
        time.sleep(0.02)
    return made(context)
"""
    )
    sandbox.chain(["slow"])
    first = sandbox.start("run")
    while not (sandbox.root / ".charter" / "lease").exists() or not (sandbox.root / ".charter" / "lease").read_text():
        assert first.poll() is None
    second = sandbox.charter("run")
    assert second.code == 5
    assert f"process {first.pid}" in second.err
    (sandbox.root / "go").touch()
    assert first.wait(30) == 0
    first.communicate()
    assert sandbox.executed == ["acquire/d0"]


def test_an_altered_artifact_is_not_used(sandbox: Sandbox) -> None:
    sandbox.chain(["step"])
    sandbox.charter("run")
    digest = sandbox.of_kind("stage.finished")[0].body["artifacts"]["data"]["digest"].removeprefix("sha256:")
    artifact = sandbox.root / ".charter" / "store" / digest
    artifact.chmod(0o644)
    artifact.write_text("forged")
    sandbox.chain(["step", "step"])
    done = sandbox.charter("run")
    assert done.code == 1
    assert "altered" in done.err
    assert sandbox.executed == ["acquire/d0"]


def test_a_file_that_changed_since_it_was_compiled_is_not_worked_on(sandbox: Sandbox) -> None:
    sandbox.chain(["step"])
    assert sandbox.charter("compile", "chain.charter", "-o", "ir.json").code == 0
    sandbox.steps("\n# other code\n")
    done = sandbox.charter("run", "ir.json")
    assert done.code == 1
    assert "not the file that was compiled" in done.out
    assert sandbox.executed == []


def test_an_ir_whose_policies_were_changed_by_hand_is_refused(sandbox: Sandbox) -> None:
    import msgspec

    from charter.compiler.codec import ir_digest
    from charter.compiler.ir import IR
    from charter.compiler.rego.digest import content_digest

    sandbox.write("stop.rego", 'package stop\n\ndeny contains "no" if input.time\n')
    sandbox.chain(["step"], head='policy stop {\n  rego "stop.rego"\n  before acquire\n}\n')
    sandbox.charter("compile", "chain.charter", "-o", "ir.json")
    assert sandbox.charter("run", "ir.json").code == 1
    path = sandbox.root / "ir.json"
    document = json.loads(path.read_text())
    modules = document["bundle"]["modules"]
    modules["charter/controls.rego"] = modules["charter/controls.rego"].replace('"acquire/d0:entry"', '"never"')
    bundle = document["bundle"]
    bundle["digest"] = content_digest(modules, bundle["data"], bundle["entrypoint"], tuple(bundle["roots"]))
    document["digest"] = ir_digest(msgspec.convert(document, IR))
    path.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    done = sandbox.charter("run", "ir.json")
    assert done.code in {1, 2}, done
    assert sandbox.executed == []


def test_an_ir_whose_declarations_were_changed_by_hand_is_refused(sandbox: Sandbox) -> None:
    """An approval binds the digest of a declaration, and policies see its body: one must be of the other."""
    import msgspec

    from charter.compiler.codec import ir_digest
    from charter.compiler.ir import IR

    sandbox.chain(["step"])
    sandbox.charter("compile", "chain.charter", "-o", "ir.json")
    path = sandbox.root / "ir.json"
    document = json.loads(path.read_text())
    document["declarations"]["dataset/d0"]["body"]["class"] = "public"
    document["digest"] = ir_digest(msgspec.convert(document, IR))
    path.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    done = sandbox.charter("run", "ir.json")
    assert done.code == 1 and "the declaration `dataset/d0`, in " in " ".join(done.err.split())
    assert sandbox.executed == []


def test_project_files_do_not_stand_in_for_libraries(sandbox: Sandbox) -> None:
    """A `json.py` in the project must not be what the worker, and so a built-in stage, imports."""
    sandbox.write("json.py", "raise RuntimeError('shadowed')\n")
    sandbox.write("rows.csv", "x,y\n1,0\n2,1\n")
    sandbox.chain(["step"])
    text = (sandbox.root / "chain.charter").read_text()
    sandbox.write("chain.charter", text.replace('source python "steps:step"', 'source csv "rows.csv"'))
    done = sandbox.charter("run")
    assert done.code == 0, done


def test_removing_the_lease_does_not_make_room_for_a_second_run(sandbox: Sandbox) -> None:
    sandbox.steps(
        """
def removes(context):
    (context.project / '.charter' / 'lease').unlink()
    (context.project / 'removed').touch()
    while not (context.project / 'go').exists():
        time.sleep(0.02)
    return made(context)
"""
    )
    sandbox.chain(["removes"])
    first = sandbox.start("run")
    while not (sandbox.root / "removed").exists():
        assert first.poll() is None
    second = sandbox.charter("run")
    (sandbox.root / "go").touch()
    assert second.code == 5, second
    first.communicate(timeout=60)
    assert first.returncode == 0


def test_a_plan_says_what_would_run_and_why(sandbox: Sandbox) -> None:
    sandbox.chain(["step", "step"])
    plan = json.loads(sandbox.charter("plan", "--json").out)["stages"]
    assert [item["status"] for item in plan] == ["run", "blocked"]
    sandbox.charter("run")
    plan = json.loads(sandbox.charter("plan", "--json").out)["stages"]
    assert [item["status"] for item in plan] == ["done", "done"]
    assert not (sandbox.root / "plan").exists()


def test_both_engines_run_the_same_lifecycle(sandbox: Sandbox, opa: str) -> None:
    sandbox.chain(["step", "step"])
    assert sandbox.charter("run", "--engine", "opa", env={"OPA_BIN": opa}).code == 0
    assert {event.body["engine"] for event in sandbox.of_kind("gate.decided")} == {"opa"}


def test_lost_checkpoints_are_told(sandbox: Sandbox) -> None:
    sandbox.chain(["step"])
    assert "is gone" not in sandbox.charter("run").out
    (sandbox.root / "charter.checkpoints").unlink()
    assert "`charter.checkpoints` is gone, and starts anew" in sandbox.charter("run").out
    assert "is gone" not in sandbox.charter("run").out


def test_the_ledger_alone_decides_everything_again(sandbox: Sandbox) -> None:
    sandbox.chain(["step", "step"])
    assert sandbox.charter("run").code == 0
    shutil.rmtree(sandbox.root / ".charter" / "store")
    done = sandbox.charter("audit", "replay")
    assert done.code == 0, done
    assert "4 of 4" in done.out, done


def test_bodies_name_their_form_and_where_the_evidence_lies(sandbox: Sandbox) -> None:
    sandbox.chain(["step"])
    assert sandbox.charter("run").code == 0
    assert all(event.body["schema"] == f"charter/{event.kind}/1" for event in sandbox.events)
    for decided in sandbox.of_kind("gate.decided"):
        assert decided.body["evidence_at"] == "ledger:attachments" and decided.body["attachments"]
    (finished,) = sandbox.of_kind("stage.finished")
    assert finished.body["evidence_at"] == "store:artifacts" and finished.body["artifacts"]
    (closed,) = sandbox.of_kind("run.closed")
    assert "evidence_at" not in closed.body
