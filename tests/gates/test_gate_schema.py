"""The types of the contract and the published JSON Schemas accept and refuse the same documents."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import gate_samples as s
import msgspec
import pytest
from gate_cases import recorded_cases
from gate_inputs import gate_inputs
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from charter.policies.catalogue import schema
from charter.runtime.gates.contract import GateInput, GateResult, decode_input, encode_input
from charter.runtime.gates.input import build_input
from charter.runtime.gates.publish import as_text, published_schemas

INPUT = Draft202012Validator(schema("input"))
OTHERS = (None, True, 0, -1, 1.5, 3.0, 1e300, 2**53, 2**53 + 1, "", "x", s.TIME, s.MODEL, [], {}, ["x"])
RESULT = Draft202012Validator(schema("result"))


@pytest.mark.parametrize("name", ["input", "input.1", "result"])
def test_published_schema_is_the_types(name: str) -> None:
    path = Path(__file__).parents[2] / "policies" / "schema" / f"{name}.schema.json"
    assert path.read_text() == as_text(published_schemas()[name]), "run python -m charter.runtime.gates.publish"


def decodes(document: Any) -> bool:
    try:
        decode_input(json.dumps(document).encode())
    except msgspec.DecodeError:
        return False
    return True


@given(gate_inputs())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_random_inputs_fit_both(document: GateInput) -> None:
    data = encode_input(document)
    assert decode_input(data) == document
    assert list(INPUT.iter_errors(json.loads(data))) == []


@given(gate_inputs(), st.data())
@settings(max_examples=80, deadline=None, derandomize=True)
def test_changed_inputs_are_refused_by_both_or_neither(document: GateInput, data: st.DataObject) -> None:
    plain = json.loads(encode_input(document))
    changed = change(plain, data)
    assert decodes(changed) == (not list(INPUT.iter_errors(changed)))


def change(document: Any, data: st.DataObject) -> Any:
    """One place changed: a value of another type, a key more or less."""
    changed = copy.deepcopy(document)
    spot = changed
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        if not keys:
            spot |= {"unknown": 1} if isinstance(spot, dict) else {}
            return changed
        key = data.draw(st.sampled_from(keys))
        inside = spot[key]
        if isinstance(inside, dict | list) and inside and data.draw(st.booleans()):
            spot = inside
            continue
        how = data.draw(st.sampled_from(["remove", "replace", "add"]))
        if how == "remove":
            del spot[key]
        elif how == "replace":
            spot[key] = data.draw(st.sampled_from(OTHERS))
        elif isinstance(spot, dict):
            spot["unknown"] = 1
        else:
            spot.append(inside)
        return changed


OLD = Draft202012Validator(schema("input.1"))
LOANS = Path(__file__).parents[1] / "vectors" / "loans" / "events.jsonl"


def test_inputs_in_older_ledgers_stay_valid_as_they_are() -> None:
    events = map(json.loads, LOANS.read_text().splitlines())
    inputs = [item["attachments"][item["body"]["input"]] for item in events if item["kind"] == "gate.decided"]
    assert len(inputs) == 25
    for text in inputs:
        assert list(OLD.iter_errors(json.loads(text))) == []
        assert encode_input(decode_input(text.encode())) == text.encode()


@given(gate_inputs())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_each_version_has_its_own_members(document: GateInput) -> None:
    new = json.loads(encode_input(document))
    without = {key: value for key, value in new.items() if key != "models"}
    for changed, fits in ((new | {"schema": 1}, False), (without, False), (without | {"schema": 1}, True)):
        assert decodes(changed) == fits
        assert (not list(OLD.iter_errors(changed))) == fits
        assert list(INPUT.iter_errors(changed)) != []


def test_every_result_of_the_contract_tests_fits() -> None:
    for case in recorded_cases():
        if case.decision.failure is None:
            document = {
                "schema": 1,
                "revision": case.bundle.revision,
                "gate": decode_input(case.input).transition.gate,
                "time": decode_input(case.input).time,
                "allow": case.decision.allow,
                "violations": list(case.decision.violations),
                "warnings": list(case.decision.warnings),
                "obligations": list(case.decision.obligations),
                "evaluated": list(case.decision.evaluated),
            }
            assert list(RESULT.iter_errors(document)) == []
            msgspec.convert(document, GateResult)


def test_input_holds_what_the_contract_promises() -> None:
    built = s.bundle(s.requirement())
    people = s.declaration("dataset", "people", **{"class": "personal", "basis": "consent", "personal": "email"})
    holdout = s.declaration("evaluation", "holdout", require=[1])
    ir = s.document(built, people, holdout, parameters={"min-auc": 0.75}, models={"scorecard": s.provenance()})
    facts = s.facts(
        evidence=(s.evidence(),),
        lineage=(s.upstream("acquire/people", subject="dataset/people"),),
        models={"scorecard": s.MODEL},
    )
    document = json.loads(build_input(ir, facts))
    assert list(INPUT.iter_errors(document)) == []
    assert document["lifecycle"]["meaning"] == ir.meaning
    assert document["declaration"]["body"] == {"require": [1]}
    assert document["parameters"] == {"min-auc": 0.75}
    assert document["datasets"] == [
        {
            "name": "people",
            "class": "personal",
            "basis": "consent",
            "license": None,
            "origin": None,
            "personal": ["email"],
            "protected": [],
        }
    ]
    assert document["models"] == [
        {
            "name": "scorecard",
            "task": "binary-classification",
            "trainer": "tabular-mlp",
            "fine_tuned_from": None,
            "hosted_at": None,
            "digest": s.MODEL,
            "trained_on": {"dataset": "people", "part": "train"},
            "validated_on": None,
            "aligned_with": None,
            "learnt_from": ["people"],
            "class": "personal",
            "class_known": True,
            "licenses": ["CC-BY-NC-4.0"],
            "commercial_use": "forbidden",
        }
    ]
    assert build_input(ir, facts) == build_input(ir, facts)


def test_numbers_that_json_has_not_are_refused_everywhere() -> None:
    from charter.runtime.gates.input import InputRefused

    ir = s.document(s.bundle(s.requirement()))
    for name in ("value", "low", "high", "confidence"):
        for bad in (math.nan, math.inf, -math.inf):
            with pytest.raises(InputRefused, match=name):
                build_input(ir, s.facts(evidence=(s.evidence(**{name: bad}),)))
            with pytest.raises(InputRefused, match="history"):
                build_input(ir, s.facts(history=(s.check(1, s.evidence(**{name: bad})),)))
