"""`charter why`: the sets that it names turn the gate green, none smaller does, and nothing is promised in vain."""

import itertools
from dataclasses import replace as replaced
from typing import Any

import gate_samples as s
import pytest
from msgspec.structs import replace

from charter.compiler import ir
from charter.runtime.cli.why import _show_found
from charter.runtime.gates.contract import GateInput, encode_input
from charter.runtime.gates.decide import Decision, decide
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.input import gate_input
from charter.runtime.why.moves import Around, Move, moves
from charter.runtime.why.search import Found, smallest

HOLDOUT, APPROVE = "evaluate/holdout:exit", "approve/release:exit"
PEOPLE = {"owner": ("olga",), "trainer": ("tom",)}


class Asked:
    """One gate of a bundle with its facts, on a real engine."""

    def __init__(self, engine: PolicyEngine, *controls: ir.Control, waivers=(), gate=HOLDOUT, **facts: Any) -> None:
        built = s.bundle(*controls, waivers=waivers, policies=facts.pop("policies", {}), **facts.pop("more", {}))
        engine.load(built)
        self.engine, self.built = engine, built
        document, given = s.asked(built, gate, **facts)
        self.document = replace(document, controls=controls, waivers=waivers)
        self.start = gate_input(self.document, given)
        able = {f"waiver/{waiver.name}": ("ann", "bob") for waiver in waivers} | {"approval/release": ("ann", "bob")}
        self.around = Around(self.document, able, tuple(waivers))

    def ask(self, at: GateInput) -> Decision:
        return decide(self.engine, self.built, encode_input(at))

    def found(self) -> Found:
        return smallest(self.ask, self.start, self.around)

    def applied(self, chosen: tuple[Move, ...]) -> Decision:
        at = self.start
        for move in chosen:
            at = move.apply(at)
        return self.ask(at)


def _what(found: Found) -> list[list[str]]:
    return [sorted(move.what for move in chosen) for chosen in found.sets]


def test_a_breach_is_mended_or_waived(engine: PolicyEngine) -> None:
    asked = Asked(engine, s.requirement(), waivers=(s.waiver(quorum=2),), evidence=(s.evidence(value=0.7),))
    found = asked.found()
    assert _what(found) == [
        ["2 of `risk-officer` sign the waiver `first-quarter`"],
        ["`roc_auc` is >= 0.75; it is 0.7"],
    ]
    assert not found.guessed and found.exhausted
    assert found.sets[0][0].people == ("ann", "bob")
    assert all(asked.applied(chosen).allow for chosen in found.sets)


@pytest.mark.parametrize(
    ("control", "evidence", "says"),
    [
        ({}, (), "it was not measured"),
        ({"comparison": ">"}, (s.evidence(value=0.75),), "`roc_auc` is > 0.75; it is 0.75"),
        ({"comparison": "=="}, (s.evidence(value=0.7),), "`roc_auc` is == 0.75"),
        ({"confidence": 0.95}, (s.evidence(value=0.8),), "with confidence 95%; it is 0.8"),
        ({"confidence": 0.95}, (s.evidence(low=0.7, high=0.9, confidence=0.95),), "it is 0.8 [0.7 to 0.9]"),
        ({"least_grade": "attested"}, (s.evidence(),), "is attested by a role"),
        ({"least_grade": "reproduced"}, (s.evidence(),), "is measured a second time"),
        ({}, (s.evidence(value="good"),), "it is good"),
        ({"over": "sex"}, (s.evidence(over="sex", value=0.1),), "`roc_auc` over `sex`"),
    ],
)
def test_whatever_is_wrong_with_evidence_has_its_move(
    engine: PolicyEngine, control: dict[str, Any], evidence: Any, says: str
) -> None:
    asked = Asked(engine, s.requirement(**control), evidence=evidence)
    (chosen,) = asked.found().sets
    assert says in chosen[0].what
    assert asked.applied(chosen).allow


@pytest.mark.parametrize(
    ("least", "grade", "command"),
    [
        ("attested", "measured", "charter attest evaluate/holdout:roc_auc --role ROLE --key YOUR.key"),
        ("attested", "declared", "charter attest evaluate/holdout:roc_auc --role ROLE --key YOUR.key"),
        ("reproduced", "attested", "charter reproduce evaluate/holdout --key YOUR.key"),
        ("measured", "declared", ""),
    ],
)
def test_what_raises_a_grade_is_named(engine: PolicyEngine, least: Any, grade: Any, command: str) -> None:
    asked = Asked(engine, s.requirement(least_grade=least), evidence=(s.evidence(grade=grade),))
    assert [[move.command for move in chosen] for chosen in asked.found().sets] == [[command]]


def test_nothing_makes_what_was_declared_reproduced(engine: PolicyEngine) -> None:
    asked = Asked(engine, s.requirement(least_grade="reproduced"), evidence=(s.evidence(grade="declared"),))
    found = asked.found()
    assert (found.sets, [item["code"] for item in found.stuck]) == ((), ["evidence_grade"])


def test_evidence_that_is_both_unfit_and_in_breach_needs_both(engine: PolicyEngine) -> None:
    asked = Asked(engine, s.requirement(least_grade="attested"), evidence=(s.evidence(value=0.7),))
    assert _what(asked.found()) == [
        ["`roc_auc` is >= 0.75; it is 0.7", "`roc_auc` is attested by a role that the charter names"]
    ]


def test_every_item_that_breaches_is_named(engine: PolicyEngine) -> None:
    psi = {"id": "drift.psi", "metric": "psi", "comparison": "<=", "bound": 0.2, "each": "feature"}
    items = tuple(
        s.evidence("psi", value, each="feature", item=item) for item, value in (("a", 0.3), ("b", 0.1), ("c", 0.4))
    )
    found = Asked(engine, s.requirement(**psi), evidence=items).found()
    assert _what(found) == [["`psi` of `a` is <= 0.2; it is 0.3", "`psi` of `c` is <= 0.2; it is 0.4"]]


def test_an_absolute_control_is_never_waived(engine: PolicyEngine) -> None:
    waivers = (s.waiver(),)
    asked = Asked(engine, s.requirement(enforce="absolute"), waivers=waivers, evidence=(s.evidence(value=0.7),))
    assert _what(asked.found()) == [["`roc_auc` is >= 0.75; it is 0.7"]]


def test_people_are_asked_for_as_many_as_are_missing(engine: PolicyEngine) -> None:
    asked = Asked(engine, s.approval(), gate=APPROVE, people=PEOPLE, approvals=(s.signed("ann"),))
    (chosen,) = asked.found().sets
    assert chosen[0].what == "1 more of `risk-officer` approves `release`"
    unknown = Asked(engine, s.approval(), gate=APPROVE, people={"owner": ("olga",)})
    (both,) = _what(unknown.found())
    assert [what.partition(" of ")[0] for what in both] == [
        "2 more",
        "it is shown who the trainer is: the owner is a person",
    ]


def test_a_rejection_needs_its_author(engine: PolicyEngine) -> None:
    signed = (s.signed("ann"), s.signed("bob"), s.signed("eve", type="reject"))
    (chosen,) = Asked(engine, s.approval(), gate=APPROVE, people=PEOPLE, approvals=signed).found().sets
    assert chosen[0].what.startswith("who rejected `release` approves it") and chosen[0].people == ("eve",)


def test_after_a_rejection_one_approval_is_one_act(engine: PolicyEngine) -> None:
    """Who rejected is one of those who must approve, and what the rejection beat counts again."""
    only = Asked(engine, s.approval(quorum=1), gate=APPROVE, people=PEOPLE, approvals=(s.signed("eve", type="reject"),))
    assert [len(chosen) for chosen in only.found().sets] == [1]
    two = Asked(engine, s.approval(), gate=APPROVE, people=PEOPLE, approvals=(s.signed("eve", type="reject"),))
    (both,) = _what(two.found())
    assert len(both) == 2 and both[0] == "1 more of `risk-officer` approves `release`"
    two.around = replaced(two.around, overruled={"release": (s.signed("ann"),)})
    (chosen,) = two.found().sets
    assert len(chosen) == 1 and two.applied(chosen).allow


def test_the_sets_are_exactly_the_minimal_ones(engine: PolicyEngine) -> None:
    """Against an oracle that puts every subset of all moves to the engine."""
    controls = tuple(s.requirement(id=f"holdout.{metric}", metric=metric) for metric in ("roc_auc", "f1", "recall"))
    waivers = tuple(s.waiver(name=f"w-{metric}", control=f"holdout.{metric}") for metric in ("roc_auc", "f1"))
    evidence = tuple(s.evidence(metric, 0.7) for metric in ("roc_auc", "f1", "recall"))
    asked = Asked(engine, *controls, waivers=waivers, evidence=evidence)
    every = [move for item in asked.ask(asked.start).violations for move in moves(item, asked.start, asked.around)]
    green: list[set[str]] = []
    for count in range(len(every) + 1):
        for chosen in itertools.combinations(every, count):
            names = {move.what for move in chosen}
            if not any(smaller <= names for smaller in green) and asked.applied(chosen).allow:
                green.append(names)
    assert len(green) == 4
    assert sorted(map(sorted, green)) == sorted(_what(asked.found()))


REGO = """package no_proxy

deny contains "the share is too small" if {
	some record in input.evidence
	record.metric == "share"
	record.value < 0.4
}
"""
IMPOSSIBLE = 'package no_proxy\n\ndeny contains "never" if input.schema > 0\n'


@pytest.mark.parametrize(("rego", "sets"), [(REGO, True), (IMPOSSIBLE, False)])
def test_other_peoples_rego_is_searched_and_that_is_said(
    engine: PolicyEngine, rego: str, sets: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    control = s.policy(id="no-proxy", gate=HOLDOUT)
    policies = {"policies/no_proxy.rego": rego}
    found = Asked(engine, control, policies=policies, evidence=(s.evidence("share", 0.2),)).found()
    assert bool(found.sets) is sets
    if sets:
        assert found.guessed and "`share` (evaluate/holdout) moves from 0.2 towards 1" in found.sets[0][0].what
    else:
        assert found.stuck[0]["code"] == "policy_denied"
        _show_found(found, "an engine")
        told = capsys.readouterr().out
        assert "nothing was found that turns it green; the search was bounded" in told
        assert "nothing that is measured" not in told and "searched, not proved" in told


def test_a_waived_rule_of_the_team_is_exact_all_the_same(engine: PolicyEngine) -> None:
    waivers = (s.waiver(control="no-proxy"),)
    control = s.policy(id="no-proxy", gate=HOLDOUT)
    found = Asked(engine, control, waivers=waivers, policies={"policies/no_proxy.rego": IMPOSSIBLE}).found()
    assert _what(found) == [["1 of `risk-officer` signs the waiver `first-quarter`"]]
