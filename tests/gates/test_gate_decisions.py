"""The contract: what each kind of control allows and denies, the same on every engine."""

from typing import Any

import gate_samples as s
import pytest
from msgspec.structs import replace

from charter.runtime.gates.decide import Decision
from charter.runtime.trust.emergencies import shown_breach


def codes(decision: Decision) -> list[str]:
    return [violation["code"] for violation in decision.violations]


def test_bound_met_allows(decide: s.Decide) -> None:
    decision = decide(s.bundle(s.requirement()), evidence=(s.evidence(value=0.75),))
    assert decision.allow
    assert decision.failure is None
    assert "holdout.roc_auc" in decision.evaluated


def test_a_decision_that_is_shown_does_not_show_its_input(decide: s.Decide) -> None:
    decision = decide(s.bundle(s.requirement()), evidence=(s.evidence(value=0.75),))
    assert decision.input
    assert repr(decision.input) not in repr(decision)
    assert decision.input_digest in repr(decision)


def test_bound_breached_denies_with_the_numbers(decide: s.Decide) -> None:
    decision = decide(s.bundle(s.requirement()), evidence=(s.evidence(value=0.7499),))
    assert not decision.allow
    assert not decision.waiting
    (violation,) = decision.violations
    assert violation["code"] == "bound_breached"
    assert violation["control"] == "holdout.roc_auc"
    assert violation["message"] == "`roc_auc` is 0.7499, must be >= 0.75"
    assert violation["evidence"]["path"] == "evidence/0"
    assert violation["evidence"]["value"] == 0.7499
    assert violation["waivable"] is True
    assert violation["severity"] == "mandatory"


@pytest.mark.parametrize(
    ("comparison", "value", "allow"),
    [
        (">=", 0.75, True),
        (">=", 0.7499999, False),
        (">", 0.75, False),
        (">", 0.7500001, True),
        ("<=", 0.75, True),
        ("<=", 0.7500001, False),
        ("<", 0.75, False),
        ("<", 0.7499999, True),
        ("==", 0.75, True),
        ("==", 0.7500001, False),
    ],
)
def test_every_comparison(decide: s.Decide, comparison: Any, value: float, allow: bool) -> None:
    built = s.bundle(s.requirement(comparison=comparison))
    assert decide(built, evidence=(s.evidence(value=value),)).allow is allow


@pytest.mark.parametrize(
    ("comparison", "low", "high", "allow"),
    [
        (">=", 0.75, 0.85, True),
        (">=", 0.74, 0.85, False),
        (">", 0.75, 0.85, False),
        ("<=", 0.6, 0.75, True),
        ("<=", 0.6, 0.8, False),
        ("==", 0.75, 0.75, True),
        ("==", 0.7, 0.75, False),
        ("<", 0.6, 0.75, False),
    ],
)
def test_interval_decides_when_confidence_is_asked_for(
    decide: s.Decide, comparison: Any, low: float, high: float, allow: bool
) -> None:
    built = s.bundle(s.requirement(comparison=comparison, confidence=0.95))
    record = s.evidence(value=(low + high) / 2, low=low, high=high, confidence=0.95)
    assert decide(built, evidence=(record,)).allow is allow


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"low": 0.78, "high": None, "confidence": 0.95},
        {"low": None, "high": 0.9, "confidence": 0.95},
        {"low": 0.78, "high": 0.9, "confidence": None},
        {"low": 0.78, "high": 0.9, "confidence": 0.9},
        {"low": 0.81, "high": 0.9, "confidence": 0.95},
        {"low": 0.76, "high": 0.79, "confidence": 0.95},
    ],
    ids=["none", "no high", "no low", "no level", "lower level", "above value", "below value"],
)
def test_missing_or_unfit_interval_denies(decide: s.Decide, changes: dict[str, Any]) -> None:
    built = s.bundle(s.requirement(confidence=0.95))
    decision = decide(built, evidence=(s.evidence(value=0.8, **changes),))
    assert codes(decision) == ["interval_missing"]


@pytest.mark.parametrize(
    "records",
    [
        (),
        (s.evidence("accuracy", 0.9),),
        (s.evidence(over="sex"),),
        (s.evidence(each="sex", item="Female"),),
        (s.evidence(on="feedback"),),
        (s.evidence(attack="fgsm"),),
        (s.evidence(stage="evaluate/other"),),
        (s.evidence(key="of another run"),),
    ],
    ids=["none", "other metric", "over", "each", "on", "attack", "other stage", "other run"],
)
def test_evidence_of_something_else_is_no_evidence(decide: s.Decide, records: tuple[Any, ...]) -> None:
    assert codes(decide(s.bundle(s.requirement()), evidence=records)) == ["evidence_missing"]


@pytest.mark.parametrize(
    ("grade", "least", "allow"),
    [
        ("declared", "measured", False),
        ("measured", "measured", True),
        ("measured", "attested", False),
        ("attested", "reproduced", False),
        ("reproduced", "attested", True),
        ("declared", "declared", True),
    ],
)
def test_least_grade(decide: s.Decide, grade: Any, least: Any, allow: bool) -> None:
    decision = decide(s.bundle(s.requirement(least_grade=least)), evidence=(s.evidence(grade=grade),))
    assert decision.allow is allow
    assert codes(decision) == ([] if allow else ["evidence_grade"])


@pytest.mark.parametrize(
    ("grade", "least", "says"),
    [
        ("declared", "measured", "`roc_auc` is only declared, must be measured or better"),
        (
            "measured",
            "attested",
            "`roc_auc` is only measured, must be attested or better: "
            "ask somebody in a role for `charter attest evaluate/holdout:roc_auc --role ROLE`",
        ),
        (
            "attested",
            "reproduced",
            "`roc_auc` is only attested, must be reproduced or better: "
            "ask somebody else for `charter reproduce evaluate/holdout`",
        ),
        # Nobody can measure again what was not measured once.
        ("declared", "reproduced", "`roc_auc` is only declared, must be reproduced or better"),
    ],
)
def test_it_is_said_what_raises_a_grade(decide: s.Decide, grade: Any, least: Any, says: str) -> None:
    decision = decide(s.bundle(s.requirement(least_grade=least)), evidence=(s.evidence(grade=grade),))
    assert [violation["message"] for violation in decision.violations] == [says]
    assert [violation["waivable"] for violation in decision.violations] == [False]


@pytest.mark.parametrize("value", ["high", True])
def test_value_that_is_no_number_denies(decide: s.Decide, value: Any) -> None:
    decision = decide(s.bundle(s.requirement()), evidence=(s.evidence(value=value),))
    assert codes(decision) == ["evidence_malformed"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_value_that_is_not_finite_denies(decide: s.Decide, value: float) -> None:
    decision = decide(s.bundle(s.requirement()), evidence=(s.evidence(value=value),))
    assert not decision.allow
    assert decision.failure == "input_not_finite"
    assert "roc_auc" in decision.violations[0]["message"]


def test_each_item_must_satisfy(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(metric="psi", comparison="<=", bound=0.2, each="feature"))
    good = s.evidence("psi", 0.1, each="feature", item="age")
    bad = s.evidence("psi", 0.3, each="feature", item="income")
    assert decide(built, evidence=(good,)).allow
    decision = decide(built, evidence=(good, bad))
    (violation,) = decision.violations
    assert violation["message"] == "`psi` of `income` is 0.3, must be <= 0.2"
    assert codes(decide(built, evidence=())) == ["evidence_missing"]


def test_last_checks_must_all_satisfy(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(gate="monitor/drift:exit", subject="monitor/drift", checks=3))
    gate, stage = "monitor/drift:exit", {"stage": "monitor/drift"}
    good, bad = s.evidence(**stage), s.evidence(value=0.1, **stage)
    history = tuple(s.check(number, good) for number in (2, 3))
    assert decide(built, gate, evidence=(good,), history=history).allow
    assert decide(built, gate, evidence=(good,), history=(s.check(1, bad), *history)).allow
    assert codes(decide(built, gate, evidence=(good,), history=history[:1])) == ["checks_insufficient"]
    assert codes(decide(built, gate, evidence=(good,), history=(s.check(1, bad), *history[:1]))) == ["bound_breached"]
    assert codes(decide(built, gate, evidence=(good,), history=(s.check(1), *history[:1]))) == ["evidence_missing"]
    other = tuple(s.check(number, good, stage="monitor/other") for number in (2, 3))
    assert codes(decide(built, gate, evidence=(good,), history=other)) == ["checks_insufficient"]


def test_too_few_checks_have_no_reaction(decide: s.Decide) -> None:
    control = s.requirement(gate="monitor/drift:exit", subject="monitor/drift", checks=2, reaction="retrain")
    decision = decide(s.bundle(control), "monitor/drift:exit", evidence=(s.evidence(stage="monitor/drift"),))
    assert codes(decision) == ["checks_insufficient"]
    assert decision.obligations == ()


def test_other_records_of_earlier_checks_do_not_matter(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(gate="monitor/drift:exit", subject="monitor/drift", checks=2))
    good, other = s.evidence(stage="monitor/drift"), s.evidence("psi", 0.1, stage="monitor/drift")
    assert decide(built, "monitor/drift:exit", evidence=(good,), history=(s.check(1, good, other),)).allow


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"over": "sex"}, "`roc_auc` over `sex`"),
        ({"on": "feedback"}, "`roc_auc` on `feedback`"),
        ({"attack": {"name": "fgsm"}}, '`roc_auc` under attack `{"name":"fgsm"}`'),
        ({"each": "sex"}, "`roc_auc` of each `sex`"),
    ],
)
def test_message_names_what_is_missing(decide: s.Decide, changes: dict[str, Any], name: str) -> None:
    decision = decide(s.bundle(s.requirement(**changes)))
    assert decision.violations[0]["message"] == f"{name} was not measured for this attempt"


def test_advisory_warns(decide: s.Decide) -> None:
    decision = decide(s.bundle(s.requirement(enforce="advisory")), evidence=(s.evidence(value=0.1),))
    assert decision.allow
    (warning,) = decision.warnings
    assert (warning["code"], warning["severity"], warning["waiver"]) == ("bound_breached", "advisory", None)


def test_breach_with_reaction_is_an_obligation(decide: s.Decide) -> None:
    control = s.requirement(
        gate="monitor/drift:exit", subject="monitor/drift", reaction="alert", reaction_to="risk-officer"
    )
    built = s.bundle(control)
    gate, stage = "monitor/drift:exit", {"stage": "monitor/drift"}
    expected = {
        "kind": "react",
        "reaction": "alert",
        "to": "risk-officer",
        "control": control.id,
        "text": control.text,
    }
    assert decide(built, gate, evidence=(s.evidence(value=0.1, **stage),)).obligations == (expected,)
    assert decide(built, gate).obligations == (expected,), "no data is a breach"
    assert decide(built, gate, evidence=(s.evidence(**stage),)).obligations == ()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.5, "0.5"),
        (0.7499999, "0.75"),
        (-0.25, "-0.25"),
        (0.0, "0"),
        (-3.0, "-3"),
        (10, "10"),
        (1e-9, "0"),
        (1e15, "1000000000000000"),
        (-1e15, "-1000000000000000"),
        (1.5e15, "more than 10^15"),
        (-1.5e15, "less than -10^15"),
        (123456789012345678, "more than 10^15"),
        (1e300, "more than 10^15"),
    ],
)
def test_numbers_read_the_same_everywhere(decide: s.Decide, value: float, shown: str) -> None:
    decision = decide(s.bundle(s.requirement(comparison="==", bound=7.0)), evidence=(s.evidence(value=value),))
    assert decision.violations[0]["message"] == f"`roc_auc` is {shown}, must be == 7"


# --- people ---------------------------------------------------------------------------------------

APPROVE = "approve/release:exit"
PEOPLE = {"owner": ("olga",), "trainer": ("tom",)}


def test_quorum_of_distinct_people_allows(decide: s.Decide) -> None:
    decision = decide(s.bundle(s.approval()), APPROVE, people=PEOPLE, approvals=(s.signed("ann"), s.signed("bob")))
    assert decision.allow


@pytest.mark.parametrize(
    "second",
    [
        s.signed("ann", key="second key of ann"),
        s.signed("bob", key="key of ann"),
        s.signed("olga"),
        s.signed("tom"),
        s.signed("bob", role="engineer"),
        s.signed("bob", approval="other"),
        s.signed("bob", signed_at="2026-10-22T07:59:59Z"),
        s.signed("bob", signed_at="2026-11-22T08:00:01Z"),
    ],
    ids=["two keys", "one key", "owner", "trainer", "role", "other approval", "expired", "future"],
)
def test_signature_that_does_not_count_leaves_it_waiting(decide: s.Decide, second: Any) -> None:
    decision = decide(s.bundle(s.approval()), APPROVE, people=PEOPLE, approvals=(s.signed("ann"), second))
    assert codes(decision) == ["approval_missing"]
    assert decision.waiting
    assert decision.violations[0]["message"] == "1 of 2 signatures of `risk-officer` for `release`"
    assert decision.violations[0]["waivable"] is False


def test_only_the_named_duties_are_excluded(decide: s.Decide) -> None:
    people = PEOPLE | {"sponsor": ("ann", "bob")}
    decision = decide(s.bundle(s.approval()), APPROVE, people=people, approvals=(s.signed("ann"), s.signed("bob")))
    assert decision.allow


@pytest.mark.parametrize(
    ("signed_at", "time", "allow"),
    [
        ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z", True),
        ("2026-10-23T08:00:00Z", "2026-11-22T08:00:00Z", True),
        ("2026-10-23T08:00:00Z", "2026-11-22T08:00:00.000000001Z", False),
        ("2026-10-23T08:00:00Z", "2026-11-22T08:00:00.005Z", False),
    ],
    ids=["now", "last moment", "a nanosecond late", "late"],
)
def test_an_approval_holds_to_the_moment(decide: s.Decide, signed_at: str, time: str, allow: bool) -> None:
    signatures = (s.signed("ann", signed_at=signed_at), s.signed("bob", signed_at=signed_at))
    decision = decide(s.bundle(s.approval()), APPROVE, people=PEOPLE, approvals=signatures, time=time)
    assert decision.allow is allow


def test_an_approval_without_an_end_does_not_expire(decide: s.Decide) -> None:
    built = s.bundle(s.approval(valid_seconds=None, quorum=1))
    old = s.signed("ann", signed_at="1999-01-01T00:00:00Z")
    assert decide(built, APPROVE, people=PEOPLE, approvals=(old,)).allow


def test_rejection_beats_approvals(decide: s.Decide) -> None:
    signatures = (s.signed("ann"), s.signed("bob"), s.signed("eve", type="reject"))
    decision = decide(s.bundle(s.approval()), APPROVE, people=PEOPLE, approvals=signatures)
    assert codes(decision) == ["rejected"]
    assert not decision.waiting


def test_a_rejection_does_not_lapse(decide: s.Decide) -> None:
    old = s.signed("eve", type="reject", signed_at="2020-01-01T00:00:00Z")
    decision = decide(s.bundle(s.approval()), APPROVE, people=PEOPLE, approvals=(s.signed("ann"), s.signed("bob"), old))
    assert codes(decision) == ["rejected"]


@pytest.mark.parametrize("people", [{}, {"owner": ("olga",)}, {"owner": ("olga",), "trainer": ()}])
def test_unknown_exclusion_denies(decide: s.Decide, people: Any) -> None:
    signatures = (s.signed("ann"), s.signed("bob"))
    decision = decide(s.bundle(s.approval()), APPROVE, people=people, approvals=signatures)
    assert "exclusion_unknown" in codes(decision)
    assert not decision.waiting


# --- retirement -----------------------------------------------------------------------------------

RETIRE = "retire/scorecard:entry"


def low(value: float = 0.6, **changes: Any) -> Any:
    return s.evidence(value=value, stage="monitor/drift", **changes)


@pytest.mark.parametrize(
    ("history", "due"),
    [
        ((), False),
        ((s.check(1, low()),), False),
        ((s.check(1, low()), s.check(2, low())), True),
        ((s.check(1, low()), s.check(2, low(0.7))), False),
        ((s.check(1, low(0.9)), s.check(2, low()), s.check(3, low())), True),
        ((s.check(1, low()), s.check(2, low()), s.check(3)), False),
        ((s.check(1, low()), s.check(2, low(grade="declared"))), False),
        ((s.check(1, low()), s.check(2, low(), stage="monitor/other")), False),
    ],
    ids=["none", "one", "both", "one back", "last two", "gap", "declared", "other monitor"],
)
def test_retirement_is_due_when_the_last_checks_say_so(decide: s.Decide, history: Any, due: bool) -> None:
    decision = decide(s.bundle(s.criterion()), RETIRE, history=history)
    assert decision.allow is due
    assert decision.waiting is not due
    assert codes(decision) == ([] if due else ["retirement_not_due"])


def test_text_never_meets_a_criterion(decide: s.Decide) -> None:
    built = s.bundle(s.criterion(comparison=">", checks=1))
    assert decide(built, RETIRE, history=(s.check(1, low("high")),)).waiting


def test_another_kind_of_control_does_not_retire(decide: s.Decide) -> None:
    built = s.bundle(s.criterion(), s.policy(gate=RETIRE), policies={s.policy().path: "package t\n\nallow := true\n"})
    assert codes(decide(built, RETIRE)) == ["retirement_not_due"]


def test_a_met_criterion_settles_criteria_only(decide: s.Decide) -> None:
    text = 'package t\n\ndeny contains "not now"\n'
    built = s.bundle(s.criterion(), s.policy(gate=RETIRE), policies={s.policy().path: text})
    decision = decide(built, RETIRE, history=(s.check(1, low()), s.check(2, low())))
    assert codes(decision) == ["policy_denied"]


def test_any_criterion_retires(decide: s.Decide) -> None:
    age = s.criterion(id="age", monitor=None, metric="age", comparison=">", bound=1000.0, unit="seconds", checks=1)
    built = s.bundle(s.criterion(), age)
    old = s.evidence("age", 2000, unit="seconds", stage="deploy/production")
    assert decide(built, RETIRE, evidence=(old,)).allow
    other = s.evidence("uptime", 2000, unit="seconds", stage="deploy/production")
    assert decide(built, RETIRE, evidence=(other,)).waiting
    mean_age = s.evidence("age", 2000, unit="number", stage="deploy/production")
    assert decide(built, RETIRE, evidence=(mean_age,)).waiting
    elsewhere = s.evidence("age", 2000, unit="seconds", stage="evaluate/holdout")
    assert decide(built, RETIRE, evidence=(elsewhere,)).waiting
    decision = decide(built, RETIRE)
    assert codes(decision) == ["retirement_not_due", "retirement_not_due"]
    assert decision.waiting


# --- waivers --------------------------------------------------------------------------------------


def test_signed_waiver_turns_a_breach_into_a_warning(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(),))
    decision = decide(built, evidence=(s.evidence(value=0.1),), waivers=(s.waived(),))
    assert decision.allow
    assert [(item["code"], item["waiver"]) for item in decision.warnings] == [("bound_breached", "first-quarter")]
    assert [item["kind"] for item in decision.obligations] == ["compensate"]


@pytest.mark.parametrize(
    ("asked", "signatures", "enforce"),
    [
        ((), (s.waived(),), "mandatory"),
        ((s.waiver(),), (), "mandatory"),
        ((s.waiver(control="other"),), (s.waived(),), "mandatory"),
        ((s.waiver(until="2026-11-21"),), (s.waived(),), "mandatory"),
        ((s.waiver(quorum=2),), (s.waived(), s.waived(key="second")), "mandatory"),
        ((s.waiver(quorum=2),), (s.waived(), s.waived(person="bob")), "mandatory"),
        ((s.waiver(quorum=0),), (), "mandatory"),
        ((s.waiver(),), (s.waived(role="engineer"),), "mandatory"),
        ((s.waiver(),), (s.waived(waiver="forged"),), "mandatory"),
        ((s.waiver(),), (s.waived(signed_at="2026-11-23T00:00:00Z"),), "mandatory"),
        ((s.waiver(),), (s.waived(),), "absolute"),
    ],
    ids=["not asked", "unsigned", "other", "over", "quorum", "key", "zero", "role", "forged", "future", "absolute"],
)
def test_waiver_that_does_not_count(decide: s.Decide, asked: Any, signatures: Any, enforce: Any) -> None:
    built = s.bundle(s.requirement(enforce=enforce), waivers=asked)
    decision = decide(built, evidence=(s.evidence(value=0.1),), waivers=signatures)
    assert codes(decision) == ["bound_breached"]


@pytest.mark.parametrize("until", ["2026-11-22", "2026-11-23"])
def test_waiver_counts_on_its_last_day(decide: s.Decide, until: str) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(until=until),))
    assert decide(built, evidence=(s.evidence(value=0.1),), waivers=(s.waived(),)).allow


def test_waiver_counts_from_its_signature_on(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(),))
    assert decide(built, evidence=(s.evidence(value=0.1),), waivers=(s.waived(signed_at=s.TIME),)).allow


def test_waived_breach_has_no_reaction(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(reaction="retrain"), waivers=(s.waiver(),))
    decision = decide(built, evidence=(s.evidence(value=0.1),), waivers=(s.waived(),))
    assert decision.allow
    assert [item["kind"] for item in decision.obligations] == ["compensate"]


def test_first_of_two_waivers_is_named(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(name="b"), s.waiver(name="a")))
    decision = decide(built, evidence=(s.evidence(value=0.1),), waivers=(s.waived(waiver="a"), s.waived(waiver="b")))
    assert [warning["waiver"] for warning in decision.warnings] == ["a"]


@pytest.mark.parametrize("signed", ["w-f1", "w-roc_auc"])
def test_each_of_two_waivers_covers_its_own_control_only(decide: s.Decide, signed: str) -> None:
    controls = tuple(s.requirement(id=f"holdout.{metric}", metric=metric) for metric in ("f1", "roc_auc"))
    waivers = tuple(s.waiver(name=f"w-{metric}", control=f"holdout.{metric}") for metric in ("f1", "roc_auc"))
    built = s.bundle(*controls, waivers=waivers)
    evidence = (s.evidence("f1", 0.7), s.evidence("roc_auc", 0.7))
    decision = decide(built, evidence=evidence, waivers=(s.waived(waiver=signed),))
    assert [item["waiver"] for item in decision.warnings] == [signed]
    assert [item["control"] for item in decision.violations] == [f"holdout.{'roc_auc' if signed == 'w-f1' else 'f1'}"]


HOLDOUT = "evaluate/holdout:exit"


def _glass(gate: str = HOLDOUT, **changes: Any) -> Any:
    return s.waived(waiver=f"break-glass:{gate}", role="", **changes)


def _glasses(decide: s.Decide, built: Any, gate: str = HOLDOUT, **facts: Any) -> tuple[Any, ...]:
    """Glass broken by somebody who was shown everything that is denied without it."""
    shown = [shown_breach(gate, violation) for violation in decide(built, gate, **facts).violations]
    return (_glass(gate), *(s.waived(waiver=name, role="") for name in shown))


def test_broken_glass_lets_a_breach_pass_and_names_it(decide: s.Decide) -> None:
    built, evidence = s.bundle(s.requirement()), (s.evidence(value=0.7),)
    decision = decide(built, evidence=evidence, waivers=_glasses(decide, built, evidence=evidence))
    assert decision.allow and decision.obligations == ()
    (warning,) = decision.warnings
    assert (warning["waiver"], warning["code"], warning["waivable"]) == (
        f"break-glass:{HOLDOUT}",
        "bound_breached",
        True,
    )


def test_broken_glass_does_not_let_pass_what_nobody_was_shown(decide: s.Decide) -> None:
    built, shown = s.bundle(s.requirement()), (s.evidence(value=0.7),)
    glasses = _glasses(decide, built, evidence=shown)
    for waivers, evidence in ((glasses, (s.evidence(value=0.6),)), ((_glass(),), shown)):
        decision = decide(built, evidence=evidence, waivers=waivers)
        assert codes(decision) == ["bound_breached"]
        (warning,) = decision.warnings
        assert (warning["code"], warning["severity"], warning["waiver"]) == ("glass_elsewhere", "advisory", None)
    assert decide(built, evidence=(s.evidence(value=0.8),), waivers=glasses).warnings == ()


def test_broken_glass_lets_missing_signatures_pass(decide: s.Decide) -> None:
    built = s.bundle(s.approval())
    one = {"people": PEOPLE, "approvals": (s.signed("ann"),)}
    glasses = _glasses(decide, built, APPROVE, **one)
    decision = decide(built, APPROVE, **one, waivers=glasses)
    assert decision.allow
    assert [(item["code"], item["waivable"]) for item in decision.warnings] == [("approval_missing", False)]
    assert codes(decide(built, APPROVE, people=PEOPLE, waivers=glasses)) == ["approval_missing"]
    rejected = {"people": PEOPLE, "approvals": (s.signed("ann"), s.signed("bob"), s.signed("eve", type="reject"))}
    decision = decide(built, APPROVE, **rejected, waivers=_glasses(decide, built, APPROVE, **rejected))
    assert codes(decision) == ["rejected"]


@pytest.mark.parametrize(
    ("control", "evidence", "changes", "code"),
    [
        ({}, (s.evidence(value=0.7),), {"waiver": "break-glass:evaluate/parity:exit"}, "bound_breached"),
        ({}, (s.evidence(value=0.7),), {"signed_at": "2026-11-22T08:00:01Z"}, "bound_breached"),
        ({"enforce": "absolute"}, (s.evidence(value=0.7),), {}, "bound_breached"),
        ({}, (), {}, "evidence_missing"),
        ({}, (s.evidence(grade="declared"),), {}, "evidence_grade"),
    ],
    ids=["other gate", "to come", "absolute", "missing", "declared"],
)
def test_what_broken_glass_does_not_let_pass(
    decide: s.Decide, control: Any, evidence: Any, changes: Any, code: str
) -> None:
    built = s.bundle(s.requirement(**control))
    glasses = tuple(replace(glass, **changes) for glass in _glasses(decide, built, evidence=evidence))
    decision = decide(built, evidence=evidence, waivers=glasses)
    assert codes(decision) == [code]
    assert [item["code"] for item in decision.warnings] == ([] if changes else ["glass_elsewhere"])


def test_glass_broken_at_this_very_moment_counts(decide: s.Decide) -> None:
    built, evidence = s.bundle(s.requirement()), (s.evidence(value=0.7),)
    glasses = _glasses(decide, built, evidence=evidence)
    assert decide(built, evidence=evidence, waivers=tuple(replace(g, signed_at=s.TIME) for g in glasses)).allow


def test_what_is_waived_or_advisory_is_so_under_broken_glass_too(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(),))
    evidence = (s.evidence(value=0.7),)
    decision = decide(built, evidence=evidence, waivers=(s.waived(), *_glasses(decide, built, evidence=evidence)))
    assert [item["waiver"] for item in decision.warnings] == ["first-quarter"]
    elsewhere = decide(built, evidence=evidence, waivers=(s.waived(), _glass()))
    assert elsewhere.allow
    assert [item["waiver"] for item in elsewhere.warnings] == ["first-quarter"]
    decision = decide(s.bundle(s.requirement(enforce="advisory")), evidence=evidence, waivers=(_glass(),))
    assert [item["waiver"] for item in decision.warnings] == [None]


def test_rule_of_a_pack_can_be_waived_unless_absolute(decide: s.Decide) -> None:
    built = s.bundle(
        waivers=(s.waiver(control="core/lawful-basis"), s.waiver(name="x", control="core/not-prohibited")),
        more_gates=["acquire/people:exit"],
    )
    people = s.declaration("dataset", "people", **{"class": "personal"})
    signatures = (s.waived(), s.waived(waiver="x"))
    decision = decide(built, "acquire/people:exit", declarations=(people,), waivers=signatures)
    assert decision.allow
    assert [(item["control"], item["waiver"]) for item in decision.warnings] == [("core/lawful-basis", "first-quarter")]


def test_missing_evidence_cannot_be_waived(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(),))
    decision = decide(built, waivers=(s.waived(),))
    assert codes(decision) == ["evidence_missing"]
    assert decision.violations[0]["waivable"] is False


# --- the gate itself ------------------------------------------------------------------------------


def test_unknown_gate_denies(decide: s.Decide) -> None:
    decision = decide(s.bundle(s.requirement()), "train/unknown:entry")
    assert codes(decision) == ["gate_unknown"]


def test_gate_without_controls_is_decided_by_the_packs(decide: s.Decide) -> None:
    decision = decide(s.bundle(more_gates=["train/scorecard:entry"]), "train/scorecard:entry")
    assert decision.allow
    assert all(name.startswith("core/") for name in decision.evaluated)
    assert decision.evaluated


def test_names_cannot_become_code(decide: s.Decide) -> None:
    nasty = 'x"]} := true # \n\\ {{ 7 * 7 }} \u2028\U0001f600 `'
    control = s.requirement(id=nasty, metric=nasty, over=nasty, text=nasty, reaction=nasty, reaction_to=nasty)
    built = s.bundle(control, waivers=(s.waiver(name=nasty, control=nasty, reason=nasty),))
    assert decide(built, evidence=(s.evidence(nasty, over=nasty),)).allow
    assert codes(decide(built, evidence=(s.evidence(nasty, 0.1, over=nasty),))) == ["bound_breached"]
    assert decide(built, evidence=(s.evidence(nasty, 0.1, over=nasty),)).violations[0]["control"] == nasty


# --- the packs ------------------------------------------------------------------------------------

ACQUIRE = "acquire/people:exit"


def test_rule_that_is_not_met_says_what_and_why(decide: s.Decide) -> None:
    built = s.bundle(more_gates=[ACQUIRE])
    declared = [s.declaration("dataset", name, **{"class": "personal"}) for name in ("people", "more")]
    lineage = (s.upstream("prepare/more", subject="dataset/more"),)
    decision = decide(built, ACQUIRE, declarations=tuple(declared), lineage=lineage)
    assert [(item["control"], item["code"], item["message"]) for item in decision.violations] == [
        ("core/lawful-basis", "rule_not_met", "dataset `more` holds personal data without a lawful basis"),
        ("core/lawful-basis", "rule_not_met", "dataset `people` holds personal data without a lawful basis"),
    ]
    violation = decision.violations[0]
    assert (violation["policy"], violation["severity"], violation["clauses"], violation["evidence"]) == (
        "core",
        "mandatory",
        ["gdpr Art. 6(1)"],
        None,
    )
    assert violation["remedy"].startswith("declare the dataset's `basis`")
    assert violation["waivable"] is True
    assert "core/lawful-basis" in decision.evaluated
    assert "core/hazards-mitigated" not in decision.evaluated, "a rule that does not apply is not evaluated"


def test_rule_without_words_says_its_title(decide: s.Decide) -> None:
    decision = decide(s.bundle(more_gates=[ACQUIRE]), ACQUIRE, artifacts={})
    assert [violation["message"] for violation in decision.violations] == [
        "A stage that makes files names each by its digest"
    ]


def test_prohibited_practice_is_never_allowed(decide: s.Decide) -> None:
    prohibited = s.lifecycle(risk="prohibited")
    decision = decide(s.bundle(lifecycle=prohibited, more_gates=[ACQUIRE]), ACQUIRE, lifecycle=prohibited)
    assert [(item["control"], item["severity"], item["waivable"]) for item in decision.violations] == [
        ("core/not-prohibited", "absolute", False)
    ]


# --- bundles that are not what the compiler makes -------------------------------------------------


def test_no_plan_denies(decide: s.Decide) -> None:
    decision = decide(s.altered(s.bundle(s.requirement()), revision=None), evidence=(s.evidence(),))
    assert not decision.allow
    assert decision.failure == "result_undefined"


def test_nothing_to_evaluate_denies(decide: s.Decide) -> None:
    built = s.altered(s.bundle(more_gates=[ACQUIRE]), packs={}, rules={})
    decision = decide(built, ACQUIRE)
    assert codes(decision) == ["nothing_evaluated"]
    assert decision.violations[0]["message"] == "no control and no rule was evaluated"
    assert decision.violations[0]["severity"] == "absolute"


def test_one_rule_or_one_control_is_something(decide: s.Decide) -> None:
    built = s.altered(s.bundle(s.requirement()), packs={}, rules={})
    assert decide(built, evidence=(s.evidence(),)).evaluated == ("holdout.roc_auc",)
    assert decide(built, evidence=(s.evidence(),)).allow


def test_bundle_of_another_lifecycle_denies(decide: s.Decide) -> None:
    for other in ("other", None):
        decision = decide(s.altered(s.bundle(s.requirement()), lifecycle=other), evidence=(s.evidence(),))
        assert codes(decision) == ["lifecycle_mismatch"]
        assert decision.violations[0]["message"] == "the input is about another lifecycle than the bundle"


def test_control_that_is_not_generated_denies(decide: s.Decide) -> None:
    gates = {"evaluate/holdout:exit": ["holdout.roc_auc", "ghost"]}
    decision = decide(s.altered(s.bundle(s.requirement()), gates=gates), evidence=(s.evidence(),))
    assert [(item["code"], item["message"]) for item in decision.violations] == [
        ("not_evaluated", "`ghost` was not evaluated")
    ]
    assert "ghost" not in decision.evaluated


def test_no_controls_loaded_denies(decide: s.Decide) -> None:
    built = s.altered(s.bundle(s.requirement()), without=("charter/controls.rego",))
    assert codes(decide(built, evidence=(s.evidence(),))) == ["not_evaluated"]


def test_pack_that_is_not_loaded_denies(decide: s.Decide) -> None:
    built = s.altered(s.bundle(s.requirement()), without=("charter/packs/core/core.rego",))
    decision = decide(built, evidence=(s.evidence(),))
    found = [violation for violation in decision.violations if violation["code"] == "pack_missing"]
    assert [violation["message"] for violation in found] == ["the rules of pack `core` are not loaded"]
    assert {violation["code"] for violation in decision.violations} == {"pack_missing", "rule_not_met"}


def test_pack_that_is_not_loaded_denies_even_if_the_plan_knows_no_rule_of_it(decide: s.Decide) -> None:
    built = s.altered(s.bundle(s.requirement()), without=("charter/packs/core/core.rego",), packs={"core": {}})
    assert codes(decide(built, evidence=(s.evidence(),))) == ["pack_missing"]


def test_control_that_the_plan_does_not_describe_is_absolute(decide: s.Decide) -> None:
    built = s.altered(s.bundle(s.requirement(), waivers=(s.waiver(),)), controls={})
    decision = decide(built, evidence=(s.evidence(value=0.1),), waivers=(s.waived(),))
    (violation,) = decision.violations
    described = (violation["policy"], violation["severity"], violation["clauses"], violation["remedy"])
    assert described == ("charter", "absolute", [], "")
    assert violation["waivable"] is False


def test_rule_that_the_plan_does_not_describe_is_absolute(decide: s.Decide) -> None:
    built = s.altered(s.bundle(more_gates=[ACQUIRE]), rules={})
    decision = decide(built, ACQUIRE, artifacts={})
    (violation,) = decision.violations
    assert (violation["message"], violation["severity"]) == ("core/artifacts-named", "absolute")


def test_control_decides_only_where_the_plan_puts_it(decide: s.Decide) -> None:
    built = s.altered(s.bundle(s.requirement(enforce="advisory")), gates={"evaluate/holdout:exit": []})
    decision = decide(built, evidence=(s.evidence(value=0.1),))
    assert decision.allow
    assert decision.warnings == ()
    assert "holdout.roc_auc" not in decision.evaluated


def test_control_that_the_plan_left_out_decides_nothing_beside_another(decide: s.Decide) -> None:
    both = s.bundle(s.requirement(), s.requirement(id="holdout.f1", metric="f1"))
    decision = decide(
        s.altered(both, gates={"evaluate/holdout:exit": ["holdout.f1"]}), evidence=(s.evidence(value=0.1),)
    )
    assert [(item["control"], item["code"]) for item in decision.violations] == [("holdout.f1", "evidence_missing")]
    assert "holdout.roc_auc" not in decision.evaluated


def test_warnings_of_a_policy_count_only_at_its_gate(decide: s.Decide) -> None:
    text = 'package t\n\nwarn contains "look here"\n'
    control = s.policy(gate="evaluate/holdout:exit")
    built = s.bundle(control, policies={control.path: text})
    assert [warning["message"] for warning in decide(built).warnings] == ["look here"]
    assert decide(s.altered(built, gates={"evaluate/holdout:exit": []})).warnings == ()
    beside = s.bundle(control, s.requirement(), policies={control.path: text})
    decision = decide(s.altered(beside, gates={"evaluate/holdout:exit": ["holdout.roc_auc"]}))
    assert (codes(decision), decision.warnings) == (["evidence_missing"], ())
