"""No way around: the passes on gates against an oracle that shuts gates and tries to start stages."""

import pytest
from base import BASE, CASES, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from charter.compiler.compile import check_charter
from charter.compiler.graph import LifecycleGraph

HIGH = BASE["lifecycle", "credit-risk"].replace("limited", "high")
AROUND = ("evaluation holdout", "approval release", "deployment production", "lifecycle credit-risk")

EVALUATIONS = ("e0", "e1")
APPROVALS = ("a0", "a1")
afters = st.sets(st.sampled_from([*EVALUATIONS, *APPROVALS]))


def after(names: set[str]) -> str:
    return f"\n  after {', '.join(sorted(names))}" if names else ""


def started(graph: LifecycleGraph, shut: set[str]) -> set[str]:
    """The stages that can start while the exit gates of some never open: all that one needs must have ended."""
    needs = graph.predecessors()
    begun: set[str] = set()
    while True:
        more = {id_ for id_, before in needs.items() if id_ not in begun and set(before) <= begun - shut}
        if not more:
            return begun
        begun |= more


@settings(max_examples=40, deadline=None)
@given(
    advisory=st.tuples(st.booleans(), st.booleans()),
    signed=st.tuples(afters, afters),
    live=afters,
)
def test_what_the_passes_say_is_what_can_be_started(
    advisory: tuple[bool, bool], signed: tuple[set[str], set[str]], live: set[str]
):
    parts = [HIGH]
    for name, soft in zip(EVALUATIONS, advisory, strict=True):
        level = " enforce advisory" if soft else ""
        parts.append(f"evaluation {name} of scorecard on applications.test {{\n  require roc_auc >= 0.75{level}\n}}")
    for name, names in zip(APPROVALS, signed, strict=True):
        waits = after(names - {name} - ({"a1"} if name == "a0" else set()))
        parts.append(
            f"approval {name} of scorecard {{\n  by risk-officer quorum 2\n  excluding owner, trainer{waits}\n}}"
        )
    parts.append(f"deployment production of scorecard {{{after(live)}\n}}")
    result = check_charter(CASES / "any.charter", as_text=whole("\n\n".join(parts), without=AROUND))
    codes = {(item.code, _at(item, result)) for item in result.diagnostics}
    assert result.graph is not None
    stopping = {f"evaluate/{name}" for name, soft in zip(EVALUATIONS, advisory, strict=True) if not soft}
    approving = {f"approve/{name}" for name in APPROVALS}
    graph = result.graph
    unevaluated = "deploy/production" in started(graph, stopping)
    assert (("CH0402", "production") in codes) == unevaluated
    assert (("CH0403", "production") in codes) == ("deploy/production" in started(graph, approving))
    deciding = {id_ for id_ in stopping if "deploy/production" not in started(graph, {id_})}
    for name in APPROVALS:
        stage = f"approve/{name}"
        assert (("CH0404", name) in codes) == (stage in started(graph, {f"evaluate/{e}" for e in EVALUATIONS}))
        guards = "deploy/production" not in started(graph, {stage})
        unseen = {id_ for id_ in deciding if stage in started(graph, {id_})}
        assert (("CH0410", name) in codes) == (guards and bool(unseen) and unseen != deciding)


def _at(item, result) -> str:  # type: ignore[no-untyped-def]
    return result.sources[item.span.path].text[item.span.start : item.span.end] if item.span else ""


def waiver(name: str, control: str) -> str:
    return f'waiver {name} of {control} {{\n  reason "r"\n  granted by risk-officer quorum 1\n  until 2027-03-31\n}}'


TWO = "evaluation holdout of scorecard on applications.test {\n  require roc_auc >= 0.75\n  require accuracy >= 0.7\n}"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([waiver("w", "holdout.roc_auc")], True),
        ([TWO, waiver("w", "holdout.roc_auc")], False),
        ([TWO, waiver("w", "holdout.roc_auc"), waiver("v", "holdout.accuracy")], True),
        ([TWO.replace(">= 0.7\n", ">= 0.7 enforce advisory\n"), waiver("w", "holdout.roc_auc")], True),
    ],
)
def test_waivers_that_leave_nothing(parts: list[str], told: bool):
    result = check_charter(CASES / "any.charter", as_text=whole("\n\n".join(parts)))
    assert result.draft is not None, result.diagnostics
    assert ("CH0411" in {item.code for item in result.diagnostics}) is told
