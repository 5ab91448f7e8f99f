"""An IR from a file is what a charter compiles to: what was changed in it is named."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from charter.compiler.compile import compile_charter
from charter.compiler.genuine import changed_by_hand
from charter.compiler.ir import IR

CASES = Path(__file__).parents[1] / "cases"


@dataclass
class Compiled:
    """The credit scorecard's IR, and what is found in it with one model said otherwise."""

    ir: IR

    def with_model(self, **changes: Any) -> list[str]:
        changed = msgspec.structs.replace(self.ir.models["scorecard"], **changes)
        return list(changed_by_hand(msgspec.structs.replace(self.ir, models={"scorecard": changed})))


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    ir = compile_charter(CASES / "credit-spine" / "credit-spine.charter").ir
    assert ir is not None
    return Compiled(ir)


def test_what_was_compiled_is_genuine() -> None:
    paths = [*CASES.glob("credit-*/**/*.charter"), *(CASES / "errors").glob("*.charter")]
    found = [ir for ir in (compile_charter(path).ir for path in paths) if ir is not None]
    assert sum(len(ir.models) for ir in found) > 10
    assert [list(changed_by_hand(ir)) for ir in found] == [[] for _ in found]


def test_a_meaning_that_is_another_is_found(compiled: Compiled) -> None:
    assert list(changed_by_hand(msgspec.structs.replace(compiled.ir, meaning="sha256:" + "0" * 64))) == [
        "what the charter means"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"commercial_use": "permitted", "licenses": ("CC-BY-NC-4.0",)},
        {"licenses": ()},
        {"class_": "public"},
        {"class_": None},
        {"learnt_from": ()},
        {"learnt_from": ("nothing",)},
    ],
    ids=str,
)
def test_a_model_that_carries_less_than_its_data_is_found(compiled: Compiled, changes: dict[str, Any]) -> None:
    assert compiled.with_model() == []
    assert compiled.with_model(**changes) == ["what the model `scorecard` has learnt from"]


def test_a_model_that_is_left_out_is_found(compiled: Compiled) -> None:
    assert list(changed_by_hand(msgspec.structs.replace(compiled.ir, models={}))) == ["which models there are"]
