"""Duplicates: a name means one thing wherever it may be used."""

from collections.abc import Iterator

from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related

_TOGETHER = frozenset({"evaluation", "policy", "approval", "deployment", "monitor"})
"""Kinds that `after`, `mitigated by` and waivers name without saying which kind they mean."""

_NAMELESS = frozenset({"lifecycle", "import"})
"""Kinds that nothing refers to by name; that there is one lifecycle is looked at elsewhere."""


def check_duplicates(context: Context) -> Iterator[Diagnostic]:
    """CH0102: the second of two declarations with one name."""
    first: dict[tuple[str, str], ast.Declaration] = {}
    for node in context.charter.file.declarations:
        if node.kind in _NAMELESS:
            continue
        space = "together" if node.kind in _TOGETHER else node.kind
        earlier = first.setdefault((space, node.name.text), node)
        if earlier is not node:
            yield _duplicate(node, earlier)


def _duplicate(node: ast.Declaration, earlier: ast.Declaration) -> Diagnostic:
    where = Related(earlier.header_span, "the first one is here")
    if node.kind == "retirement":
        detail = f"The model `{node.name.text}` has a retirement already. Put all criteria into one block."
    elif node.kind == earlier.kind:
        detail = f"There is a {node.kind} `{node.name.text}` already. Rename one of them, or remove it."
    else:
        detail = (
            f"`{node.name.text}` is the name of the {earlier.kind} above. A reference could mean either, so "
            f"evaluations, policies, approvals, deployments and monitors have names of their own. Rename one."
        )
    return error("CH0102", node.name.span, detail, where)
