"""The baseline: nothing that a charter inherits by `extends` is weakened, and all of it is answered to."""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.compare import Change, Side, Verdict, compare
from charter.compiler.gather import Extension
from charter.compiler.order import Order
from charter.compiler.passes.context import Context
from charter.compiler.resolve import resolve
from charter.compiler.standards import Standard
from charter.compiler.stated import of_charter, span_of
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.source import Span

_OWN_WORD = frozenset(
    {
        ("lifecycle", "owner"),
        ("lifecycle", "purpose"),
        ("lifecycle", "extends"),
        ("objective", "problem"),
        ("objective", "sponsor"),
        ("retirement", "lessons"),
    }
)
"""What every charter says for itself: who, why, and where it is written down."""


def check_baseline(context: Context) -> Iterator[Diagnostic]:
    """CH1201 weaker than the baseline, CH1202 not comparable with it, CH1203 not answered to."""
    if not context.gathered.whole:
        return
    for extension in context.gathered.extensions:
        for node in extension.unmet:
            yield _unmet(node, extension)
        base, charter = resolve(extension.demanded, {}), resolve(extension.merged, {})
        yield from _of_another(base, charter, extension)
        for change in compare(of_charter(base, {}), of_charter(charter, {})):
            if change.verdict not in (Verdict.ADDED, Verdict.STRENGTHENED):
                yield from _judged(change, base, charter, extension)


def _of_another(base: model.Charter, charter: model.Charter, extension: Extension) -> Iterator[Diagnostic]:
    """A deployment that waits for the right name, whose evaluation or approval is of another model."""
    for name, demanded in base.deployments.items():
        deployment = charter.deployments.get(name)
        for first in demanded.after:
            gate = charter.approvals.get(first.text) or charter.evaluations.get(first.text)
            if deployment is None or gate is None or gate.of is None or deployment.of is None:
                continue
            if gate.of.text != deployment.of.text:
                detail = (
                    f"`{extension.name}` demands that `{name}` waits for `{first.text}`, and here that is of "
                    f"`{gate.of.text}`, not of `{deployment.of.text}`, which goes live. Let it be of the same model."
                )
                yield error("CH1203", gate.of.span, detail, _theirs(first.span, extension))


def _judged(change: Change, base: model.Charter, charter: model.Charter, extension: Extension) -> Iterator[Diagnostic]:
    old = change.old
    if old is None:
        return
    if change.new is None:
        if change.control:
            detail = f"`{extension.name}` demands `{old.text}`, and nothing in this charter does. Add it."
            yield error("CH1203", extension.clause.span, detail, _theirs(span_of(old, base), extension))
        return
    kind = old.subject.partition("/")[0]
    for side in change.sides:
        if side.order is Order.TIGHTER or (kind, side.name) in _OWN_WORD:
            continue
        span, why = _blamed(change.new, side.name, charter, base, extension)
        theirs = _theirs(span_of(old, base, side.name), extension)
        if side.order is Order.WEAKER:
            yield error("CH1201", span, _weaker(old, side, extension) + why, theirs)
        else:
            yield error("CH1202", span, _other(old, side, extension) + why, theirs)


def _theirs(span: Span, extension: Extension) -> Related:
    return Related(span, f"what `{extension.name}` demands")


def _weaker(old: Standard, side: Side, extension: Extension) -> str:
    what = "" if side.name == "bound" else f"{side.name} "
    return (
        f"`{old.id}` has {what}`{side.new}` here, and `{extension.name}` demands {what}`{side.old}`. A baseline may be "
        "tightened and never weakened: write at least what it demands, or leave the clause out to inherit it."
    )


def _other(old: Standard, side: Side, extension: Extension) -> str:
    return (
        f"`{side.name}` of `{old.id}` is `{side.new}` here and `{side.old}` in `{extension.name}`. Nobody can say "
        "which of the two is the stricter, so the baseline's holds: write the same, or leave the clause out to inherit "
        "it."
    )


def _blamed(
    new: Standard, side: str, charter: model.Charter, base: model.Charter, extension: Extension
) -> tuple[Span, str]:
    """Where the charter says it: its own clause, or its own value of a parameter that an inherited clause names."""
    own = extension.clause.span.path
    span = span_of(new, charter, side)
    if span.path == own:
        return span, ""
    for clause in (c for declared in charter.all() for c in declared.node.clauses if c.span == span):
        for control in (v for v in clause.arguments.values() if isinstance(v, ast.Control)):
            for value in (control.bound, control.confidence, control.margin):
                parameter = charter.parameters.get(value.text) if isinstance(value, ast.Name) else None
                theirs = base.parameters.get(value.text) if isinstance(value, ast.Name) else None
                if parameter is not None and theirs is not None and parameter.quantity != theirs.quantity:
                    return parameter.node.header_span, f" It follows from the parameter `{parameter.name}`."
    return extension.clause.span, ""


def _unmet(node: ast.Declaration, extension: Extension) -> Diagnostic:
    kinds = [
        value.text.removeprefix("any ")
        for value in node.header.values()
        if isinstance(value, ast.Name) and value.text.startswith("any ")
    ]
    which = " and ".join(f"which {kind}" for kind in kinds)
    detail = (
        f"`{extension.name}` demands `{node.kind} {node.name.text}`, and this charter has to say of {which}. Declare "
        f"`{node.kind} {node.name.text}` here; what the baseline demands of it is inherited."
    )
    return error("CH1203", extension.clause.span, detail, _theirs(node.header_span, extension))
