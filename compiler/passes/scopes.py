"""Scopes of bounds: attacks, champions, other rows and durations stand where they mean something."""

from collections.abc import Iterator, Mapping

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.ir import Unit
from charter.compiler.metrics import METRICS
from charter.compiler.passes.context import Context
from charter.compiler.units import NAMES, fits
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.source import Span
from charter.dsl.suggest import did_you_mean

ATTACKS: Mapping[str, Mapping[str, Unit]] = {
    "fgsm": {"eps": "number"},
    "pgd": {"eps": "number", "steps": "count"},
}
"""Attacks by name, with their arguments: Goodfellow et al. (2015), arXiv:1412.6572; Madry et al., arXiv:1706.06083."""

CHAMPION = "champion"


def check_scopes(context: Context) -> Iterator[Diagnostic]:
    """CH1706 a part of a bound where it means nothing, CH1707 attacks that nobody knows, CH0201 and CH0211 margins."""
    charter = context.charter
    for declared in charter.all():
        for bound in _bounds(declared):
            yield from _places(bound, declared)
            if bound.node.attack is not None:
                yield from _attack(bound.node.attack)
            if bound.node.not_worse_than is not None:
                yield from _champion(bound, bound.node.not_worse_than)


def _bounds(declared: model.Declared) -> tuple[model.Bound, ...]:
    match declared:
        case model.Dataset() | model.Evaluation() | model.Monitor():
            return declared.requires
        case model.Retirement():
            return declared.whens
        case model.Deployment():
            return declared.bounds
        case model.Objective():
            return declared.kpis
    return ()


def _places(bound: model.Bound, declared: model.Declared) -> Iterator[Diagnostic]:
    node = bound.node
    parts: tuple[tuple[str, Span | None, type[model.Declared], str], ...] = (
        ("under attack", node.attack.span if node.attack else None, model.Evaluation, "an `evaluation`"),
        ("not worse than", node.not_worse_than.span if node.not_worse_than else None, model.Evaluation,
         "an `evaluation`"),
        ("on", node.on.span if node.on else None, model.Monitor, "a `monitor`; an evaluation names them in its header"),
    )  # fmt: skip
    for words, span, kind, where in parts:
        if span is not None and not isinstance(declared, kind):
            detail = f"`{words}` is measured in {where}. Take it out of this `{declared.kind}`."
            yield error("CH1706", span, detail)


def _attack(attack: ast.Call) -> Iterator[Diagnostic]:
    known = ATTACKS.get(attack.name.text)
    if known is None:
        listed = ", ".join(f"`{name}`" for name in ATTACKS)
        hint = did_you_mean(attack.name.text, ATTACKS)
        detail = f"No attack is called `{attack.name.text}`; there is {listed}.{hint}"
        yield error("CH1707", attack.name.span, detail)
        return
    given = {entry.key.text: entry for entry in attack.arguments}
    for name in known:
        if name not in given:
            detail = f"Nothing says how strong the attack is. Write `{attack.name.text}({_example(known)})`."
            yield error("CH1707", attack.span, detail)
    for name, entry in given.items():
        quantity = read.quantity(entry.value)
        if name not in known:
            detail = f"`{attack.name.text}` has no `{name}`. Write `{attack.name.text}({_example(known)})`."
            yield error("CH1707", entry.key.span, detail)
        elif quantity is None or not fits(quantity.unit, known[name]) or quantity.value <= 0:
            detail = f"`{name}` is a number above 0: an attack without strength deceives nobody."
            yield error("CH1707", entry.value.span, detail)
        elif known[name] == "count" and not read.is_whole(quantity.value):
            yield error("CH1707", entry.value.span, f"`{name}` is a whole number.")


def _example(known: Mapping[str, Unit]) -> str:
    return ", ".join(f"{name}: {'10' if unit == 'count' else '0.05'}" for name, unit in known.items())


def _champion(bound: model.Bound, reference: ast.Name) -> Iterator[Diagnostic]:
    if reference.text != CHAMPION:
        hint = did_you_mean(reference.text, (CHAMPION,))
        detail = f"A bound compares with the `champion`, which is what is live.{hint}"
        yield error("CH1706", reference.span, detail)
    metric = METRICS.get(bound.metric)
    if metric is None:
        return
    if metric.better is None:
        detail = f"Neither a higher nor a lower `{bound.metric}` is better, so nothing is worse than the champion's."
        yield error("CH1706", bound.node.metric.span, detail)
    margin = bound.node.margin
    if margin is None or bound.margin is None:
        return
    if not fits(bound.margin.unit, metric.unit):
        detail = f"`{bound.metric}` is {NAMES[metric.unit]}, but this is {NAMES[bound.margin.unit]}."
        yield error("CH0201", margin.span, detail)
    elif bound.margin.value < 0:
        yield error("CH0211", margin.span, "A margin is 0 or more: by so much it may be worse.")
    elif bound.margin.value >= metric.range.high - metric.range.low:
        detail = f"`{bound.metric}` cannot be worse by so much, so this always holds. Choose a smaller margin."
        yield error("CH0602", margin.span, detail)
