"""Information flow: class and lawful basis travel with the rows, and reach no stage that is not cleared for them.

A model carries the class of the rows that it has learnt from, and a deployment that of its model. What clears a stage
is `cleared for`: of the model for its training and evaluations, of the deployment for itself and its monitors. Without
it a stage is cleared for personal data that has a lawful basis, and never for special categories; and a model that
somebody else runs for nothing above `internal`.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.confidentiality import LEVELS, PERSONAL, SPECIAL, Class, classify, origins_of
from charter.compiler.data import rows_of
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related


def check_flow(context: Context) -> Iterator[Diagnostic]:
    """CH1301 and CH1302 the class falls, CH1303 nobody attests, CH1304 not cleared, CH1305 to CH1307 lawfulness."""
    classes = classify(context.charter)
    for name, found in classes.items():
        dataset = context.charter.datasets[name]
        yield from _falls(dataset, found)
        yield from _attested(dataset, found, context)
        yield from _lawful(dataset, found, context.charter)
    for arrival in _arrivals(context, classes):
        yield from _cleared(arrival)


def _falls(dataset: model.Dataset, found: Class) -> Iterator[Diagnostic]:
    clause = dataset.clause("class")
    level = read.word(clause, "level")
    if clause is None or level not in LEVELS or LEVELS.index(level) >= found.inherited or found.attesters:
        return
    detail = (
        f"`{dataset.name}` is made of `{found.source}`, which is `{LEVELS[found.inherited]}`, and says that it is only "
        f"`{level}`. Write `class {LEVELS[found.inherited]}`; or drop every personal column in `prepare`, and say who "
        f"attests it: `attested as {level} by ROLE`."
    )
    yield error("CH1301", clause.arguments["level"].span, detail)


def _attested(dataset: model.Dataset, found: Class, context: Context) -> Iterator[Diagnostic]:
    clause = dataset.clause("attested as")
    role = read.name(clause, "by")
    if clause is None or role is None:
        return
    if found.refused:
        detail = f"The class of `{dataset.name}` cannot fall: {found.refused}"
        yield error("CH1302", clause.span, detail)
    elif role.text in context.charter.roles and not any(
        approval.role is not None and approval.role.text == role.text for approval in context.charter.approvals.values()
    ):
        detail = (
            f"Nobody attests that `{dataset.name}` identifies no person: no approval is by `{role.text}`. Declare an "
            f"`approval … by {role.text}`, and name it in the `after` of what relies on it."
        )
        yield error("CH1303", role.span, detail)


def _lawful(dataset: model.Dataset, found: Class, charter: model.Charter) -> Iterator[Diagnostic]:
    where = dataset.clause("class") or dataset.clause("personal")
    basis = dataset.clause("basis")
    if where is not None and _personal_itself(dataset) and basis is None:
        detail = (
            f"`{dataset.name}` is about persons and names no lawful basis, so no stage may use it. Say `basis` with "
            "one of the grounds of GDPR Art. 6, or leave the personal data out."
        )
        yield error("CH1305", where.span, detail)
    if found.level == SPECIAL and found.source == dataset.name and dataset.clause("condition") is None and where:
        detail = (
            f"`{dataset.name}` holds special categories, and a basis alone permits none of them. Say `condition` with "
            "one of the grounds of GDPR Art. 9(2), or leave these data out."
        )
        yield error("CH1306", where.span, detail)
    if basis is None:
        return
    ground = read.word(basis, "ground")
    for name in origins_of(dataset, charter):
        origin = charter.datasets[name].clause("basis")
        before = read.word(origin, "ground")
        if origin is not None and before != ground:
            detail = (
                f"`{dataset.name}` is made of `{name}`, whose rows were collected on the basis `{before}`; `{ground}` "
                "does not follow from that (GDPR Art. 5(1)(b), 6(4)). Write the same basis, or have the change "
                "reviewed."
            )
            yield warning("CH1307", basis.arguments["ground"].span, detail, Related(origin.span, "the basis before"))


def _personal_itself(dataset: model.Dataset) -> bool:
    """As the rule `lawful-basis` of the core pack sees it."""
    return bool(dataset.personal) or read.word(dataset.clause("class"), "level") in LEVELS[PERSONAL:]


class _Arrival(Struct, frozen=True):
    """Rows, or a model that has learnt from them, that reach a stage.

    Attributes:
        where: the reference that brings them there.
        level: their class there.
        origin: where it comes from, as words led by a blank, when that is not the dataset itself.
        cleared: the declaration whose `cleared for` counts.
    """

    what: str
    where: ast.Name
    level: int
    origin: str
    found: Class
    cleared: model.Model | model.Deployment


def _arrivals(context: Context, classes: Mapping[str, Class]) -> Iterator[_Arrival]:
    charter = context.charter
    for declared in charter.models.values():
        for reference, _ in declared.rows():
            yield from _arrive(context, classes, reference, f"train/{declared.name}", declared)
    for evaluation in charter.evaluations.values():
        measured = charter.models.get(evaluation.of.text) if evaluation.of else None
        if measured is not None:
            yield from _arrive(context, classes, evaluation.on, f"evaluate/{evaluation.name}", measured)
    for deployment in charter.deployments.values():
        deployed = charter.models.get(deployment.of.text) if deployment.of else None
        if deployed is not None and deployment.of is not None:
            for reference, _ in deployed.rows():
                stage = f"deploy/{deployment.name}"
                yield from _arrive(context, classes, reference, stage, deployment, through=deployment.of)
    for monitor in charter.monitors.values():
        watched = charter.deployments.get(monitor.of.text) if monitor.of else None
        if watched is not None:
            for rows in (monitor.on, *(bound.node.on for bound in monitor.requires)):
                yield from _arrive(context, classes, rows, f"monitor/{monitor.name}", watched)


def _arrive(
    context: Context,
    classes: Mapping[str, Class],
    reference: ast.Name | None,
    stage: str,
    cleared: model.Model | model.Deployment,
    through: ast.Name | None = None,
) -> Iterator[_Arrival]:
    rows = rows_of(context.charter, reference)
    if rows is None or reference is None or rows.dataset.name not in classes:
        return
    found = classes[rows.dataset.name]
    what = f"`{reference.text}`" if through is None else f"`{through.text}`, having learnt from `{reference.text}`,"
    origin = "" if found.source == rows.dataset.name else f", as `{found.source}` is"
    yield _Arrival(what, through or reference, found.behind(_approvers(context, stage, found)), origin, found, cleared)


def _approvers(context: Context, stage: str, found: Class) -> set[str]:
    """The roles that attest something here, and have approved on every way to a stage."""
    if context.ancestry is None or not found.attesters:
        return set()
    return {
        approval.role.text
        for approval in context.charter.approvals.values()
        if approval.role is not None
        and approval.role.text in found.attesters
        and context.ancestry.precedes(f"approve/{approval.name}", (stage,))
    }


def _without_clause(declared: model.Model | model.Deployment) -> int:
    """What a stage may have that nothing is said of: what leaves the house is cleared by name."""
    return PERSONAL - 1 if _is_hosted(declared) else PERSONAL


def _is_hosted(declared: model.Model | model.Deployment) -> bool:
    return isinstance(declared, model.Model) and declared.hosted is not None


def _cleared(arrival: _Arrival) -> Iterator[Diagnostic]:
    clause = arrival.cleared.clause("cleared for")
    word = read.word(clause, "level")
    if clause is not None and word not in LEVELS:
        return  # another pass says so
    limit = LEVELS.index(word) if clause is not None else _without_clause(arrival.cleared)
    related = (Related(clause.span, "cleared here"),) if clause is not None else ()
    if arrival.level > limit:
        yield error("CH1304", arrival.where.span, _too_high(arrival, limit, said=clause is not None), *related)
    elif clause is not None and not arrival.found.known and limit < SPECIAL:
        detail = (
            f"The class of {arrival.what} is not known, so nobody can tell that it is no higher than "
            f"`{LEVELS[limit]}`, which `{arrival.cleared.name}` is cleared for. Declare the `class` of every "
            "dataset that it comes from."
        )
        yield error("CH1304", arrival.where.span, detail, *related)


def _too_high(arrival: _Arrival, limit: int, *, said: bool) -> str:
    level, cleared = LEVELS[arrival.level], arrival.cleared
    what = f"{arrival.what} is `{level}`{arrival.origin}"
    if not said:
        why = ", which somebody else runs," if _is_hosted(cleared) else ""
        return (
            f"{what}, and `{cleared.name}`{why} is not cleared for that. Write `cleared for {level}` in the "
            f"{cleared.kind}, if it may have these data."
        )
    mend = "Clear it for these data, or keep them away from it."
    if arrival.found.fallen <= limit:
        waiting = ", ".join(f"`{role}`" for role in sorted(arrival.found.attesters))
        only = f"Its class falls behind an approval by {waiting} only"
        late = isinstance(cleared, model.Model)
        mend = f"{only}, and approvals come after training. {mend}" if late else f"{only}: name one on the way to it."
    return f"{what}, and `{cleared.name}` is cleared for `{LEVELS[limit]}` only. {mend}"
