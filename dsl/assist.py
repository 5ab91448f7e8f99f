"""What an editor shows: what may stand at a place of a text, and what stands there means.

Both are read from the vocabulary, as the checker and the language page are, so that they cannot disagree. Pure
functions of the text and an offset in characters; any text will do, also a half-written one.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct

from charter.dsl.cursor import Cursor
from charter.dsl.here import Here, here, line_at
from charter.dsl.lexer import Token, tokens
from charter.dsl.match import phrase, wanted
from charter.dsl.patterns import Sequence, Word, block_patterns, clause_syntax, header_syntax
from charter.dsl.slices import KEYWORDS
from charter.dsl.units import DURATION_UNITS, UNITS
from charter.dsl.vocabulary import (
    COMPARISONS,
    CONTROL_PARTS,
    Argument,
    BlockForm,
    ClauseForm,
    ControlPart,
)

NO_METRICS: Mapping[str, str] = MappingProxyType({})


class Completion(Struct, frozen=True):
    """One thing that may stand at the place.

    Attributes:
        text: what is put in place of the text from `start` to `end`.
        doc: what it means, in a sentence.
        example: a line that shows it; empty where a word explains itself.
        runs: whether any stage does it yet; what none does is proved, compiled and refused at its stage.
    """

    text: str
    start: int
    end: int
    doc: str
    example: str = ""
    runs: bool = True


class Hover(Struct, frozen=True):
    """What the text from `start` to `end` means, as Markdown."""

    text: str
    start: int
    end: int


def complete(text: str, offset: int, metrics: Mapping[str, str] = NO_METRICS) -> tuple[Completion, ...]:
    """What may stand at `offset`, in the order of the vocabulary; what is written of the word is what it begins with.

    Args:
        offset: in characters, from 0 to the text's length; what lies outside is taken to be at the nearer end.
        metrics: what can be measured, and what each metric is; the vocabulary of the language does not hold them.
    """
    offset = max(0, min(offset, len(text)))
    place = here(text, offset)
    if place.silent:
        return ()
    word = place.word if place.word is not None and place.word.kind == "NAME" else None
    start = word.start if word is not None else offset
    begun = text[start:offset]
    end = word.end if word is not None else offset
    found = dict.fromkeys(item for item in _offered(text, place, metrics) if item[0].startswith(begun))
    return tuple(Completion(item[0], start, end, *item[1:]) for item in found if item[0] != begun or end > offset)


_Offer = tuple[str, str, str, bool]


def _offered(text: str, place: Here, metrics: Mapping[str, str]) -> Iterator[_Offer]:
    if not place.headers:
        if not place.line:
            yield from ((block.form.keyword, block.form.doc, block.form.example, block.form.runs)
                        for block in block_patterns().values())  # fmt: skip
            return
        block = block_patterns().get(place.line[0].text)
        if block is None:
            return
        if block.form.named and len(place.line) == 1:
            return  # a name is for people to choose
        cursor = Cursor("", list(place.line), 0, "", 1 + block.form.named)
        yield from _of_line(cursor, block.header, text, block.form.doc, metrics)
        return
    clauses = place.clauses
    if clauses is None:
        return
    clause = place.clause(place.line)
    if clause is None:
        for group in clauses.by_first_word.values():
            for pattern in group:
                done = len(place.line)
                if pattern.words[:done] == tuple(token.text for token in place.line) and done < len(pattern.words):
                    form = pattern.form
                    yield " ".join(pattern.words[done:]), form.doc, form.example, form.runs
        return
    cursor = Cursor("", list(place.line), 0, "", len(clause.words))
    yield from _of_line(cursor, clause.alternatives, text, clause.form.doc, metrics)


def _of_line(
    cursor: Cursor, alternatives: tuple[Sequence, ...], text: str, doc: str, metrics: Mapping[str, str]
) -> Iterator[_Offer]:
    for item in wanted(cursor, alternatives):
        if isinstance(item.element, Word):
            yield item.element.text, doc, "", True
        elif item.element.argument.type == "control":
            line = [part for part in cursor.parts[item.index :] if isinstance(part, Token)]
            yield from _of_control(line, text, metrics)
        else:
            yield from _of_argument(item.element.argument, cursor, text, doc)


def _of_argument(argument: Argument, cursor: Cursor, text: str, doc: str) -> Iterator[_Offer]:
    yield from ((choice, doc, "", True) for choice in argument.choices)
    yield from _names(text, argument.means)
    last = cursor.parts[-1]
    if isinstance(last, Token) and last.kind == "NUMBER" and argument.type in {"duration", "quantity"}:
        units = DURATION_UNITS if argument.type == "duration" else UNITS
        yield from ((unit, "A unit.", "", True) for unit in sorted(units))


def _names(text: str, kinds: tuple[str, ...]) -> Iterator[_Offer]:
    """The names that are declared in the text, of these kinds."""
    if not kinds:
        return
    found = tokens(text)
    for token in found:
        first = token.kind == "NAME" and token.text in kinds and (token.start == 0 or text[token.start - 1] == "\n")
        if first and token.text in KEYWORDS:
            name = next(found, None)
            if name is not None and name.kind == "NAME":
                yield name.text, f"A {token.text} of this charter.", "", True


def _of_control(line: list[Token], text: str, metrics: Mapping[str, str]) -> Iterator[_Offer]:
    """What may come next in a control that begins with these tokens."""
    if not line:
        yield from ((name, doc, "", True) for name, doc in metrics.items())
        return
    words = [token.text for token in line]
    begun = _begun(words)
    if begun:
        yield from begun
        return
    bounded = any(token.kind in {"COMPARE", "EQUALS"} for token in line) or "not" in words
    open_part = _open_part(words)
    if open_part is not None:
        yield from ((choice, open_part.doc, "", True) for choice in open_part.choices)
        yield from _names(text, open_part.means)
    elif words[-1] == "alert":
        yield from _names(text, ("role",))
    elif line[-1].kind in {"COMPARE", "EQUALS"}:
        yield from _names(text, ("parameter",))
    else:
        places = {"tail"} if bounded else {"scope", "bound"}
        if not bounded:
            yield from ((sign, "The bound that must hold.", "", True) for sign in COMPARISONS)
        for part in CONTROL_PARTS:
            if part.place in places and part.words.split()[0] not in words[1:]:
                yield part.words, part.doc, part.syntax, part.runs
        if bounded and line[-1].kind == "NUMBER":
            yield from ((unit, "A unit.", "", True) for unit in sorted(UNITS))


def _begun(words: list[str]) -> list[_Offer]:
    """The rest of parts whose first words stand at the end: `with` wants `confidence`."""
    found = []
    for part in CONTROL_PARTS:
        whole = part.words.split()
        for done in range(len(whole) - 1, 0, -1):
            if len(words) > done and words[-done:] == whole[:done]:
                found.append((" ".join(whole[done:]), part.doc, part.syntax, part.runs))
    return found


def _open_part(words: list[str]) -> ControlPart | None:
    """The part whose words are the last on the line, so that its value comes next."""
    for part in CONTROL_PARTS:
        whole = part.words.split()
        if len(words) > len(whole) and words[-len(whole) :] == whole:
            return part
    return None


def hover(text: str, offset: int, metrics: Mapping[str, str] = NO_METRICS) -> Hover | None:
    """What the word at `offset` means; None where there is nothing to say. The arguments are those of `complete`."""
    offset = max(0, min(offset, len(text)))
    place = here(text, offset)
    word = place.word
    if word is None or (word.kind != "NAME" and place.silent):
        return None
    line = line_at(text, place)
    if not line:
        return None
    said = _said(place, line, word, metrics)
    return Hover(said[0], said[1], said[2]) if said is not None else None


def _said(place: Here, line: tuple[Token, ...], word: Token, metrics: Mapping[str, str]) -> tuple[str, int, int] | None:
    if not place.headers:
        block = block_patterns().get(line[0].text)
        return (_of_block(block.form), word.start, word.end) if block is not None else None
    clause = place.clause(line)
    if clause is None:
        return None
    keyword = line[: len(clause.words)]
    if word.start <= keyword[-1].start:
        return _of_clause(clause.form), keyword[0].start, keyword[-1].end
    if any(argument.type == "control" for argument in clause.form.arguments):
        behind = line[len(keyword) :]
        if word.start == behind[0].start and word.text in metrics:
            return f"`{word.text}`\n\n{metrics[word.text]}", word.start, word.end
        part = _part_at(behind, word)
        if part is not None:
            return _of_part(part), word.start, word.end
    return _of_clause(clause.form), word.start, word.end


def _part_at(line: tuple[Token, ...], word: Token) -> ControlPart | None:
    """The part of a control that a word on its line belongs to, keyword or value."""
    texts = [token.text for token in line]
    at = next(number for number, token in enumerate(line) if token.start == word.start)
    found: ControlPart | None = None
    nearest = 0
    for part in CONTROL_PARTS:
        whole = part.words.split()
        for start in range(1, len(texts)):
            if texts[start : start + len(whole)] == whole and nearest < start <= at:
                found, nearest = part, start
    compared = next((number for number, token in enumerate(line) if token.kind in {"COMPARE", "EQUALS"}), -1)
    return None if nearest < compared <= at else found


def _of_block(form: BlockForm) -> str:
    shown = " ".join(filter(None, (form.keyword, "<name>" if form.named else "", _shown(header_syntax(form)))))
    arguments = [line for argument in form.header for line in _of_hole(argument)]
    return _page(shown, _marked(form), arguments, form.example)


def _of_clause(form: ClauseForm) -> str:
    shown = " ".join(filter(None, (form.keyword, _shown(clause_syntax(form)))))
    notes = [line for argument in form.arguments for line in _of_hole(argument)]
    notes += ["Required."] * form.required + ["May be repeated."] * form.repeatable
    return _page(shown, _marked(form), notes, form.example)


def _of_part(part: ControlPart) -> str:
    notes = [f"It is {_listed(part.choices)}."] if len(part.choices) > 1 else []
    return _page(part.syntax, part.doc if part.runs else f"{_NOT_RUN_YET} {part.doc}", notes, "")


def _of_hole(argument: Argument) -> Iterator[str]:
    if argument.choices:
        yield f"`<{argument.name}>` is {phrase(argument)}."
    elif argument.means:
        yield f"`<{argument.name}>` is the name of a declaration of the kind {_listed(argument.means)}."
    if argument.idle:
        yield f"**Not run yet:** {_listed(argument.idle)}."


def _listed(words: tuple[str, ...]) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


_NOT_RUN_YET = "**Not run yet:** it is proved and compiled, and the stage that would do it refuses."


def _marked(form: BlockForm | ClauseForm) -> str:
    return form.doc if form.runs else f"{_NOT_RUN_YET} {form.doc}"


def _page(syntax: str, doc: str, notes: list[str], example: str) -> str:
    lines = [f"`{syntax}`", doc]
    if notes:
        lines.append(" ".join(notes))
    if example:
        lines.append(f"Example: `{example}`")
    return "\n\n".join(lines)


def _shown(syntax: str) -> str:
    return syntax.replace("{", "<").replace("}", ">")
