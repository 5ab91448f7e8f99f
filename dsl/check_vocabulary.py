"""Checks a tree against the vocabulary: choices, clauses given twice, clauses that are missing, keys given twice."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from charter.dsl.ast import CharterFile, Clause, Control, ListValue, MappingValue, Name, Value
from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.messages import shorten
from charter.dsl.source import Span
from charter.dsl.suggest import did_you_mean
from charter.dsl.vocabulary import BLOCKS, GRADES, LEVELS, REACTIONS, ClauseForm

_BLOCKS = {block.keyword: block for block in BLOCKS}


def check_vocabulary(tree: CharterFile, mistakes: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """The findings of a tree; `mistakes` are those that parsing it has found.

    Where a block has a mistake, no clause of it is called missing: it may be the one that is misspelt.
    """
    damaged = sorted(item.span.start for item in mistakes if item.span is not None)
    for declaration in tree.declarations:
        block = _BLOCKS[declaration.kind]
        for value in declaration.header.values():
            yield from _value(value)
        whole = not _any_within(damaged, declaration.span)
        header = declaration.header_span
        yield from _clauses(declaration.clauses, block.clauses, declaration.kind, header, whole=whole)


def _any_within(places: list[int], span: Span) -> bool:
    index = bisect_left(places, span.start)
    return index < len(places) and places[index] <= span.end


def _clauses(
    clauses: tuple[Clause, ...], forms: tuple[ClauseForm, ...], home: str, header: Span, *, whole: bool
) -> Iterator[Diagnostic]:
    by_keyword = {form.keyword: form for form in forms}
    first: dict[str, Clause] = {}
    for clause in clauses:
        form = by_keyword[clause.keyword]
        if clause.keyword in first and not form.repeatable:
            yield _repeated(clause, first[clause.keyword], home)
        first.setdefault(clause.keyword, clause)
        yield from _arguments(clause, form)
        if form.children:
            end = max([clause.keyword_span.end, *(value.span.end for value in clause.arguments.values())])
            line = Span(clause.span.path, clause.span.start, end)
            yield from _clauses(clause.children, form.children, clause.keyword, line, whole=whole)
    if whole:
        replaced = {name for keyword in first for name in by_keyword[keyword].instead_of}
        for form in forms:
            if form.required and form.keyword not in first and form.keyword not in replaced:
                yield _missing(form, home, header)


def _repeated(clause: Clause, first: Clause, home: str) -> Diagnostic:
    detail = f"`{clause.keyword}` is said once in `{home}`. Remove one of the two."
    return error("CH0052", clause.keyword_span, detail, Related(first.keyword_span, "it was said here before"))


def _missing(form: ClauseForm, home: str, header: Span) -> Diagnostic:
    detail = f"`{home}` needs `{form.keyword}`. {form.doc} Add a line such as `{form.example}`."
    return error("CH0053", header, detail)


def _arguments(clause: Clause, form: ClauseForm) -> Iterator[Diagnostic]:
    for argument in form.arguments:
        value = clause.arguments.get(argument.name)
        if value is None:
            continue
        words = value.items if isinstance(value, ListValue) else (value,)
        named = [word for word in words if isinstance(word, Name)] if argument.choices else []
        if named:
            for word in named:
                yield from _choice(word, argument.choices)
        else:
            yield from _value(value)


def _choice(value: Name, choices: tuple[str, ...]) -> Iterator[Diagnostic]:
    if value.text not in choices:
        known = ", ".join(f"`{choice}`" for choice in choices)
        hint = did_you_mean(value.text, choices)
        detail = f"`{shorten(value.text)}` is not known here.{hint} Possible is {known}."
        yield error("CH0054", value.span, detail)


def _value(value: Value) -> Iterator[Diagnostic]:
    if isinstance(value, MappingValue):
        yield from _keys(value)
    elif isinstance(value, Control):
        if value.graded is not None and value.graded.text != "declared":  # the compiler says why not that
            yield from _choice(value.graded, GRADES)
        if value.enforce is not None:
            yield from _choice(value.enforce, LEVELS)
        if value.reaction is not None:
            yield from _choice(value.reaction.action, REACTIONS)


def _keys(value: MappingValue) -> Iterator[Diagnostic]:
    first: dict[str, Name] = {}
    for entry in value.entries:
        if entry.key.text in first:
            detail = f"`{shorten(entry.key.text)}` is given twice. Remove one of the two."
            earlier = Related(first[entry.key.text].span, "it was given here before")
            yield error("CH0055", entry.key.span, detail, earlier)
        first.setdefault(entry.key.text, entry.key)
        if isinstance(entry.value, MappingValue):
            yield from _keys(entry.value)
