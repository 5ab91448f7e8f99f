"""The contract: what each kind of control allows and denies, the same on every engine."""

from typing import Any

import gate_samples as s
import pytest

from charter.runtime.gates.decide import Decision


def codes(decision: Decision) -> list[str]:
    return [violation["code"] for violation in decision.violations]


def test_bound_met_allows(decide: s.Decide) -> None:
    decision = decide(s.bundle(s.requirement()), evidence=(s.evidence(value=0.75),))
    assert decision.allow
    assert decision.failure is None
    assert "holdout.roc_auc" in decision.evaluated


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


def test_rejection_beats_approvals(decide: s.Decide) -> None:
    signatures = (s.signed("ann"), s.signed("bob"), s.signed("eve", type="reject"))
    decision = decide(s.bundle(s.approval()), APPROVE, people=PEOPLE, approvals=signatures)
    assert codes(decision) == ["rejected"]
    assert not decision.waiting


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


def test_any_criterion_retires(decide: s.Decide) -> None:
    age = s.criterion(id="age", monitor=None, metric="age", comparison=">", bound=1000.0, unit="seconds", checks=1)
    built = s.bundle(s.criterion(), age)
    old = s.evidence("age", 2000, unit="seconds", stage="deploy/production")
    assert decide(built, RETIRE, evidence=(old,)).allow
    mean_age = s.evidence("age", 2000, unit="number", stage="deploy/production")
    assert decide(built, RETIRE, evidence=(mean_age,)).waiting
    elsewhere = s.evidence("age", 2000, unit="seconds", stage="evaluate/holdout")
    assert decide(built, RETIRE, evidence=(elsewhere,)).waiting
    decision = decide(built, RETIRE)
    assert codes(decision) == ["retirement_not_due", "retirement_not_due"]
    assert decision.waiting


# --- waivers --------------------------------------------------------------------------------------


def signed_waiver(**changes: Any) -> Any:
    from charter.runtime.gates.contract import WaiverFact

    fields: dict[str, Any] = {
        "waiver": "first-quarter",
        "person": "ann",
        "role": "risk-officer",
        "key": "key of ann",
        "signed_at": "2026-11-20T08:00:00Z",
        "statement_digest": s.digest("e"),
    }
    return WaiverFact(**fields | changes)


def test_signed_waiver_turns_a_breach_into_a_warning(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(),))
    decision = decide(built, evidence=(s.evidence(value=0.1),), waivers=(signed_waiver(),))
    assert decision.allow
    assert [(item["code"], item["waiver"]) for item in decision.warnings] == [("bound_breached", "first-quarter")]
    assert [item["kind"] for item in decision.obligations] == ["compensate"]


@pytest.mark.parametrize(
    ("asked", "signatures", "enforce"),
    [
        ((), (signed_waiver(),), "mandatory"),
        ((s.waiver(),), (), "mandatory"),
        ((s.waiver(control="other"),), (signed_waiver(),), "mandatory"),
        ((s.waiver(until="2026-11-21"),), (signed_waiver(),), "mandatory"),
        ((s.waiver(quorum=2),), (signed_waiver(), signed_waiver(key="second")), "mandatory"),
        ((s.waiver(quorum=0),), (), "mandatory"),
        ((s.waiver(),), (signed_waiver(role="engineer"),), "mandatory"),
        ((s.waiver(),), (signed_waiver(waiver="forged"),), "mandatory"),
        ((s.waiver(),), (signed_waiver(signed_at="2026-11-23T00:00:00Z"),), "mandatory"),
        ((s.waiver(),), (signed_waiver(),), "absolute"),
    ],
    ids=["not asked", "unsigned", "other", "over", "quorum", "zero", "role", "forged", "future", "absolute"],
)
def test_waiver_that_does_not_count(decide: s.Decide, asked: Any, signatures: Any, enforce: Any) -> None:
    built = s.bundle(s.requirement(enforce=enforce), waivers=asked)
    decision = decide(built, evidence=(s.evidence(value=0.1),), waivers=signatures)
    assert codes(decision) == ["bound_breached"]


@pytest.mark.parametrize("until", ["2026-11-22", "2026-11-23"])
def test_waiver_counts_on_its_last_day(decide: s.Decide, until: str) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(until=until),))
    assert decide(built, evidence=(s.evidence(value=0.1),), waivers=(signed_waiver(),)).allow


def test_missing_evidence_cannot_be_waived(decide: s.Decide) -> None:
    built = s.bundle(s.requirement(), waivers=(s.waiver(),))
    decision = decide(built, waivers=(signed_waiver(),))
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
