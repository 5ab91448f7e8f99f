"""What a model carries: class and licence of everything that it has learnt from, and what nobody can know."""

from typing import Any

import pytest
from base import CASES, whole

from charter.compiler.codec import decode_ir, encode_ir
from charter.compiler.compile import compile_charter
from charter.compiler.ir import IR, Rows

DATA = """dataset raw {
  source  csv "data/recent.csv"
  license "CC-BY-NC-4.0"
  class   special-category
  basis   consent
  condition explicit-consent
}

dataset applications {
  source    csv "data/applications.csv"
  license   "CC0-1.0"
  class     internal
  protected sex
  target    default
  split     train 70%, validation 10%, test 20% seed 7
}

dataset derived {
  source   python "enrich:rows" from raw
  target   default
  split    train 70%, test 30% seed 7
}
"""


def compiled(text: str, *without: str) -> IR:
    result = compile_charter(CASES / "any.charter", as_text=whole(text, without=without))
    assert result.ir is not None, [item.detail for item in result.diagnostics]
    return result.ir


def model(*clauses: str) -> str:
    return "model scorecard {\n" + "".join(f"  {clause}\n" for clause in clauses) + "}\n"


TRAINED = ("task binary-classification", "train on applications.train", "trainer builtin tabular-mlp")


def test_what_a_model_is_made_of() -> None:
    ir = compiled(DATA + model(*TRAINED, "validate on applications.validation"))
    found = ir.models["scorecard"]
    assert (found.task, found.trainer, found.fine_tuned_from, found.hosted_at) == (
        "binary-classification",
        "tabular-mlp",
        None,
        None,
    )
    assert found.trained_on == Rows(dataset="applications", part="train")
    assert found.validated_on == Rows(dataset="applications", part="validation")
    assert found.aligned_with is None
    assert (found.class_, found.class_known) == ("internal", True)


def test_what_another_dataset_says_of_the_same_file_is_carried() -> None:
    twin = 'dataset twin {\n  source csv "data/applications.csv"\n  license "LicenseRef-House"\n}\n'
    found = compiled(twin).models["scorecard"]
    assert found.learnt_from == ("applications",)
    assert found.licenses == ("LicenseRef-House",)
    assert found.commercial_use == "own terms"


def test_class_and_licence_of_what_rows_are_made_of_are_carried() -> None:
    learnt = ("task binary-classification", "train on derived.train", "trainer builtin tabular-mlp")
    text = DATA + model(*learnt, "cleared for special-category")
    text += "evaluation holdout of scorecard on derived.test {\n  require roc_auc >= 0.75\n}\n"
    found = compiled(text, "approval release", "deployment production", "role risk-officer").models["scorecard"]
    assert found.learnt_from == ("derived", "raw")
    assert (found.class_, found.class_known) == ("special-category", True)
    assert found.licenses == ("CC-BY-NC-4.0",)
    assert found.commercial_use == "forbidden"


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ((), {"class_": None, "class_known": False, "licenses": (), "commercial_use": "unknown"}),
        (
            ('license "CC0-1.0"', "class public"),
            {"class_": "public", "class_known": True, "licenses": ("CC0-1.0",), "commercial_use": "permitted"},
        ),
        (
            ('license "CC0-1.0"',),
            {"class_": None, "class_known": False, "licenses": ("CC0-1.0",), "commercial_use": "permitted"},
        ),
    ],
)
def test_what_a_dataset_does_not_say_is_unknown(clauses: tuple[str, ...], expected: dict[str, Any]) -> None:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    head = 'dataset applications {\n  source csv "data/applications.csv"\n  protected sex\n  target default\n'
    found = compiled(head + "  split train 70%, test 30% seed 7\n" + lines + "}\n").models["scorecard"]
    assert {name: getattr(found, name) for name in expected} == expected


def test_it_passes_through_the_bytes() -> None:
    ir = compiled(DATA + model(*TRAINED))
    assert decode_ir(encode_ir(ir)).models == ir.models
