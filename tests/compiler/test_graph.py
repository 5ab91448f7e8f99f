"""The lifecycle graph: what waits for what, in an order that does not depend on the text's."""

from pathlib import Path

from base import BASE, CASES, whole

from charter.compiler.compile import CompileResult, check_charter, compile_charter
from charter.compiler.graph import Ancestry

SPINE = Path(__file__).parent.parent / "cases" / "credit-spine" / "credit-spine.charter"


def compiled(text: str) -> CompileResult:
    result = compile_charter(CASES / "any.charter", as_text=text)
    assert result.ir is not None, result.diagnostics
    return result


def needs_of(result: CompileResult) -> dict[str, set[str]]:
    assert result.ir is not None
    return {stage.id: set(stage.entry.waits_for) for stage in result.ir.stages}


def test_stages_of_the_spine():
    result = compile_charter(SPINE)
    assert needs_of(result) == {
        "define/fair-lending": set(),
        "acquire/applications": {"define/fair-lending"},
        "acquire/recent": {"define/fair-lending"},
        "prepare/applications": {"acquire/applications"},
        "validate/applications": {"prepare/applications"},
        "split/applications": {"prepare/applications", "validate/applications"},
        "train/scorecard": {"split/applications", "validate/applications"},
        "evaluate/holdout": {"split/applications", "train/scorecard", "validate/applications"},
        "evaluate/parity": {"split/applications", "train/scorecard", "validate/applications"},
        "approve/release": {"evaluate/holdout", "evaluate/parity", "train/scorecard"},
        "deploy/production": {"approve/release", "split/applications", "train/scorecard", "validate/applications"},
        "monitor/drift": {
            "acquire/recent",
            "deploy/production",
            "split/applications",
            "train/scorecard",
            "validate/applications",
        },
        "retire/scorecard": {"deploy/production", "monitor/drift", "train/scorecard"},
    }


def test_stages_come_after_what_they_need():
    seen: set[str] = set()
    for stage, needs in needs_of(compile_charter(SPINE)).items():
        assert needs <= seen
        seen.add(stage)


def test_order_of_declarations_changes_neither_graph_nor_meaning():
    forward = compiled("charter 1\n\n" + "\n\n".join(BASE.values()) + "\n").ir
    backward = compiled("charter 1\n\n" + "\n\n".join(reversed(BASE.values())) + "\n").ir
    assert forward is not None and backward is not None
    assert [stage.id for stage in forward.stages] == [stage.id for stage in backward.stages]
    assert forward.edges == backward.edges
    assert forward.meaning == backward.meaning
    assert forward.bundle.digest == backward.bundle.digest


def test_every_edge_has_its_input_or_order():
    ir = compiled(whole("")).ir
    assert ir is not None
    for stage in ir.stages:
        from_edges = {edge.source for edge in ir.edges if edge.target == stage.id}
        assert from_edges == set(stage.entry.waits_for)
        assert set(stage.entry.waits_for) == {item.stage for item in stage.inputs} | set(stage.after)


def test_derived_rows_flow_by_dataset_name():
    ir = compiled(
        whole(
            """
dataset enriched {
  source python "enrich:rows" from applications.test
  target default
}
"""
        )
    ).ir
    assert ir is not None
    stage = next(stage for stage in ir.stages if stage.id == "acquire/enriched")
    assert [(item.name, item.stage, item.artifact) for item in stage.inputs] == [
        ("applications.test", "split/applications", "test")
    ]
    assert stage.project_code and stage.callable == "enrich:rows"
    assert ir.pins["enrich.py"].startswith("sha256:")


def test_knots_are_told_apart():
    text = whole(
        """
dataset a {
  source python "enrich:rows" from b
}

dataset b {
  source python "enrich:rows" from a
}

dataset c {
  source python "enrich:rows" from c
}
"""
    )
    result = check_charter(CASES / "any.charter", as_text=text)
    cycles = [item for item in result.diagnostics if item.code == "CH0401"]
    assert len(cycles) == 2
    assert "`acquire/a` → `acquire/b` → `acquire/a`" in cycles[0].detail
    assert "`acquire/c` → `acquire/c`" in cycles[1].detail
    assert result.graph is not None and result.graph.order() is None


def test_ancestry_sees_through_order_and_artifacts():
    graph = check_charter(SPINE).graph
    assert graph is not None
    order = graph.order()
    assert order is not None
    ancestry = Ancestry(graph, order)
    assert ancestry.precedes("define/fair-lending", ["retire/scorecard"])
    assert ancestry.precedes("evaluate/parity", ["deploy/production"])
    assert not ancestry.precedes("monitor/drift", ["deploy/production"])
    assert not ancestry.precedes("deploy/production", ["deploy/production"])
    assert not ancestry.precedes("no/such", ["deploy/production"])
    before = ancestry.precedes_some("deploy")
    assert "approve/release" in before and "monitor/drift" not in before
