"""The charter as a whole: one lifecycle, of a class that may be built, with something to do."""

from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.suggest import did_you_mean
from charter.policies.catalogue import pack_names


def check_lifecycle(context: Context) -> Iterator[Diagnostic]:
    """CH0105 not exactly one, CH0106 unknown pack, CH0108 nothing to check, CH0406 prohibited."""
    charter = context.charter
    nodes = [node for node in charter.file.declarations if node.kind == "lifecycle"]
    if context.complete and not nodes:
        detail = (
            "A charter is about one AI system. Add a `lifecycle NAME {` block that says which. (A file that others "
            "import is checked with them; one that they extend, with `charter check --baseline`.)"
        )
        yield error("CH0105", charter.head, detail)
    for extra in nodes[1:]:
        detail = "A charter is about one AI system. Put this lifecycle into a charter of its own."
        yield error("CH0105", extra.name.span, detail, Related(nodes[0].header_span, "the first one is here"))
    if context.complete and not context.graph.nodes:
        detail = (
            "The charter declares no dataset, model or objective, so there is nothing to check and nothing to run. "
            "An empty charter is never green: add what the lifecycle consists of."
        )
        yield error("CH0108", charter.head, detail)
    yield from _packs(context)
    yield from _risk(context)


def _packs(context: Context) -> Iterator[Diagnostic]:
    lifecycle = context.charter.lifecycle
    for pack in lifecycle.packs if lifecycle else ():
        if pack.text not in pack_names():
            known = ", ".join(f"`{name}`" for name in pack_names())
            detail = f"No rule pack is called `{pack.text}`; there is {known}.{did_you_mean(pack.text, pack_names())}"
            yield error("CH0106", pack.span, detail)


def _risk(context: Context) -> Iterator[Diagnostic]:
    lifecycle = context.charter.lifecycle
    clause = lifecycle.clause("risk") if lifecycle else None
    if clause is None or read.word(clause, "level") != "prohibited":
        return
    level = read.name(clause, "level")
    yield error(
        "CH0406",
        level.span if level else clause.span,
        "A practice that Article 5 of the EU AI Act prohibits is not built, whatever its gates say. Change what "
        "the system does; if the class is wrong, correct it and write down why in `purpose`.",
    )
