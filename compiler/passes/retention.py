"""Retention: nothing is destroyed before the law of the chosen packs allows it, and what is erased leaves no copies.

A pack names what must be kept, and for how long (`retention` in its `pack.json`). Times count from the retirement: the
charter cannot know when the last copy went live, and a retirement is never earlier.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.confidentiality import origins_of
from charter.compiler.passes.context import Context
from charter.compiler.rego.bundle import CORE
from charter.compiler.units import Quantity, parse_quantity, show
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related
from charter.policies.catalogue import Retention, UnknownPack, load_pack

DATA = "data"
"""What packs call the rows themselves, which `erase` destroys."""


def check_retention(context: Context) -> Iterator[Diagnostic]:
    """CH1401 kept too short, CH1402 erased too early or twice, CH1403 copies are left, CH1404 still in use."""
    charter = context.charter
    if not charter.retirements:
        return
    floors = floors_of(charter)
    erasures: dict[str, list[ast.Clause]] = defaultdict(list)
    for retirement in charter.retirements.values():
        yield from _archive(retirement, floors)
        for clause in retirement.clauses("erase"):
            yield from _too_early(clause, floors)
            erasures[read.word(clause, "dataset")].append(clause)
    yield from _together(charter, erasures)


def floors_of(charter: model.Charter) -> tuple[tuple[str, Retention], ...]:
    """What the chosen packs ask to be kept of a system of this risk, each with its pack."""
    lifecycle = charter.lifecycle
    named = [pack.text for pack in lifecycle.packs] if lifecycle else []
    found = []
    for name in dict.fromkeys((CORE, *named)):
        try:
            pack = load_pack(name)
        except UnknownPack:  # another pass says so
            continue
        found += [(name, floor) for floor in pack.retention if lifecycle and lifecycle.risk in floor.risk]
    return tuple(found)


def _archive(retirement: model.Retirement, floors: tuple[tuple[str, Retention], ...]) -> Iterator[Diagnostic]:
    clause = retirement.clause("archive")
    kept = {name.text for name in read.names(clause, "what")}
    lasting = _duration(clause, "for")
    for pack, floor in floors:
        wanted = [what for what in floor.keeps if what != DATA]
        if not wanted:
            continue
        missing, least = [what for what in wanted if what not in kept], _least(floor)
        law = f"the pack `{pack}` asks for {show(least)} ({floor.clause}: {floor.title[0].lower()}{floor.title[1:]})"
        if clause is None:
            detail = f"This retirement keeps nothing, and {law}. Add `archive {', '.join(wanted)} for {show(least)}`."
            yield error("CH1401", retirement.node.header_span, detail)
            continue
        if missing:
            names = ", ".join(f"`{what}`" for what in missing)
            detail = f"This retirement does not keep {names}, and {law}. Add it to the `archive`."
            yield error("CH1401", clause.span, detail)
        if lasting is not None and lasting < least.value:
            detail = f"{show(Quantity(lasting, 'seconds')).capitalize()} are too short: {law}."
            yield error("CH1401", clause.arguments["for"].span, detail)


def _too_early(clause: ast.Clause, floors: tuple[tuple[str, Retention], ...]) -> Iterator[Diagnostic]:
    for pack, floor in floors:
        least, lasting = _least(floor), _duration(clause, "after") or Decimal(0)
        if DATA in floor.keeps and lasting < least.value:
            detail = (
                f"`{read.word(clause, 'dataset')}` would be erased while it must be kept: the pack `{pack}` asks for "
                f"{show(least)} ({floor.clause}). Write `after {show(least)}` or more."
            )
            yield error("CH1402", clause.span, detail)


def _together(charter: model.Charter, erasures: dict[str, list[ast.Clause]]) -> Iterator[Diagnostic]:
    made_of: dict[str, list[str]] = defaultdict(list)
    for name, dataset in charter.datasets.items():
        for origin in origins_of(dataset, charter):
            made_of[origin].append(name)
    users = _users(charter)
    retired = {item.of.text for item in charter.retirements.values() if item.of is not None}
    for name, (first, *others) in erasures.items():
        for other in others:
            if _duration(other, "after") != _duration(first, "after"):
                detail = f"`{name}` is erased at two different times; the earlier one leaves nothing for the later."
                yield error("CH1402", other.span, f"{detail} Keep one.", Related(first.span, "erased here, too"))
        latest = max(_duration(clause, "after") or Decimal(0) for clause in (first, *others))
        for copy in made_of[name]:
            yield from _copy(name, copy, first, latest, erasures.get(copy, []))
        for user in sorted(users[name] - retired):
            detail = (
                f"`{user}` uses `{name}` too, and is never retired: it could not be trained or measured again. Add a "
                f"`retirement of {user}`, and erase these rows with the model that goes last."
            )
            where = Related(charter.models[user].node.header_span, "this model still uses it")
            yield warning("CH1404", first.span, detail, where)


def _copy(name: str, copy: str, first: ast.Clause, latest: Decimal, erased: list[ast.Clause]) -> Iterator[Diagnostic]:
    if not erased:
        detail = f"`{copy}` is made of the rows of `{name}` and is never erased, so they live on in it. Erase it, too."
        yield error("CH1403", first.span, detail)
        return
    late = next((clause for clause in erased if (_duration(clause, "after") or Decimal(0)) > latest), None)
    if late is not None:
        detail = f"`{copy}` is made of the rows of `{name}` and is erased later, so they live on in it until then."
        yield error("CH1403", late.span, f"{detail} Erase it as early.", Related(first.span, "what it is made of"))


def _users(charter: model.Charter) -> dict[str, set[str]]:
    """The models that learn from a dataset, or are measured or watched on it, by its name."""
    found: dict[str, set[str]] = defaultdict(set)
    for declared in charter.models.values():
        for reference, _ in declared.rows():
            found[reference.parts[0]].add(declared.name)
    for evaluation in charter.evaluations.values():
        if evaluation.on is not None and evaluation.of is not None and evaluation.of.text in charter.models:
            found[evaluation.on.parts[0]].add(evaluation.of.text)
    for monitor in charter.monitors.values():
        watched = charter.deployments.get(monitor.of.text) if monitor.of else None
        if monitor.on is not None and watched is not None and watched.of and watched.of.text in charter.models:
            found[monitor.on.parts[0]].add(watched.of.text)
    return found


def _least(floor: Retention) -> Quantity:
    least = parse_quantity(floor.lasting)
    assert least is not None and least.unit == "seconds"  # a test reads every pack
    return least


def _duration(clause: ast.Clause | None, argument: str) -> Decimal | None:
    quantity = read.quantity(clause.arguments.get(argument)) if clause else None
    return quantity.value if quantity is not None and quantity.unit == "seconds" else None
