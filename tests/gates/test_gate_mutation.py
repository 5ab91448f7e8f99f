"""Mutation score of the Rego that decides: each threshold, condition and constant is flipped; a test must notice.

The decision and its library are decided again over all inputs of the contract tests, the core pack over its own
Rego tests. What may survive is listed, with the reason.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest
import regorus
from gate_cases import recorded_cases
from rego_mutants import mutants
from test_gate_unfit import asked_without_charter

from charter.compiler import ir

SHARED = ("charter/lib/", "charter/main", "charter/packs/")
CORE = Path(__file__).parents[2] / "policies" / "core"

SAME_BY_DESIGN = "the positive side of what `problems` says already; it must stay when that is changed"
SAID_BY_SCHEMA = "the schema says so already; kept for an OPA that decides without Charter"
EQUIVALENT = "means the same"
OF_TYPES = "means the same; without it OPA's types would have a report that is no object refused at load"
LONG_WAY = "`clear` holds less often; then the same is decided by looking for what was found"
SURVIVORS = {
    ("charter/lib/numbers.rego", '`"0"` to `"0~"`'): EQUIVALENT,
    ("charter/lib/numbers.rego", '`"."` to `".~"`'): EQUIVALENT,
    ("charter/lib/evidence.rego", "`4` to `5`"): EQUIVALENT,
    ("charter/lib/evidence.rego", "without `is_number(item.high)`"): SAID_BY_SCHEMA,
    ("charter/lib/evidence.rego", "without `is_number(item.confidence)`"): SAID_BY_SCHEMA,
    ("charter/lib/project.rego", "without `is_object(report)`"): OF_TYPES,
    ("charter/main.rego", "without `gate_controls`"): SAME_BY_DESIGN,
    ("charter/main.rego", "`>` to `>=`"): SAME_BY_DESIGN,
    ("charter/main.rego", "without `count(evaluated) > 0`"): SAME_BY_DESIGN,
    ("charter/main.rego", "without `problem.control == id`"): SAME_BY_DESIGN,
    ("charter/main.rego", "without `some other in gate_controls`"): EQUIVALENT,
    ("charter/main.rego", '`"findings"` to `"findings~"`'): LONG_WAY,
    ("charter/main.rego", '`"warnings"` to `"warnings~"`'): LONG_WAY,
    ("charter/main.rego", "`0` to `1`"): LONG_WAY,
}


Cases = tuple[ir.Bundle, list[bytes]]
"""A bundle and what it is asked."""


@pytest.fixture(scope="module")
def cases() -> list[Cases]:
    """Recorded cases, and those that only an OPA without Charter can be asked."""
    groups = [list(group) for _, group in groupby(recorded_cases(), key=lambda case: case.bundle.revision)]
    return [(group[0].bundle, [case.input for case in group]) for group in groups] + asked_without_charter()


class Decided:
    """One bundle's cases, to be decided with a mutant of one of the modules that all bundles share."""

    def __init__(self, bundle: ir.Bundle, inputs: list[bytes]) -> None:
        modules = bundle.modules
        self.shared = {path: text for path, text in modules.items() if path.startswith(SHARED)}
        self.own = {path: text for path, text in modules.items() if path not in self.shared}
        self.data = msgspec.json.encode(bundle.data).decode()
        self.inputs = [data.decode() for data in inputs]
        self.expected = list(self.answers(loaded(self.shared)))

    def notices(self, base: regorus.Engine) -> bool:
        """Whether any decision changes."""
        return any(now != was for now, was in zip(self.answers(base), self.expected, strict=True))

    def answers(self, base: regorus.Engine) -> Iterator[Any]:
        engine = base.clone()
        for path, text in self.own.items():
            engine.add_policy(path, text)
        engine.add_data_json(self.data)
        for data in self.inputs:
            engine.set_input_json(data)
            try:
                yield json.loads(engine.eval_rule_as_json("data.charter.main.decision"))
            except RuntimeError:
                yield "error"


def loaded(modules: Mapping[str, str]) -> regorus.Engine:
    engine = regorus.Engine()
    for path, text in modules.items():
        engine.add_policy(path, text)
    return engine


@pytest.mark.parametrize(
    "module",
    [
        "charter/main.rego",
        "charter/lib/evidence.rego",
        "charter/lib/approval.rego",
        "charter/lib/retirement.rego",
        "charter/lib/project.rego",
        "charter/lib/numbers.rego",
    ],
)
def test_every_mutant_of_the_decision_is_noticed(module: str, cases: list[Cases]) -> None:
    decided = [Decided(*group) for group in cases]
    survived = set()
    for mutant in mutants(cases[0][0].modules[module]):
        if not _parses(module, mutant.text):
            continue
        bases: dict[tuple[str, ...], regorus.Engine] = {}
        for one in decided:
            base = bases.get(tuple(one.shared))
            if base is None:
                base = bases[tuple(one.shared)] = loaded(one.shared | {module: mutant.text})
            if one.notices(base):
                decided.remove(one)
                decided.insert(0, one)  # what noticed one mutant is likely to notice its neighbour
                break
        else:
            survived.add((module, mutant.change))
    assert survived == {known for known in SURVIVORS if known[0] == module}


def test_every_mutant_of_the_core_pack_is_noticed() -> None:
    tests = (CORE / "core_test.rego").read_text()
    names = re.findall(r"^(test_\w+)", tests, re.MULTILINE)
    assert len(names) > 30
    base = regorus.Engine()
    base.add_policy("core_test.rego", tests)

    def failing(text: str) -> str | None:
        engine = base.clone()
        engine.add_policy("core.rego", text)
        found = next((name for name in names if not _holds(engine, name)), None)
        if found is not None:
            names.remove(found)
            names.insert(0, found)
        return found

    core = (CORE / "core.rego").read_text()
    assert failing(core) is None
    found = [mutant for mutant in mutants(core) if _parses("core.rego", mutant.text)]
    assert len(found) > 150
    assert [mutant for mutant in found if failing(mutant.text) is None] == []


def _holds(engine: regorus.Engine, test: str) -> bool:
    try:
        return engine.eval_rule_as_json(f"data.charter.packs.core_test.{test}") == "true"
    except RuntimeError:
        return False


def _parses(path: str, text: str) -> bool:
    try:
        regorus.Engine().add_policy(path, text)
    except RuntimeError:
        return False
    return True
