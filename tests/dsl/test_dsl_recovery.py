"""Recovery: it changes nothing that is right, reports what is wrong, and little else."""

import random

import pytest
from dsl_base import CREDIT, codes_of, plain

from charter.dsl.ast import CharterFile
from charter.dsl.build import Builder, add_line
from charter.dsl.findings import Findings
from charter.dsl.lexer import Token, tokens
from charter.dsl.parse import parse
from charter.dsl.recover import Mender, recover
from charter.dsl.slices import slices
from charter.dsl.source import Source

RIGHT = [CREDIT, CREDIT.parent / "syntax" / "right.charter"]


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_reads_a_right_text_as_the_grammar_does(path) -> None:
    source = Source("x", path.read_text("utf-8"))
    tree, found = parse(source)
    assert found == ()
    findings = Findings()
    for lines in (recover(source, findings), Mender(source, findings, list(tokens(source.text))).mend()):
        builder = Builder(source)
        for line in lines:
            add_line(builder, line)
        read = CharterFile(builder.edition, tuple(builder.declarations), builder.span(0, len(source.text)))
        assert plain(read) == plain(tree)
        assert builder.findings.items == findings.items == []


def test_one_piece_a_declaration() -> None:
    text = 'charter 1\nlifecycle x {\n model y\n}\nmodel m {\n}\nmodel: 3\n# model\nmodels\n"""\nmodel z\n"""\n'
    pieces = [text[start:end].partition("\n")[0] for start, end in slices(Source("x", text))]
    assert pieces == ["charter 1", "lifecycle x {", "model m {"]


def test_unclosed_long_text_ends_at_the_next_declaration() -> None:
    text = (
        'charter 1\nobjective a {\n  problem """Never closed.\n    prose\n\nrole r {\n  membres at least 3\n}\n'
        'objective b {\n  problem """closed"""\n  sponsor "x" y\n}\n'
    )
    assert codes_of(text) == ["CH0012", "CH0020", "CH0050", "CH0032"]


def test_unclosed_long_text_ends_at_the_next_clause() -> None:
    text = 'charter 1\nobjective a {\n  problem """Never closed,\n    source of prose\n  approach narow\n}\n'
    assert codes_of(text) == ["CH0012", "CH0054"]


def test_what_is_left_of_a_broken_file_is_in_the_tree() -> None:
    text = "charter 1\nmodle m {\n  taks binary-classification\n}\nrole r {\n  members at least 3\nparameter p = 1\n"
    tree, _ = parse(Source("x", text))
    assert [(item.kind, item.name.text) for item in tree.declarations] == [
        ("model", "m"),
        ("role", "r"),
        ("parameter", "p"),
    ]
    assert tree.declarations[0].clauses[0].keyword == "task"


def test_missing_clauses_are_not_told_of_a_block_with_a_mistake() -> None:
    assert codes_of('charter 1\nlifecycle x {\n  xyzzy "1"\n}\n') == ["CH0050"]
    assert codes_of("charter 1\nlifecycle x {\n}\n") == ["CH0053"] * 4


def mutation(text: str, chance: random.Random) -> tuple[int, int, str]:
    """One token left out, doubled, replaced, misspelt, or with a sign put behind it: what, and by what."""
    found = [token for token in tokens(text) if token.kind != "_NEWLINE" and "\n" not in token.text]
    token = chance.choice(found)
    return token.start, token.end, chance.choice(_MUTATIONS)(token, chance.choice(found), chance)


def _misspelt(token: Token, _other: Token, chance: random.Random) -> str:
    at = chance.randrange(len(token.text))
    return token.text[:at] + token.text[at + 1 : at + 2] + token.text[at : at + 1] + token.text[at + 2 :]


_INSERTED = ("{", "}", "[", "]", "(", ")", ",", ":", "%", "@", "foo", "17", "->")
_MUTATIONS = (
    lambda token, other, chance: "",
    lambda token, other, chance: f"{token.text} {token.text}",
    lambda token, other, chance: other.text,
    _misspelt,
    lambda token, other, chance: f"{token.text} {chance.choice(_INSERTED)}",
)


def test_planted_mistakes_are_reported_and_little_else() -> None:
    """5 mutations in each of 60 files: at least 90% of the lines reported, at most 0.3 spurious a file."""
    text = CREDIT.read_text("utf-8")
    whole = Source("x", text)
    chance = random.Random(20261122)
    planted = reported = spurious = 0
    files = 60
    for _ in range(files):
        edits: dict[int, tuple[int, int, str]] = {}
        while len(edits) < 5:
            start, end, new = mutation(text, chance)
            if parse(Source("x", text[:start] + new + text[end:]))[1]:  # else the file is still right
                edits.setdefault(whole.position(start).line, (start, end, new))
        broken = text
        for start, end, new in sorted(edits.values(), reverse=True):
            broken = broken[:start] + new + broken[end:]
        source = Source("x", broken)
        lines = {source.position(item.span.start).line for item in parse(source)[1] if item.span is not None}
        planted += len(edits)
        reported += len(lines & set(edits))
        spurious += sum(
            source.position(item.span.start).line not in edits for item in parse(source)[1] if item.span is not None
        )
    assert reported >= 0.9 * planted, (reported, planted)
    assert spurious <= 0.3 * files, (spurious, files)
