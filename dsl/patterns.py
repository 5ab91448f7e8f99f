"""The vocabulary made ready for matching: the syntax of each form as a sequence of elements."""

from functools import cache

from msgspec import Struct

from charter.dsl.vocabulary import BLOCKS, Argument, BlockForm, ClauseForm


class Word(Struct, frozen=True):
    """A word that stands for itself."""

    text: str


class Hole(Struct, frozen=True):
    """A place for an argument."""

    argument: Argument


class Optional(Struct, frozen=True):
    """Elements that may be left out together."""

    elements: tuple[Word | Hole, ...]


Sequence = tuple[Word | Hole | Optional, ...]


class ClausePattern(Struct, frozen=True):
    """A clause with its keyword in words, the ways to write what follows, and its children."""

    form: ClauseForm
    words: tuple[str, ...]
    alternatives: tuple[Sequence, ...]
    children: "Clauses | None"


class Clauses(Struct, frozen=True):
    """The clauses that may stand in one block, by the first word of their keyword, longest first."""

    by_first_word: dict[str, tuple[ClausePattern, ...]]

    @property
    def keywords(self) -> tuple[str, ...]:
        """Every keyword, as it is written."""
        return tuple(item.form.keyword for group in self.by_first_word.values() for item in group)


class BlockPattern(Struct, frozen=True):
    """A block with what stands on its header line after its name."""

    form: BlockForm
    header: tuple[Sequence, ...]
    clauses: Clauses


def _element(text: str, arguments: dict[str, Argument]) -> Word | Hole:
    return Hole(arguments[text[1:-1]]) if text.startswith("{") else Word(text)


def _words(syntax: str) -> list[str]:
    """The syntax split at blanks, but not within an argument's braces (`{stratified by}`)."""
    words: list[str] = []
    for piece in syntax.replace("[", " [ ").replace("]", " ] ").split():
        if words and words[-1].startswith("{") and not words[-1].endswith("}"):
            words[-1] += f" {piece}"
        else:
            words.append(piece)
    return words


def compile_syntax(syntax: str, arguments: tuple[Argument, ...]) -> tuple[Sequence, ...]:
    """The alternatives that a `syntax` text of the vocabulary spells out."""
    by_name = {argument.name: argument for argument in arguments}
    alternatives = []
    for way in syntax.split("|"):
        elements: list[Word | Hole | Optional] = []
        group: list[Word | Hole] | None = None
        for word in _words(way):
            if word == "[":
                group = []
            elif word == "]" and group is not None:
                elements.append(Optional(tuple(group)))
                group = None
            elif group is not None:
                group.append(_element(word, by_name))
            else:
                elements.append(_element(word, by_name))
        alternatives.append(tuple(elements))
    return tuple(alternatives)


def clause_syntax(form: ClauseForm) -> str:
    """What follows the keyword of a clause, spelled out also where the vocabulary leaves it to the rule."""
    return form.syntax or " ".join(
        f"[{item.name} {{{item.name}}}]" if item.optional else f"{{{item.name}}}" for item in form.arguments
    )


def header_syntax(form: BlockForm) -> str:
    """What follows the name on the header line of a block."""
    return form.syntax or " ".join(
        f"[{item.name} {{{item.name}}}]" if item.optional else f"{item.name} {{{item.name}}}" for item in form.header
    )


def _clauses(forms: tuple[ClauseForm, ...]) -> Clauses:
    found: dict[str, list[ClausePattern]] = {}
    for form in forms:
        words = tuple(form.keyword.split())
        pattern = ClausePattern(
            form,
            words,
            compile_syntax(clause_syntax(form), form.arguments),
            _clauses(form.children) if form.children else None,
        )
        found.setdefault(words[0], []).append(pattern)
    longest_first = {word: tuple(sorted(group, key=lambda item: -len(item.words))) for word, group in found.items()}
    return Clauses(longest_first)


@cache
def block_patterns() -> dict[str, BlockPattern]:
    """Every block by its keyword."""
    return {
        form.keyword: BlockPattern(form, compile_syntax(header_syntax(form), form.header), _clauses(form.clauses))
        for form in BLOCKS
    }


def find_clause(words: list[str], clauses: Clauses) -> ClausePattern | None:
    """The clause whose keyword a line with these first words begins with."""
    for pattern in clauses.by_first_word.get(words[0], ()):
        if tuple(words[: len(pattern.words)]) == pattern.words:
            return pattern
    return None


@cache
def homes_of_clauses() -> dict[str, tuple[str, ...]]:
    """The blocks (or clauses with a block) in which each clause keyword may stand."""
    homes: dict[str, list[str]] = {}

    def visit(home: str, forms: tuple[ClauseForm, ...]) -> None:
        for form in forms:
            homes.setdefault(form.keyword, []).append(home)
            visit(form.keyword, form.children)

    for block in BLOCKS:
        visit(block.keyword, block.clauses)
    return {keyword: tuple(places) for keyword, places in homes.items()}
