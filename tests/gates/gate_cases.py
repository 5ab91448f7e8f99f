"""The inputs of the contract tests, with their bundles: what other tests decide again, elsewhere or changed."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import gate_samples as s
import test_gate_decisions
import test_gate_project

from charter.compiler import ir
from charter.runtime.gates.decide import Decision, decide_gate
from charter.runtime.gates.embedded import EmbeddedEngine


@dataclass(frozen=True)
class Case:
    """One decision of a contract test."""

    test: str
    bundle: ir.Bundle
    input: bytes
    decision: Decision


def recorded_cases() -> list[Case]:
    """Every decision that the contract tests ask for, once, with the same bundles next to each other."""
    found: dict[tuple[str, bytes], Case] = {}
    engine = EmbeddedEngine()
    for module in (test_gate_decisions, test_gate_project):
        for name, function in _tests(module):

            def record(built: ir.Bundle, *gate: str, test: str = name, **given: Any) -> Decision:
                if engine.revision != built.revision:
                    engine.load(built)
                decision = decide_gate(engine, *s.asked(built, *gate, **given))
                if decision.failure is None or decision.failure.startswith("result"):
                    found.setdefault((built.revision, decision.input), Case(test, built, decision.input, decision))
                return decision

            for arguments in _parameters(function):
                function(record, **arguments)
    engine.close()
    return sorted(found.values(), key=lambda case: case.bundle.revision)


def _tests(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, function in vars(module).items():
        if name.startswith("test_") and next(iter(function.__annotations__), None) == "decide":
            yield name, function


def _parameters(function: Any) -> Iterator[dict[str, Any]]:
    """What `pytest.mark.parametrize` would call the test with."""
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
    axes = []
    for mark in marks:
        names = mark.args[0] if isinstance(mark.args[0], tuple) else (mark.args[0],)
        axes.append([dict(zip(names, values if len(names) > 1 else (values,), strict=True)) for values in mark.args[1]])
    for chosen in itertools.product(*axes):
        yield {key: value for part in chosen for key, value in part.items()}
