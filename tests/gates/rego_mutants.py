"""Flips each condition, threshold and constant of a Rego text, one at a time: a test must notice every one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FLIPS = {
    "==": ("!=",),
    "!=": ("==",),
    ">=": (">", "<"),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    "<": ("<=", ">="),
}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|==|!=|>=|<=|(?<![:=])>|<|\bnot \b|\btrue\b|\bfalse\b|(?<![\w.%])\d+(?![\w.])')
_ONE_LINER = re.compile(r"^(\S.*?) if (?!\{).*$")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed text; `line` counts from 1."""

    line: int
    change: str
    text: str


def mutants(text: str) -> Iterator[Mutant]:
    """Every mutant of one module; comments, package and imports are left alone."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "package ", "import ")):
            continue
        for start, end, new in _changes(line):
            changed = line[:start] + new + line[end:]
            yield _mutant(lines, index, f"`{line[start:end]}` to `{new}`", changed)
        if line.startswith("\t") and not stripped.endswith(("{", "(", "[", ",", "|")) and stripped[0] not in "})]":
            yield _mutant(lines, index, f"without `{stripped}`", None)
        elif head := _ONE_LINER.match(line):
            yield _mutant(lines, index, "without its condition", head[1] + (" if true" if ":=" not in head[1] else ""))


def _changes(line: str) -> Iterator[tuple[int, int, str]]:
    for match in _TOKEN.finditer(line):
        word = match[0]
        if word.startswith('"'):
            yield match.start(), match.end(), word[:-1] + '~"'
        elif word in _FLIPS:
            for new in _FLIPS[word]:
                yield match.start(), match.end(), new
        elif word == "not ":
            yield match.start(), match.end(), ""
        elif word in {"true", "false"}:
            yield match.start(), match.end(), "false" if word == "true" else "true"
        else:
            yield match.start(), match.end(), str(int(word) + 1)


def _mutant(lines: list[str], index: int, change: str, new: str | None) -> Mutant:
    changed = lines[:index] + ([] if new is None else [new]) + lines[index + 1 :]
    return Mutant(index + 1, change, "\n".join(changed) + "\n")
