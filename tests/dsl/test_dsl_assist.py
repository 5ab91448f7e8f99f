"""Completion and hover: all that is documented is offered where it may stand, and explained where it stands."""

import pytest
from dsl_base import CREDIT
from test_dsl_vocabulary import clauses, header, written

from charter.compiler.metrics import METRICS
from charter.dsl.assist import complete, hover
from charter.dsl.patterns import clause_syntax
from charter.dsl.vocabulary import BLOCKS, CONTROL_PARTS, BlockForm, ClauseForm

MEASURED = {name: f"In {metric.unit}." for name, metric in METRICS.items()}
AROUND = """charter 1
role risk-officer {
}
parameter min-auc = 0.75
dataset applications {
}
model scorecard {
}
evaluation holdout of scorecard on applications {
}
deployment production of scorecard {
}
"""


def offered(text: str) -> list[str]:
    """What may stand at the `|` of a text, behind some declarations."""
    whole = AROUND + text
    offset = whole.index("|", len(AROUND))
    return [item.text for item in complete(whole[:offset] + whole[offset + 1 :], offset, MEASURED)]


def hovered(text: str) -> tuple[str, str] | None:
    """The underlined text and its explanation at the `|` of a text."""
    whole = AROUND + text
    offset = whole.index("|", len(AROUND))
    whole = whole[:offset] + whole[offset + 1 :]
    found = hover(whole, offset, MEASURED)
    return (whole[found.start : found.end], found.text) if found is not None else None


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.keyword)
def test_every_block_is_offered_and_explained(block: BlockForm) -> None:
    assert block.keyword in offered("|")
    assert block.keyword in offered(f"{block.keyword[:2]}|")
    word, shown = hovered(f"|{header(block)}\n") or ("", "")
    assert word == block.keyword
    assert block.doc in shown and block.example in shown


@pytest.mark.parametrize("case", clauses(), ids=lambda case: f"{case[0].keyword}: {case[1][-1].keyword}")
def test_every_clause_is_offered_and_explained(case: tuple[BlockForm, tuple[ClauseForm, ...]]) -> None:
    block, way = case
    form = way[-1]
    text = written(block, way)
    at = text.index(f"\n{form.example}", text.index("{")) + 1
    found = {item.text: item for item in complete(text[:at] + "\n" + text[at:], at)}
    assert found[form.keyword].doc == form.doc
    assert found[form.keyword].runs == form.runs
    half = text[: at + 1]
    assert form.keyword in {item.text for item in complete(half, len(half))}
    shown = hover(text, at)
    assert shown is not None and text[shown.start : shown.end] == form.keyword
    assert form.doc in shown.text and form.example in shown.text
    assert ("Not run yet:** it is" in shown.text) == (not form.runs)
    not_run = shown.text.partition("**Not run yet:**")[2]
    assert all(f"`{word}`" in not_run for argument in form.arguments for word in argument.idle)
    # What stands behind the keyword belongs to it, in quotes or in braces aside.
    for argument in form.arguments:
        for choice in argument.choices:
            assert f"`{choice}`" in shown.text


@pytest.mark.parametrize("case", clauses(), ids=lambda case: f"{case[0].keyword}: {case[1][-1].keyword}")
def test_every_choice_is_offered_in_its_place(case: tuple[BlockForm, tuple[ClauseForm, ...]]) -> None:
    block, way = case
    form = way[-1]
    first = next(iter(form.arguments), None)
    if first is None or not first.choices or not clause_syntax(form).startswith(f"{{{first.name}}}"):
        return
    text = written(block, way)
    at = text.index(f"\n{form.example}", text.index("{")) + 1
    half = f"{text[:at]}{form.keyword} "
    assert [item.text for item in complete(half, len(half))][: len(first.choices)] == list(first.choices)


@pytest.mark.parametrize("part", CONTROL_PARTS, ids=lambda part: part.words)
def test_every_part_of_a_control_is_offered_and_explained(part) -> None:
    bound = " >= 0.75" if part.place == "tail" else ""
    line = "evaluation e of scorecard on applications {\n  require roc_auc"
    assert part.words in offered(f"{line}{bound} |")
    first, *rest = part.words.split()
    if rest:
        assert " ".join(rest) in offered(f"{line}{bound} {first} |")
    value = part.choices[0] if part.choices else "x"
    word, shown = hovered(f"{line}{bound} {' '.join([first[0] + '|' + first[1:], *rest])} {value}\n}}\n") or ("", "")
    assert (word, part.doc in shown) == (first, True)
    assert set(part.choices) <= set(offered(f"{line}{bound} {part.words} |"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("evaluation e of |", ["scorecard"]),
        ("evaluation e of scorecard on app|", ["applications"]),
        ("monitor w of |", ["production"]),
        ("monitor w of production |", ["on", "every"]),
        ("approval a of scorecard {\n  by |", ["risk-officer"]),
        ("approval a of scorecard {\n  by risk-officer |", ["quorum"]),
        ("approval a of scorecard {\n  after holdout, |", ["holdout", "production", "a"]),
        ("evaluation e of scorecard on applications {\n  require roc_auc >= |", ["min-auc"]),
        ("monitor w of production every 1 day {\n  require psi > 1 otherwise alert |", ["risk-officer"]),
        ("dataset d {\n  prepare {\n    impute x with m|", ["median", "mean", "mode"]),
        ("model m {\n  hosted at |", []),
        ("model |", []),
        ("# mo|", []),
        ('lifecycle x {\n  purpose "mo|', []),
        ("model m {\n  parameters { |", []),
        ("model m {\n  parameters { a: [1, |", []),
        ("model m {\n  wrong |", []),
        ("evaluation e of scorecard wrong |", []),
        # The line goes on, and another declaration in column one ends what was left open.
        (
            "monitor w of production every 1 day {\n  require psi > 1\n    otherwise r|",
            ["retrain", "rollback", "retire"],
        ),
        ("model m {\n  parameters {\nrole r {\n  mem|", ["members at least"]),
    ],
)
def test_what_is_offered(text: str, names: list[str]) -> None:
    assert offered(text) == names


def test_metrics_are_those_that_the_caller_knows() -> None:
    line = "evaluation e of scorecard on applications {\n  require "
    assert offered(f"{line}|") == list(METRICS)
    assert hovered(f"{line}roc_|auc >= 0.75\n}}\n") == ("roc_auc", "`roc_auc`\n\nIn ratio.")
    whole = AROUND + line
    assert complete(whole, len(whole)) == ()


def test_a_word_in_the_middle_is_replaced_whole() -> None:
    text = "charter 1\nmodel m {\n  taskology\n}\n"
    (item,) = complete(text, text.index("ology"))
    assert (item.text, text[item.start : item.end]) == ("task", "taskology")


def test_every_word_of_a_real_charter_is_explained() -> None:
    text = CREDIT.read_text("utf-8")
    for line in text.splitlines():
        words = line.strip().partition("#")[0].split()
        if words and words[0].isalpha() and line.startswith("  ") and not line.startswith("    "):
            assert hover(text, text.index(f"\n{line}") + 3) is not None, line


@pytest.mark.parametrize("offset", [-1, 10**9])
def test_an_offset_outside_is_the_nearer_end(offset: int) -> None:
    assert complete("", offset)
    assert hover("", offset) is None
