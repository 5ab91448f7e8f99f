"""One file, one declaration of what is in it: datasets that read the same file do not contradict each other."""

from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.passes.context import Context
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.messages import shorten

_SAYS = (("class", "level"), ("license", "value"), ("basis", "ground"), ("condition", "ground"))
_FOR_PEOPLE = ("basis", "condition")
"""Of which two may be right: one file may be used for two purposes, and people judge that."""


def check_one_file(context: Context) -> Iterator[Diagnostic]:
    """CH1310 two datasets of one file say different things of it."""
    for keyword, argument in _SAYS:
        first: dict[str, model.Dataset] = {}
        for dataset in context.charter.datasets.values():
            path = context.charter.data_file(dataset)
            if path and read.word(dataset.clause(keyword), argument):
                yield from _differ(first.setdefault(path, dataset), dataset, keyword, argument)


def _differ(before: model.Dataset, dataset: model.Dataset, keyword: str, argument: str) -> Iterator[Diagnostic]:
    one, other = before.clause(keyword), dataset.clause(keyword)
    said, says = read.word(one, argument), read.word(other, argument)
    if one is None or other is None or said.casefold() == says.casefold():
        return
    known, path = shorten(model.data_path(before)), shorten(model.data_path(dataset))
    same = "" if path == known else f", which is `{path}` too"
    detail = (
        f"`{before.name}` and `{dataset.name}` both read `{known}`{same}, and say `{keyword} {shorten(said)}` and "
        f"`{keyword} {shorten(says)}` of it. Say the same in both."
    )
    report = warning if keyword in _FOR_PEOPLE else error
    yield report("CH1310", other.arguments[argument].span, detail, Related(one.span, "said of the same file here"))
