"""How many planted mistakes one run names, of the parser alone and of the whole check.

Five random token mutations in each of 150 charters.
A mutation is one that a hand or a bad merge makes: a token deleted, doubled, replaced by another of the same
file, put in, swapped with its neighbour, or a word misspelt. It counts when it makes the file invalid by itself;
the five of a file stand on lines of their own. A mutated line is reported when an error, or the place that an
error refers to, is on it. An error that touches no mutated line is spurious.
"""

import random
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from charter.compiler.compile import check_charter
from charter.dsl.diagnostics import Diagnostic, Severity
from charter.dsl.lexer import Token, tokens
from charter.dsl.parse import parse
from charter.dsl.source import Source

ROOT = Path(__file__).resolve().parent.parent
FILES = 150
MUTATIONS = 5
SEED = 20_260


class Figures(Struct):
    """What came out: mutated lines, those of them reported, and errors that touch none of them, in so many files."""

    files: int = 0
    lines: int = 0
    reported: int = 0
    spurious: int = 0


Errors = Callable[[Path, str], list[Diagnostic]]
"""The errors of a text in the place of a file, in its order."""


def measured(errors: Errors, files: int = FILES, *, stop_at_first: bool = False) -> Figures:
    """Mutate and read that many charters; with `stop_at_first` only the first error of each counts."""
    figures = Figures()
    valid = [path for path in bases() if not errors(path, path.read_text("utf-8"))]
    for number in range(files):
        path = valid[number % len(valid)]
        text, lines = mutated(path, errors, random.Random(SEED + number))
        found = [touched_lines(item, text) for item in errors(path, text)]
        if stop_at_first:
            found = found[:1]
        figures.files += 1
        figures.lines += len(lines)
        figures.reported += sum(any(line in touched for touched in found) for line in lines)
        figures.spurious += sum(not touched & lines for touched in found)
    return figures


def bases() -> list[Path]:
    """Charters to mutate: the tests' and the examples'. Not all that can be parsed can be run."""
    cases = ROOT / "tests" / "cases"
    named = [
        cases / "credit-full.charter",
        cases / "syntax" / "right.charter",
        *sorted(cases.glob("*/*-spine.charter")),
    ]
    return [*named, *sorted((ROOT / "examples").glob("*/*.charter"))]


def mutated(path: Path, errors: Errors, chance: random.Random) -> tuple[str, set[int]]:
    """The text of a valid charter with its mutations, and the lines (from 1) they are on."""
    text = path.read_text("utf-8")
    lines: set[int] = set()
    changed = text
    while len(lines) < MUTATIONS:
        found = [token for token in tokens(text) if token.kind != "_NEWLINE" and "\n" not in token.text]
        at = chance.randrange(len(found))
        line = text.count("\n", 0, found[at].start) + 1
        if line in lines:
            continue
        alone = _mutation(text, found, at, chance)
        if alone is None or alone.count("\n") != text.count("\n") or not errors(path, alone):
            continue
        rows, new = changed.split("\n"), alone.split("\n")
        rows[line - 1] = new[line - 1]
        changed = "\n".join(rows)
        lines.add(line)
    return changed, lines


def _mutation(text: str, found: list[Token], at: int, chance: random.Random) -> str | None:
    """The text with one token changed; nothing else, and no other line."""
    token = found[at]
    other = chance.choice(found)
    behind = found[at + 1] if at + 1 < len(found) else token
    same_line = "\n" not in text[token.start : behind.end]
    kinds: dict[str, Callable[[], tuple[int, int, str] | None]] = {
        "delete": lambda: (token.start, token.end, ""),
        "double": lambda: (token.end, token.end, f" {token.text}"),
        "replace": lambda: (token.start, token.end, other.text),
        "insert": lambda: (token.start, token.start, f"{other.text} "),
        "swap": lambda: (token.start, behind.end, f"{behind.text} {token.text}") if same_line else None,
        "misspell": lambda: (token.start, token.end, _misspelt(token.text, chance)) if token.kind == "NAME" else None,
    }
    change = kinds[chance.choice(sorted(kinds))]()
    if change is None:
        return None
    start, end, new = change
    return text[:start] + new + text[end:]


def _misspelt(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    before, letter, behind = word[:at], word[at], word[at + 1 :]
    return chance.choice(
        (before + behind, before + letter + letter + behind, before + behind[:1] + letter + behind[1:])
    )


def parsed(_path: Path, text: str) -> list[Diagnostic]:
    """The errors of the syntax and the vocabulary."""
    return [item for item in parse(Source("x", text))[1] if item.severity is Severity.ERROR]


def checked(path: Path, text: str) -> list[Diagnostic]:
    """The errors of everything that `charter check` proves."""
    return [item for item in check_charter(path, as_text=text).diagnostics if item.severity is Severity.ERROR]


def touched_lines(item: Diagnostic, text: str) -> set[int]:
    """The lines that an error is on or refers to."""
    spans = [span for span in (item.span, *(related.span for related in item.related)) if span is not None]
    return {text.count("\n", 0, span.start) + 1 for span in spans}
