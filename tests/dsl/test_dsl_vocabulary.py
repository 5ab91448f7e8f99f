"""The vocabulary is true: every form in it can be written as it says."""

import re

import pytest
from dsl_base import codes_of

from charter.dsl import units
from charter.dsl.check_vocabulary import check_vocabulary
from charter.dsl.parse import parse
from charter.dsl.patterns import clause_syntax, header_syntax
from charter.dsl.source import Source
from charter.dsl.suggest import closest
from charter.dsl.vocabulary import BLOCKS, BlockForm, ClauseForm


def header(block: BlockForm) -> str:
    return block.example.removesuffix(" {")


def clauses() -> list[tuple[BlockForm, tuple[ClauseForm, ...]]]:
    """Every clause with the way to it."""
    found: list[tuple[BlockForm, tuple[ClauseForm, ...]]] = []

    def visit(block: BlockForm, way: tuple[ClauseForm, ...], forms: tuple[ClauseForm, ...]) -> None:
        for form in forms:
            found.append((block, (*way, form)))
            visit(block, (*way, form), form.children)

    for block in BLOCKS:
        visit(block, (), block.clauses)
    return found


def written(block: BlockForm, way: tuple[ClauseForm, ...]) -> str:
    lines = [f"{header(block)} {{", *(form.example for form in way)]
    closing = sum(line.endswith("{") for line in lines)
    return "charter 1\n" + "\n".join(lines) + "\n}" * closing + "\n"


@pytest.mark.parametrize("case", clauses(), ids=lambda case: f"{case[0].keyword}: {case[1][-1].keyword}")
def test_example_of_a_clause_is_that_clause(case: tuple[BlockForm, tuple[ClauseForm, ...]]) -> None:
    block, way = case
    tree, found = parse(Source("x", written(block, way)))
    assert [item for item in found if item.code != "CH0053"] == []
    clause = tree.declarations[0].clauses[0]
    for _ in way[1:]:
        (clause,) = clause.children
    form = way[-1]
    assert clause.keyword == form.keyword
    known = {argument.name for argument in form.arguments}
    required = {argument.name for argument in form.arguments if not argument.optional}
    assert required <= set(clause.arguments) <= known or "|" in form.syntax


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.keyword)
def test_example_of_a_block_is_that_block(block: BlockForm) -> None:
    body = " {\n}\n" if block.clauses else "\n"
    tree, found = parse(Source("x", f"charter 1\n{header(block)}{body}"))
    assert [item for item in found if item.code != "CH0053"] == []
    (declaration,) = tree.declarations
    assert declaration.kind == block.keyword
    required = {argument.name for argument in block.header if not argument.optional}
    assert required <= set(declaration.header) <= {argument.name for argument in block.header}


@pytest.mark.parametrize("case", clauses(), ids=lambda case: f"{case[0].keyword}: {case[1][-1].keyword}")
def test_syntax_names_every_argument(case: tuple[BlockForm, tuple[ClauseForm, ...]]) -> None:
    form = case[1][-1]
    named = set(re.findall(r"\{([^}]*)\}", clause_syntax(form)))
    assert named == {argument.name for argument in form.arguments}
    assert form.doc.endswith(".")
    assert form.example.startswith(form.keyword)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.keyword)
def test_header_names_every_argument(block: BlockForm) -> None:
    named = set(re.findall(r"\{([^}]*)\}", header_syntax(block)))
    assert named == {argument.name for argument in block.header}
    for forms in (block.clauses, *(clause.children for clause in block.clauses)):
        keywords = [form.keyword for form in forms]
        assert len(keywords) == len(set(keywords))


@pytest.mark.parametrize("case", clauses(), ids=lambda case: f"{case[0].keyword}: {case[1][-1].keyword}")
def test_a_clause_that_is_cut_off_is_one_mistake(case: tuple[BlockForm, tuple[ClauseForm, ...]]) -> None:
    block, way = case
    form = way[-1]
    if not form.arguments or all(argument.optional for argument in form.arguments):
        return
    lines = written(block, way).split("\n")
    index = next(number for number, line in enumerate(lines) if number > 1 and line == form.example)
    braces = " {" if form.children else ""
    lines[index] = form.keyword + braces
    assert codes_of("\n".join(lines)) in (["CH0033"], ["CH0033", "CH0022"])


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("owenr", "owner"),
        ("Owner", "owner"),
        ("ower", "owner"),
        ("dasy", "days"),
        ("use_policies", "use-policies"),
        ("xyzzy", None),
        ("", None),
        ("o" * 100_000, None),
    ],
)
def test_did_you_mean(word: str, meant: str | None) -> None:
    assert closest(word, ["owner", "days", "day", "use-policies", "purpose"]) == meant


def test_instead_of_a_required_clause() -> None:
    text = 'charter 1\ndataset feedback of production {\n  labels csv "a.csv"\n}\n'
    tree, found = parse(Source("x", text))
    assert found == ()
    assert list(check_vocabulary(tree, ())) == []
    assert codes_of("charter 1\ndataset feedback of production {\n}\n") == ["CH0053"]


def test_every_unit_that_can_be_written_has_a_meaning() -> None:
    from charter.compiler import units as meaning

    assert set(units.UNITS) | {"%"} == set(meaning.UNITS)
