"""Sources and feedback: whatever a dataset is made of is said, whole, and in one way."""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.compiler.passes.generative import named_secret
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic


def check_feedback(context: Context) -> Iterator[Diagnostic]:
    """CH1704 feedback with a part missing, CH1708 a source with one missing, CH1604 a secret in the open."""
    for dataset in context.charter.datasets.values():
        yield from _whole(dataset)
        if dataset.source is not None:
            yield from _source(dataset.source)


def _whole(dataset: model.Dataset) -> Iterator[Diagnostic]:
    if dataset.of is None:
        for keyword in ("labels", "join on"):
            for clause in dataset.clauses(keyword):
                detail = (
                    f"`{keyword}` is of outcomes of what a deployment has served, and `{dataset.name}` names none. "
                    f"Write `dataset {dataset.name} of DEPLOYMENT`, or take `{keyword}` out."
                )
                yield error("CH1704", clause.keyword_span, detail)
        return
    for clause in dataset.clauses("source"):
        detail = (
            f"The rows of `{dataset.name}` are what `{dataset.of.text}` has served, so they have no other source. Take "
            "`source` out, or `of`."
        )
        yield error("CH1704", clause.keyword_span, detail)
    for keyword, example in (("labels", 'labels csv "data/outcomes.csv"'), ("join on", "join on application_id")):
        if dataset.clause(keyword) is None:
            what = "what came of it" if keyword == "labels" else "which outcome belongs to which prediction"
            detail = f"Nothing says {what} in the feedback `{dataset.name}`. Add a line such as `{example}`."
            yield error("CH1704", dataset.node.header_span, detail)


_OF_DATABASES = ("secret", "query")


def _source(source: model.Source) -> Iterator[Diagnostic]:
    given = source.clause.arguments
    if source.format == "sql":
        missing = [f"`{name}`" for name in _OF_DATABASES if name not in given]
        if missing or "location" in given:
            detail = (
                "A database is asked with a `query`, at an address that the `secret` of this name holds: "
                '`source sql secret "LOANS_DB" query "select …"`.'
            )
            yield error("CH1708", source.clause.span, detail)
        secret = given.get("secret")
        if isinstance(secret, ast.Text):
            yield from named_secret(secret)
        return
    for name in _OF_DATABASES:
        if name in given:
            detail = f"`{name}` is for databases, and this source is `{source.format}`. Leave it out, or write `sql`."
            yield error("CH1708", given[name].span, detail)
    if "location" not in given:
        what = 'the function: `source python "module:function"`' if source.format == "python" else "the file"
        yield error("CH1708", source.clause.span, f"Nothing says where these rows come from. Name {what}.")
