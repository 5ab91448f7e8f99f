"""Names: every reference means something of the right kind."""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.compiler.passes.references import Reference, references
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.suggest import did_you_mean


def check_names(context: Context) -> Iterator[Diagnostic]:
    """CH0101 unknown, CH0103 of another kind, CH0104 no such part of a split."""
    for reference in references(context.charter):
        yield from _check(reference, context.charter)


def _check(reference: Reference, charter: model.Charter) -> Iterator[Diagnostic]:
    name = reference.target
    if not any(name in charter.by_kind[kind] for kind in reference.kinds):
        yield _other_kind(reference, charter) or _unknown(reference, charter)
    elif reference.rows:
        yield from _part(reference, charter.datasets[name])


def _unknown(reference: Reference, charter: model.Charter) -> Diagnostic:
    wanted = _kinds(reference.kinds)
    known = [name for kind in reference.kinds for name in charter.by_kind[kind]]
    hint = did_you_mean(reference.target, known)
    if reference.target.startswith("any "):
        detail = (
            f"`{reference.target}` is for baselines: there it stands for whichever one a charter has that `extends` "
            "them. A charter that is run names it."
        )
        return error("CH0101", reference.name.span, detail)
    declare = "" if hint else f" Declare it, or name one of: {_listed(known)}." if known else " Declare it."
    return error("CH0101", reference.name.span, f"`{reference.target}` is not declared as {wanted}.{hint}{declare}")


def _other_kind(reference: Reference, charter: model.Charter) -> Diagnostic | None:
    for kind, declared in charter.by_kind.items():
        found = declared.get(reference.target)
        if found is None:
            continue
        known = [name for wanted in reference.kinds for name in charter.by_kind[wanted]]
        hint = f" There is: {_listed(known)}." if known else ""
        detail = f"`{reference.target}` is {_a(kind)}, but {_kinds(reference.kinds)} is needed here.{hint}"
        where = Related(found.node.header_span, f"`{reference.target}` is declared here")
        return error("CH0103", reference.name.span, detail, where)
    return None


def _part(reference: Reference, dataset: model.Dataset) -> Iterator[Diagnostic]:
    _, *parts = reference.name.parts
    if not parts or (len(parts) == 1 and parts[0] in dataset.part_names):
        return
    where = Related(dataset.node.header_span, f"`{dataset.name}` is declared here")
    written = ".".join(parts)
    if dataset.split is None:
        detail = (
            f"`{dataset.name}` is not split, so it has no part `{written}`. Give it a `split` clause, or name "
            f"`{dataset.name}` alone to mean all its rows."
        )
    else:
        hint = did_you_mean(written, dataset.part_names)
        detail = f"`{dataset.name}` has no part `{written}`; its parts are {_listed(dataset.part_names)}.{hint}"
    yield error("CH0104", reference.name.span, detail, where)


def _kinds(kinds: tuple[str, ...]) -> str:
    *most, last = (_a(kind) for kind in kinds)
    return f"{', '.join(most)} or {last}" if most else last


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    shown = [f"`{name}`" for name in sorted(names)[:8]]
    return ", ".join(shown) + (", …" if len(names) > 8 else "")
