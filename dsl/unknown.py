"""What to say about a line whose first word is not known where it stands."""

from functools import cache

from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.lexer import Token
from charter.dsl.messages import lexical_mistake, shorten
from charter.dsl.patterns import ClausePattern, Clauses, Optional, Word, block_patterns, homes_of_clauses
from charter.dsl.source import Span
from charter.dsl.suggest import closest, did_you_mean
from charter.dsl.tree import Line, Part


def odd_start(part: Part, span: Span, what: str) -> Diagnostic:
    """The finding for a line that does not begin with a word."""
    if isinstance(part, Token) and part.kind in {"ODD", "OPEN_TEXT", "OPEN_LONG_TEXT"}:
        return lexical_mistake(part, span)
    return error("CH0024", span, f"Every line begins with the word that names {what}; this one does not.")


def unknown_declaration(word: str, span: Span) -> Diagnostic:
    """The finding for a top-level line whose first word opens no block."""
    homes = _homes(word)
    known_words = ("charter", *block_patterns())
    if homes and not did_you_mean(word, known_words):
        detail = f"`{word}` belongs in {_list(homes)}. Move it between the braces of such a block."
        return error("CH0031", span, detail)
    known = ", ".join(f"`{keyword}`" for keyword in block_patterns())
    hint = did_you_mean(word, known_words) or f" Declarations are {known}."
    return error("CH0030", span, f"`{shorten(word)}` is no declaration.{hint}")


def unknown_clause(path: str, line: Line, clauses: Clauses, home: str) -> tuple[Diagnostic, ClausePattern | None]:
    """The finding for a line of a block that is none of its clauses, and the clause that was meant."""
    first = line.parts[0]
    assert isinstance(first, Token)
    word = first.text
    span = Span(path, first.start, first.end)
    begun = clauses.by_first_word.get(word)
    if begun is not None:
        return _half_keyword(path, line, begun)
    meant = closest(word, clauses.by_first_word)
    if meant is not None:
        pattern = clauses.by_first_word[meant][0]
        detail = f"`{shorten(word)}` is no clause of `{home}`. Did you mean `{pattern.form.keyword}`?"
        return error("CH0050", span, detail), pattern
    if word in block_patterns():
        detail = (
            f"`{word}` begins a declaration of its own and cannot stand in `{home}`. "
            f"Move it out, or close `{home}` with `}}` before it."
        )
        return error("CH0051", span, detail), None
    if homes := _homes(word):
        return error(
            "CH0051", span, f"`{word}` does not belong in `{home}`, but in {_list(homes)}. Move it there."
        ), None
    if (owner := _inner_words().get(word)) is not None:
        detail = f"`{word}` is no clause of its own. It stands on the line of another, as in `{owner}`."
        return error("CH0051", span, detail), None
    known = ", ".join(f"`{keyword}`" for keyword in clauses.keywords)
    return error("CH0050", span, f"`{shorten(word)}` is no clause of `{home}`. Its clauses are {known}."), None


def _half_keyword(path: str, line: Line, begun: tuple[ClausePattern, ...]) -> tuple[Diagnostic, ClausePattern | None]:
    """`train applications.train`, where `train on` is the keyword."""
    first = line.parts[0]
    assert isinstance(first, Token)
    seconds = {pattern.words[1]: pattern for pattern in begun}
    wanted = " or ".join(f"`{word}`" for word in seconds)
    example = begun[0].form.example
    only = begun[0] if len(begun) == 1 else None
    if len(line.parts) == 1:
        detail = f"The line ends too early: {wanted} is missing after `{first.text}`. Example: `{example}`."
        return error("CH0033", Span(path, first.start, first.end), detail), only
    second = line.parts[1]
    meant = closest(second.text, seconds) if isinstance(second, Token) and second.kind == "NAME" else None
    hint = f" Did you mean `{meant}`?" if meant is not None else ""
    span = Span(path, second.start, second.end)
    detail = f"After `{first.text}` comes {wanted}.{hint} Example: `{example}`."
    return error("CH0032", span, detail), seconds[meant] if meant is not None else only


def _homes(word: str) -> tuple[str, ...]:
    """The blocks in which a clause that begins with `word` may stand."""
    homes = [home for keyword, places in homes_of_clauses().items() if keyword.split()[0] == word for home in places]
    return tuple(dict.fromkeys(homes))


def _list(homes: tuple[str, ...]) -> str:
    quoted = [f"`{home}`" for home in homes]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


@cache
def _inner_words() -> dict[str, str]:
    """Words that stand within a clause (`quorum`, `seed`), each with a line that shows it."""
    found: dict[str, str] = {}

    def visit(clauses: Clauses) -> None:
        for group in clauses.by_first_word.values():
            for pattern in group:
                for way in pattern.alternatives:
                    for element in way:
                        for inner in element.elements if isinstance(element, Optional) else (element,):
                            if isinstance(inner, Word):
                                found.setdefault(inner.text, pattern.form.example)
                if pattern.children is not None:
                    visit(pattern.children)

    for block in block_patterns().values():
        visit(block.clauses)
    return found
