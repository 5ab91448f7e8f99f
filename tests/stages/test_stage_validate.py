"""Validate: measures of a dataset, and a row schema that gives the same verdicts fast and slow."""

import socket
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_samples import ROLES, Bench, applications, value

from charter.runtime.stages import row_schema
from charter.runtime.stages.api import Measure, StageRefused
from charter.runtime.stages.row_schema import check_rows
from charter.runtime.stages.validate import validate

pytestmark = pytest.mark.ml


def spec(schema: Any = None) -> dict[str, Any]:
    return {"schema": schema, **ROLES}


def test_rows_and_missing(bench: Bench) -> None:
    rows = applications(100)
    rows["age"] = rows["age"].astype(float).mask(rows.index < 20)
    rows["income"] = rows["income"].mask(rows.index < 5)
    made = bench.run(validate, spec(), {"data": bench.file("d", rows)}, [Measure("rows"), Measure("missing")])
    assert value(made, "rows") == 100
    assert value(made, "missing") == 0.2  # of the worst column; the share of all cells would be 0.04


def test_share_of_each(bench: Bench) -> None:
    rows = applications(100).assign(gender=["Female"] * 20 + ["Male"] * 79 + [None])
    measures = [Measure("share", each="gender", confidence=0.9)]
    made = bench.run(validate, spec(), {"data": bench.file("d", rows)}, measures)
    assert value(made, "share", "Female") == 0.2 and value(made, "share", "(missing)") == 0.01
    (female,) = [item for item in made.evidence if item.item == "Female"]
    assert female.low is not None and female.high is not None and female.low < 0.2 < female.high
    assert (female.confidence, female.n, female.method) == (0.9, 100, "Clopper-Pearson")


def test_a_group_that_is_not_there_has_share_zero(bench: Bench) -> None:
    rows = applications(50).assign(gender="Male")
    measures = [Measure("share", each="gender")]
    assert bench.refuse(validate, spec(), {"data": bench.file("d", rows)}, measures).summary == "one group only"
    schema = {"properties": {"gender": {"enum": ["Female", "Male", None]}}}
    made = bench.run(validate, spec(schema), {"data": bench.file("d", rows)}, measures)
    assert value(made, "share", "Female") == 0.0 and value(made, "share", "Male") == 1.0


def test_schema_violations_name_row_and_column_but_no_value(bench: Bench) -> None:
    rows = applications(30)
    rows.loc[[3, 7], "age"] = 999
    schema = {"type": "object", "properties": {"age": {"type": "integer", "maximum": 120}}}
    made = bench.run(validate, spec(schema), {"data": bench.file("d", rows)}, [Measure("schema_violations")])
    assert value(made, "schema_violations") == 2
    examples = [item for item in made.evidence if item.metric == "schema_violation"]
    assert [item.item for item in examples] == ["4", "8"]
    assert all(item.value == "column `age`: breaks `maximum`" for item in examples)


@pytest.mark.parametrize(
    ("measure", "summary"),
    [
        (Measure("row"), "unknown metric"),
        (Measure("share"), "share of what"),
        (Measure("share", each="gander"), "no such column"),
        (Measure("share", each="name"), "too many groups"),
        (Measure("schema_violations"), "no schema"),
    ],
)
def test_refusals(bench: Bench, measure: Measure, summary: str) -> None:
    assert bench.refuse(validate, spec(), {"data": bench.file("d", applications(200))}, [measure]).summary == summary


def test_protected_and_target_columns_must_be_there(bench: Bench) -> None:
    for column, summary in (("gender", "no such column"), ("loan", "no such column")):
        data = bench.file("d", applications(20).drop(columns=column))
        assert bench.refuse(validate, spec(), {"data": data}, [Measure("rows")]).summary == summary
    personal = bench.file("d", applications(20).drop(columns="name"))  # dropped in `prepare`, as it should be
    assert value(bench.run(validate, spec(), {"data": personal}, [Measure("rows")]), "rows") == 20


# A column of a Parquet file has one type, so true never stands beside 1.
VALUES = st.sampled_from([None, 0, 1, 5, -3, 2.5, "a", "abc", "2026-01-01"])
SUBSCHEMAS = st.sampled_from(
    [
        {"type": "integer"},
        {"type": ["string", "null"], "maxLength": 2},
        {"enum": [0, 1, None]},
        {"$ref": "#/$defs/small"},
        {"anyOf": [{"type": "number", "minimum": 1}, {"const": "a"}]},
        {"type": "string", "format": "date"},
        True,
        False,
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries({"x": VALUES, "y": VALUES}), min_size=1, max_size=8),
    properties=st.dictionaries(st.sampled_from(["x", "y", "z"]), SUBSCHEMAS),
    more=st.fixed_dictionaries(
        {},
        optional={
            "required": st.lists(st.sampled_from(["x", "z"]), unique=True),
            "additionalProperties": st.booleans(),
            "minProperties": st.integers(0, 3),
            "propertyNames": st.just({"maxLength": 1}),
            "type": st.just("object"),
        },
    ),
)
def test_by_column_and_by_row_agree(rows: list[dict[str, Any]], properties: Any, more: Any) -> None:
    schema = {"properties": properties, "$defs": {"small": {"type": "number", "maximum": 3}}, **more}
    frame = pd.DataFrame(rows, columns=["x", "y"], dtype=object)
    fast = row_schema._by_column(frame, schema, row_schema._validator(schema))
    slow = row_schema._by_row(frame, row_schema._validator(schema))
    assert row_schema._decomposes(schema)
    assert fast.keys() == slow.keys()


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"properties": {"a": {"maximum": 1}}}]},
        {"additionalProperties": {"maximum": 1}},
        {"if": {"properties": {"a": {"const": 2}}}, "then": False},
        {"$ref": "#/$defs/row", "$defs": {"row": {"properties": {"a": {"maximum": 1}}}}},
        {"patternProperties": {"a": {"maximum": 1}}},
    ],
)
def test_other_keywords_are_checked_row_by_row(schema: dict[str, Any]) -> None:
    assert list(check_rows(pd.DataFrame({"a": [1, 2, 0]}), schema)) == [2]


def test_schemas_that_are_none_and_that_reach_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(StageRefused, match="not a JSON Schema"):
        check_rows(frame, {"type": "objekt"})
    for reference in ("http://127.0.0.1:9/s.json", "file:///etc/passwd", "#/$defs/nowhere"):
        with pytest.raises(StageRefused, match="refers outside"):
            check_rows(frame, {"properties": {"a": {"$ref": reference}}})


def test_missing_is_null_and_dates_are_text() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "d": pd.to_datetime(["2026-01-01", "2026-02-01"])})
    schema = {"properties": {"a": {"type": "integer"}, "d": {"type": "string", "pattern": "^2026"}}}
    assert check_rows(frame, schema) == {2: ("a", "type")}
