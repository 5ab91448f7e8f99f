"""Who could ship together: against every possible group of people, on small charters."""

import itertools
import json

import pytest
from base import BASE, CASES, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from charter.compiler.collusion import RUNNER, Shipping, who_could_ship
from charter.compiler.compile import check_charter
from charter.runtime.cli import run_command_line

ROLES = ("alpha", "beta")
Approvals = tuple[tuple[str, int, bool], ...]
"""Role, quorum, whether the trainer is excluded."""


def charter(deployments: tuple[Approvals, ...]) -> str:
    parts = [f"role {role} {{\n  members at least 3\n}}" for role in ROLES]
    for number, approvals in enumerate(deployments):
        names = []
        for index, (role, quorum, excluded) in enumerate(approvals):
            names.append(f"a{number}{index}")
            clause = "\n  excluding trainer" if excluded else ""
            parts.append(
                f"approval {names[-1]} of scorecard {{\n  by {role} quorum {quorum}{clause}\n  after holdout\n}}"
            )
        parts.append(f"deployment d{number} of scorecard {{\n  after {', '.join([*names, 'holdout'])}\n}}")
    return whole("\n\n".join(parts), without=("approval release", "deployment production", "role risk-officer"))


def found(deployments: tuple[Approvals, ...]) -> Shipping:
    result = check_charter(CASES / "any.charter", as_text=charter(deployments))
    assert result.draft is not None and result.charter is not None and result.graph is not None, result.diagnostics
    shipping = who_could_ship(result.charter, result.graph)
    assert shipping is not None
    return shipping


def could_ship(group: tuple[frozenset[str], ...], approvals: Approvals) -> bool:
    """Whether a group of people, each with their roles, can ship: the first one opens the run."""
    if not group:
        return False
    return all(
        sum(role in held for held in group[1 if excluded else 0 :]) >= quorum for role, quorum, excluded in approvals
    )


def smallest(deployments: tuple[Approvals, ...], holdings: tuple[frozenset[str], ...], runner: frozenset[str]) -> int:
    """The size of the smallest group, by trying all of them, where people hold one of `holdings`."""
    for size in range(1, 10):
        for others in itertools.combinations_with_replacement(holdings, size - 1):
            if any(could_ship((runner, *others), approvals) for approvals in deployments):
                return size
    raise AssertionError("nobody could ever ship")


approvals = st.lists(st.tuples(st.sampled_from(ROLES), st.integers(1, 3), st.booleans()), max_size=3).map(tuple)


@settings(max_examples=25, deadline=None)
@given(st.lists(approvals, min_size=1, max_size=2).map(tuple))
def test_nobody_fewer_can(deployments: tuple[Approvals, ...]):
    shipping = found(deployments)
    one_part_each = tuple(frozenset({role}) for role in ROLES)
    assert shipping.people == smallest(deployments, one_part_each, frozenset())
    assert shipping.fewest == smallest(deployments, (frozenset(ROLES),), frozenset(ROLES))
    assert shipping.fewest <= shipping.people


def test_the_weakest_deployment_is_named():
    shipping = found(((("alpha", 3, True), ("beta", 2, True)), (("beta", 1, False),)))
    assert (shipping.deployment, shipping.fewest_at, shipping.fewest) == ("d1", "d1", 1)
    assert {(party.who, party.count) for party in shipping.apart} == {("beta", 1), (RUNNER, 1)}


def test_what_a_deployment_waits_for_through_another_one_counts():
    text = charter(((("alpha", 2, True),),)) + "\ndeployment late of scorecard {\n  after d0\n}\n"
    result = check_charter(CASES / "any.charter", as_text=text)
    assert result.charter is not None and result.graph is not None
    shipping = who_could_ship(result.charter, result.graph)
    assert shipping is not None and shipping.people == 3


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_command(form: str, tmp_path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    path = tmp_path / "x.charter"
    path.write_text(whole(BASE["approval", "release"]))
    assert run_command_line(["check", "--collusion", "--format", form, str(path)]) == 0
    out = capsys.readouterr().out
    assert "3 people could ship `production`" in out and "2 of `risk-officer`" in out and "trust root" in out
    if form == "json":
        assert [item["area"] for item in json.loads(out)["together"]][:2] == ["apart", "fewest"]
    assert run_command_line(["check", "--format", form, str(path)]) == 0
    assert "could ship" not in capsys.readouterr().out


def test_nothing_is_said_of_a_charter_with_errors(tmp_path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    path = tmp_path / "x.charter"
    path.write_text(whole("deployment production of scorecard {\n  serve http\n}"))
    assert run_command_line(["check", "--collusion", str(path)]) == 2
    assert "could ship" not in capsys.readouterr().out
