"""The attacks on gates and policies that must be refused: where each is tested, and those on a whole run.

`ATTACKS` names the tests; a name that no test has any more fails here.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from charter.runtime.ledger.ledger import Ledger, Recorded

TESTS = Path(__file__).parents[1]
ATTACKS = {
    "no policies loaded": (
        "gates/test_gate_attacks.py::test_nothing_loaded",
        "gates/test_gate_decisions.py::test_no_plan_denies",
    ),
    "empty or missing bundle": (
        "gates/test_gate_attacks.py::test_empty_bundle_denies",
        "gates/test_gate_attacks.py::test_closed_engine",
        "gates/test_gate_decisions.py::test_nothing_to_evaluate_denies",
        "gates/test_gate_decisions.py::test_pack_that_is_not_loaded_denies",
        "gates/test_gate_decisions.py::test_no_controls_loaded_denies",
    ),
    "engine unreachable": ("gates/test_gate_attacks.py::test_nobody_there",),
    "engine slow": (
        "gates/test_gate_attacks.py::test_lying_server",
        "gates/test_gate_worker.py::test_policy_that_does_not_end_is_stopped_and_denies",
        "gates/test_gate_worker.py::test_policy_that_takes_all_memory_is_stopped_and_denies",
    ),
    "engine lying": (
        "gates/test_gate_attacks.py::test_lying_server",
        "gates/test_gate_attacks.py::test_answer_to_another_question",
        "gates/test_gate_attacks.py::test_server_that_forgot_or_was_given_something_else",
        "gates/test_gate_doctor.py::test_server_that_allows_everything_does_not_work",
    ),
    "a policy misspells an input path": (
        "gates/test_gate_project.py::test_refused",
        "policies/test_policies_rego.py::test_schema_check_would_find_a_misspelt_path",
    ),
    "evidence missing, of another run or of something else": (
        "gates/test_gate_decisions.py::test_evidence_of_something_else_is_no_evidence",
        "gates/test_gate_decisions.py::test_message_names_what_is_missing",
    ),
    "evidence that is NaN": (
        "gates/test_gate_decisions.py::test_value_that_is_not_finite_denies",
        "gates/test_gate_schema.py::test_numbers_that_json_has_not_are_refused_everywhere",
    ),
    "evidence that is a string": ("gates/test_gate_decisions.py::test_value_that_is_no_number_denies",),
    "evidence self-declared": ("gates/test_gate_decisions.py::test_least_grade",),
    "a waiver of an absolute policy": (
        "gates/test_gate_decisions.py::test_waiver_that_does_not_count",
        "gates/test_gate_decisions.py::test_rule_of_a_pack_can_be_waived_unless_absolute",
    ),
    "an approval replayed": (
        "trust/test_trust_approvals.py::test_the_same_envelope_recorded_twice_counts_once",
        "trust/test_trust_approvals.py::test_an_old_envelope_recorded_late_is_still_old",
        "trust/test_trust_approvals.py::test_an_old_approval_recorded_again_does_not_undo_a_rejection",
        "trust/test_trust_approvals.py::test_other_artifacts",
        "trust/test_trust_approvals.py::test_other_evidence_and_another_iteration",
    ),
    "an approval or a waiver that has expired": (
        "trust/test_trust_approvals.py::test_expired",
        "trust/test_trust_approvals.py::test_a_clock_set_forward_does_not_lengthen_its_life",
        "trust/test_trust_approvals.py::test_a_clock_set_forward_does_not_outrank_a_later_rejection",
        "trust/test_trust_waivers.py::test_it_lapses_after_its_day_and_not_before",
    ),
    "an approval or a waiver by somebody excluded": (
        "trust/test_trust_approvals.py::test_excluded_people",
        "trust/test_trust_approvals.py::test_unknown_excluded_people_exclude_everybody",
        "trust/test_trust_waivers.py::test_who_may_not_approve_may_not_waive_either",
    ),
    "two keys of one person": (
        "trust/test_trust_approvals.py::test_one_person_under_two_keys_counts_once",
        "trust/test_trust_waivers.py::test_one_person_under_two_keys_counts_once",
    ),
    "a forged waiver or approval": (
        "trust/test_trust_waivers.py::test_a_forged_signature",
        "trust/test_trust_waivers.py::test_an_unsigned_request_is_nothing",
        "trust/test_trust_approvals.py::test_a_stranger_and_a_stolen_name",
    ),
    "glass broken for something else": (
        "gates/test_gate_decisions.py::test_broken_glass_does_not_let_pass_what_nobody_was_shown",
        "trust/test_halt_and_glass.py::test_broken_glass_covers_what_was_shown_under_the_controls_of_then_and_nothing_else",
    ),
    "bundle swapped between plan and run": (
        "gates/test_gate_attacks.py::test_altered_bundle_is_not_loaded",
        "gates/test_gate_attacks.py::test_another_bundle_loaded",
        "gates/test_attacks.py::test_bundle_swapped_in_the_ir",
        "gates/test_gate_bundle_file.py::test_opa_refuses_a_changed_bundle",
    ),
    "clock set back": (
        "ledger/test_ledger_contract.py::test_time_does_not_go_back_with_the_clock",
        "gates/test_gate_decisions.py::test_waiver_counts_from_its_signature_on",
        "gates/test_gate_attacks.py::test_day_that_does_not_exist",
    ),
    "a Rego file changed during the run": ("gates/test_attacks.py::test_rego_file_changed_during_the_run",),
    "10 MB of input": ("gates/test_gate_attacks.py::test_ten_megabytes",),
    "Rego that tries the network, the clock or the environment": (
        "gates/test_gate_project.py::test_refused",
        "gates/test_gate_attacks.py::test_bundle_that_reaches_outside_is_not_loaded",
        "gates/test_gate_worker.py::test_nothing_of_ours_is_near_a_policy",
        "gates/test_gate_loopback.py::test_no_secret_of_ours_reaches_it",
    ),
}

CHARTER = """charter 1

lifecycle attacked {
  version "1"
  owner "owner@example.org"
  purpose "To be attacked."
  risk minimal
  use policies core
}

dataset first {
  source python "steps:first"
}

dataset second {
  source python "steps:second" from first
}

policy closed {
  rego    "closed.rego"
  before  acquire
  enforce mandatory
}
"""
CLOSED = 'package project.closed\n\ndeny contains "second is closed" if input.transition.subject == "dataset/second"\n'
OPEN = CLOSED.replace("dataset/second", "dataset/none")
STEPS = """
from pathlib import Path

from charter.runtime.stages.api import Evidence, StageContext, StageResult


def first(context: StageContext) -> StageResult:
    (context.project / "closed.rego").write_text({open!r})
    return second(context)


def second(context: StageContext) -> StageResult:
    path = context.out / "data"
    path.write_text("x")
    return StageResult({{"data": path}}, [Evidence("rows", 1)])
"""


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_has_its_tests(attack: str) -> None:
    for name in ATTACKS[attack]:
        file, _, test = name.partition("::")
        assert re.search(rf"^def {test}\(", (TESTS / file).read_text(), re.MULTILINE), name


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "attacked.charter").write_text(CHARTER)
    (tmp_path / "closed.rego").write_text(CLOSED)
    (tmp_path / "steps.py").write_text(STEPS.format(open=OPEN))
    return tmp_path


def test_rego_file_changed_during_the_run(project: Path) -> None:
    """A stage opens the gate after its own: what was compiled at the start decides the whole run."""
    assert charter(project, "run", "attacked.charter") == 1
    assert (project / "closed.rego").read_text() == OPEN
    decided = decisions(project)
    assert {event.body["bundle"] for event in decided} == {decided[0].body["bundle"]}
    assert [(event.body["gate"], event.body["allow"]) for event in decided][-1] == ("acquire/second:entry", False)
    # From the start it is another policy: another bundle decides, and its digest is on the record.
    assert charter(project, "run", "attacked.charter") == 0
    assert decisions(project)[-1].body["bundle"] != decided[0].body["bundle"]


def test_bundle_swapped_in_the_ir(project: Path) -> None:
    assert charter(project, "compile", "attacked.charter", "-o", "plan.json") == 0
    document = json.loads((project / "plan.json").read_text())
    (path,) = (path for path in document["bundle"]["modules"] if "project/" in path)
    document["bundle"]["modules"][path] = OPEN
    (project / "swapped.json").write_text(json.dumps(document))
    assert charter(project, "run", "swapped.json") == 2
    assert not (project / ".charter" / "ledger.db").exists()


def charter(project: Path, *arguments: str) -> int:
    """Exit code of the real command."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "charter.runtime.main", *arguments],
        cwd=project,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def decisions(project: Path) -> list[Recorded]:
    with Ledger.open_read_only(project / ".charter" / "ledger.db") as ledger:
        return [event for event in ledger.events() if event.kind == "gate.decided"]
