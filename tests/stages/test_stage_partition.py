"""Which row goes to which part: exact shares, one seed, no matter how it is written."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_samples import SPLIT, Bench, applications, value

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.partition import assign_parts
from charter.runtime.stages.split import split

pytestmark = pytest.mark.ml


@settings(max_examples=60, deadline=None)
@given(
    strata=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=3, max_size=300),
    shares=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    seed=st.integers(-(2**63), 2**63),
)
def test_every_stratum_gets_its_shares(strata: list[str | None], shares: list[int], seed: int) -> None:
    parts = {f"part{index}": share / sum(shares) for index, share in enumerate(shares)}
    frame = pd.DataFrame({"stratum": strata})
    assigned = assign_parts(frame, {"parts": parts, "stratified_by": "stratum", "seed": seed})
    assert set(assigned) <= set(parts)
    for stratum in {*strata}:
        rows = frame["stratum"].isna() if stratum is None else frame["stratum"] == stratum
        for part, share in parts.items():
            assert abs((assigned[rows] == part).sum() - share * rows.sum()) < 1


def test_small_strata_do_not_starve_a_part() -> None:
    frame = pd.DataFrame({"stratum": [f"s{number}" for number in range(1000)]})
    assigned = assign_parts(frame, {"parts": {"train": 0.8, "test": 0.2}, "stratified_by": "stratum", "seed": 1})
    assert (assigned == "test").sum() == 200


def test_the_order_of_parts_makes_no_difference() -> None:
    frame = applications(101)
    mixed = {**SPLIT, "parts": dict(sorted(SPLIT["parts"].items(), reverse=True))}
    assert (assign_parts(frame, SPLIT) == assign_parts(frame, mixed)).all()


def test_the_seed_decides() -> None:
    frame = applications(200)
    one, two = (assign_parts(frame, {**SPLIT, "seed": seed}) for seed in (1, 2))
    assert 0.2 < (one != two).mean() < 0.9


def test_assignment_is_fixed_for_ever() -> None:
    """A frozen vector: another release must not move rows between parts."""
    frame = pd.DataFrame({"x": range(12)})
    assigned = assign_parts(frame, {"parts": {"train": 0.5, "test": 0.5}, "stratified_by": None, "seed": 7})
    assert "".join(part[1] for part in assigned) == FROZEN


@settings(max_examples=40, deadline=None)
@given(
    people=st.lists(st.integers(0, 30), min_size=10, max_size=300),
    shares=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    seed=st.integers(0, 2**63),
)
def test_a_group_stays_together(people: list[int], shares: list[int], seed: int) -> None:
    parts = {f"part{index}": share / sum(shares) for index, share in enumerate(shares)}
    frame = pd.DataFrame({"person": people})
    spec = {"parts": parts, "stratified_by": None, "grouped_by": "person", "seed": seed}
    frame["part"] = assign_parts(frame, spec)
    assert frame.groupby("person")["part"].nunique().max() == 1
    largest = frame["person"].value_counts().max()
    for part, share in parts.items():
        assert abs((frame["part"] == part).sum() - share * len(frame)) <= largest
    # Which part depends on the value, and on nothing of the rows' order.
    turned = frame[::-1].reset_index(drop=True)
    assert (assign_parts(turned, spec) == turned["part"]).all()


def test_groups_are_fixed_for_ever() -> None:
    frame = pd.DataFrame({"person": [f"p{number}" for number in range(12)]})
    spec = {"parts": {"train": 0.5, "test": 0.5}, "stratified_by": None, "grouped_by": "person", "seed": 7}
    assert "".join(part[1] for part in assign_parts(frame, spec)) == "ererrreereer"


def test_a_row_without_a_group_is_refused() -> None:
    frame = pd.DataFrame({"person": ["a", None, "b", "b"]})
    spec = {"parts": {"train": 0.5, "test": 0.5}, "stratified_by": None, "grouped_by": "person", "seed": 7}
    with pytest.raises(StageRefused, match="group is missing"):
        assign_parts(frame, spec)


def test_split_counts_groups_in_two_parts(bench: Bench) -> None:
    rows = applications(200).assign(person=[number // 4 for number in range(200)])
    made = bench.run(split, {**SPLIT, "stratified_by": None, "grouped_by": "person"}, {"data": bench.file("d", rows)})
    assert value(made, "shared_groups") == 0


FROZEN = "rreeeerrrere"  # tRain and tEst


@pytest.mark.parametrize(
    "parts", [{"train": 0.5, "test": 0.4}, {"train": 1.2, "test": -0.2}, {"train": 1.0, "test": 0.0}]
)
def test_shares_must_add_up(parts: dict[str, float]) -> None:
    with pytest.raises(StageRefused, match="add up"):
        assign_parts(applications(10), {"parts": parts, "stratified_by": None, "seed": 0})


def test_split_writes_parts(bench: Bench) -> None:
    rows = applications(500)
    made = bench.run(split, {**SPLIT, "target": "loan"}, {"data": bench.file("data", rows)})
    parts = {name: pd.read_parquet(path) for name, path in made.artifacts.items()}
    assert {name: len(part) for name, part in parts.items()} == {"train": 300, "validation": 100, "test": 100}
    assert [value(made, "rows", name) for name in parts] == [300, 100, 100]
    together = pd.concat(parts.values()).sort_values("name", ignore_index=True)
    pd.testing.assert_frame_equal(together, rows.sort_values("name", ignore_index=True))
    assert np.ptp([part["loan"].mean() for part in parts.values()]) < 0.01
    assert value(made, "shared_rows") == 0


def test_shared_rows_are_counted(bench: Bench) -> None:
    rows = applications(100).drop(columns="name")
    made = bench.run(split, {**SPLIT, "target": "loan"}, {"data": bench.file("data", pd.concat([rows, rows]))})
    assert value(made, "shared_rows") > 10


def test_split_refuses(bench: Bench) -> None:
    rows = applications(50)
    spec = {**SPLIT, "target": "loan"}
    for change, summary in (
        (rows.assign(loan=1), "one class only"),
        (rows.assign(loan=np.where(rows.index == 3, np.nan, rows["loan"])), "target is missing"),
        (rows.assign(loan="yes"), "target is not 0 or 1"),
        (rows.assign(loan=rows["loan"] + 1), "target is not 0 or 1"),
        (rows.drop(columns="loan"), "no such column"),
        (rows.iloc[:0], "no rows"),
        (rows.groupby("loan").head(1), "a part without rows"),
    ):
        assert bench.refuse(split, spec, {"data": bench.file("data", change)}).summary == summary
