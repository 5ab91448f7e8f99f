"""Spans underline what they should, and a child's lies inside its parent's."""

from pathlib import Path

import pytest
from dsl_base import CREDIT, nodes

from charter.dsl.ast import Clause, Control, Declaration, Number
from charter.dsl.parse import parse
from charter.dsl.source import Source, Span

SYNTAX = sorted((CREDIT.parent / "syntax").glob("*.charter"))


def load(path: Path) -> Source:
    return Source(path.name, path.read_text("utf-8"))


@pytest.mark.parametrize("path", [CREDIT, *SYNTAX], ids=lambda path: path.stem)
def test_child_lies_inside_its_parent(path: Path) -> None:
    source = load(path)
    tree, _ = parse(source)
    seen = 0
    for node, span, parent in nodes(tree):
        assert 0 <= span.start <= span.end <= len(source.text)
        assert parent is None or (parent.start <= span.start and span.end <= parent.end), node
        seen += 1
    assert seen > 3


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_underlined_text(line_end: str) -> None:
    source = Source("x", CREDIT.read_text("utf-8").replace("\n", line_end))
    tree, _ = parse(source)

    def text(span: Span) -> str:
        return source.text[span.start : span.end]

    by_name = {(item.kind, item.name.text): item for item in tree.declarations}
    holdout = by_name["evaluation", "holdout"]
    assert text(holdout.kind_span) == "evaluation"
    assert text(holdout.name.span) == "holdout"
    assert text(holdout.header_span) == "evaluation holdout of scorecard on applications.test"
    assert text(holdout.header["on"].span) == "applications.test"
    assert text(holdout.span).startswith("evaluation holdout")
    assert text(holdout.span).endswith("}")

    control = _control(holdout, 0)
    assert text(holdout.clauses[0].keyword_span) == "require"
    assert text(control.span) == "roc_auc >= min-auc with confidence 95%"
    assert control.bound is not None
    assert text(control.bound.span) == "min-auc"
    assert isinstance(control.confidence, Number)
    assert text(control.confidence.span) == "95%"
    attack = _control(holdout, 2).attack
    assert attack is not None
    assert text(attack.span) == "fgsm(eps: 0.05)"
    assert text(attack.arguments[0].span) == "eps: 0.05"

    model = by_name["model", "scorecard"]
    train = _clause(model, "train on")
    assert text(train.keyword_span) == "train on"
    limits = _clause(model, "limits").arguments["values"]
    assert [text(entry.span) for entry in limits.entries] == ["time: 10 minutes", "memory: 4 GB", "gpus: 0"]
    assert text(limits.entries[0].value.span) == "10 minutes"
    space = _clause(model, "tune").arguments["space"].entries[0].value
    assert text(space.span) == "1e-4 .. 1e-2 log"

    prepare = _clause(by_name["dataset", "applications"], "prepare")
    assert [text(child.keyword_span) for child in prepare.children] == [
        "drop duplicates",
        "drop columns",
        "bin",
        "impute",
        "redact",
    ]
    assert text(prepare.children[2].arguments["at"].span) == "25, 40, 60"
    retirement = by_name["retirement", "scorecard"]
    assert text(retirement.name.span) == "scorecard"
    assert retirement.name == retirement.header["of"]
    reaction = _control(by_name["monitor", "drift"], 2).reaction
    assert reaction is not None
    assert text(reaction.span) == "otherwise alert risk-officer"


def _clause(declaration: Declaration, keyword: str) -> Clause:
    return next(clause for clause in declaration.clauses if clause.keyword == keyword)


def _control(declaration: Declaration, index: int) -> Control:
    control = declaration.clauses[index].arguments["control"]
    assert isinstance(control, Control)
    return control
