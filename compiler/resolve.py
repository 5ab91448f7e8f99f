"""From the tree to the typed model: numbers in normal form, parameters put in, names indexed.

Tolerant on purpose: whatever is missing or odd becomes None, so that every pass can still report on the
rest. Parameters given on the command line replace the charter's; they are part of the meaning.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar, cast

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.ir import Enforcement, Grade
from charter.compiler.metrics import METRICS
from charter.compiler.units import Quantity, fits, parse_quantity
from charter.dsl import ast
from charter.dsl.vocabulary import GRADES

Parameters = Mapping[str, model.Parameter]
_D = TypeVar("_D", bound=model.Declared)

ENFORCEMENTS = ("advisory", "mandatory", "absolute")


def resolve(file: ast.CharterFile, overrides: Mapping[str, str]) -> model.Charter:
    """The typed model of one parsed file."""
    by_kind: dict[str, list[ast.Declaration]] = {}
    for declaration in file.declarations:
        by_kind.setdefault(declaration.kind, []).append(declaration)
    of = by_kind.get
    parameters = _indexed(_parameter(node, overrides) for node in of("parameter", ()))
    return model.Charter(
        file=file,
        lifecycle=next((_lifecycle(node) for node in of("lifecycle", ())), None),
        parameters=parameters,
        roles=_indexed(
            model.Role(node, read.integer(_first(node, "members at least"), "count", 1)) for node in of("role", ())
        ),
        objectives=_indexed(_objective(node, parameters) for node in of("objective", ())),
        datasets=_indexed(_dataset(node, parameters) for node in of("dataset", ())),
        prompts=_indexed(_prompt(node) for node in of("prompt", ())),
        models=_indexed(_model(node) for node in of("model", ())),
        evaluations=_indexed(_evaluation(node, parameters) for node in of("evaluation", ())),
        policies=_indexed(_policy(node) for node in of("policy", ())),
        approvals=_indexed(_approval(node) for node in of("approval", ())),
        deployments=_indexed(_deployment(node, parameters) for node in of("deployment", ())),
        monitors=_indexed(_monitor(node, parameters) for node in of("monitor", ())),
        retirements=_indexed(_retirement(node, parameters) for node in of("retirement", ())),
        waivers=_indexed(_waiver(node) for node in of("waiver", ())),
    )


def _indexed(declared: Iterable[_D]) -> dict[str, _D]:
    index: dict[str, _D] = {}
    for item in declared:
        index.setdefault(item.name, item)
    return index


def _first(node: ast.Declaration | ast.Clause, keyword: str) -> ast.Clause | None:
    inside = node.clauses if isinstance(node, ast.Declaration) else node.children
    return next((clause for clause in inside if clause.keyword == keyword), None)


def _all(node: ast.Declaration | ast.Clause, keyword: str) -> tuple[ast.Clause, ...]:
    inside = node.clauses if isinstance(node, ast.Declaration) else node.children
    return tuple(clause for clause in inside if clause.keyword == keyword)


def _lifecycle(node: ast.Declaration) -> model.Lifecycle:
    return model.Lifecycle(
        node,
        version=read.word(_first(node, "version"), "value"),
        owner=read.word(_first(node, "owner"), "value"),
        purpose=read.word(_first(node, "purpose"), "value"),
        risk=read.word(_first(node, "risk"), "level"),
        packs=tuple(pack for clause in _all(node, "use policies") for pack in read.names(clause, "packs")),
    )


def _parameter(node: ast.Declaration, overrides: Mapping[str, str]) -> model.Parameter:
    given = overrides.get(node.name.text)
    if given is not None:
        return model.Parameter(node, parse_quantity(given))
    return model.Parameter(node, read.quantity(node.header.get("value")))


def bound_of(node: ast.Control, parameters: Parameters) -> model.Bound:
    """A control with its threshold, confidence and span of time in normal form."""
    lasting = read.quantity(node.lasting)
    level = node.enforce.text if node.enforce else "mandatory"
    grade = node.graded.text if node.graded else "measured"
    confidence = _value(node.confidence, parameters)
    quantity = _value(node.bound, parameters)
    metric = METRICS.get(node.metric.text)
    if metric is not None and quantity is not None and fits(quantity.unit, metric.unit):
        quantity = Quantity(quantity.value, metric.unit)
    return model.Bound(
        node,
        metric=node.metric.text,
        comparison=node.comparison,
        quantity=quantity,
        confidence=confidence.value if confidence else None,
        checks=int(lasting.value) if lasting and lasting.unit == "count" and read.is_whole(lasting.value) else None,
        seconds=lasting.value if lasting and lasting.unit == "seconds" else None,
        enforce=cast("Enforcement", level) if level in ENFORCEMENTS else "mandatory",
        grade=cast("Grade", grade) if grade in GRADES else "measured",
        margin=_value(node.margin, parameters),
    )


def _value(node: ast.Value | None, parameters: Parameters) -> Quantity | None:
    if isinstance(node, ast.Name):
        parameter = parameters.get(node.text)
        return parameter.quantity if parameter else None
    return read.quantity(node)


def _bounds(node: ast.Declaration, keyword: str, argument: str, parameters: Parameters) -> tuple[model.Bound, ...]:
    found = (read.control(clause, argument) for clause in _all(node, keyword))
    return tuple(bound_of(control, parameters) for control in found if control is not None)


def _objective(node: ast.Declaration, parameters: Parameters) -> model.Objective:
    hazards = tuple(
        model.Hazard(read.word(clause, "title"), read.names(_first(clause, "mitigated by"), "controls"))
        for clause in _all(node, "hazard")
    )
    return model.Objective(node, hazards, _bounds(node, "kpi", "control", parameters))


def _dataset(node: ast.Declaration, parameters: Parameters) -> model.Dataset:
    prepare = _first(node, "prepare")
    return model.Dataset(
        node,
        source=_source(_first(node, "source")),
        target=read.name(_first(node, "target"), "column"),
        protected=read.names(_first(node, "protected"), "columns"),
        personal=read.names(_first(node, "personal"), "columns"),
        schema=read.text(_first(node, "schema"), "path"),
        steps=tuple(model.Step(clause, clause.keyword) for clause in prepare.children) if prepare else (),
        split=_split(_first(node, "split")),
        requires=_bounds(node, "require", "control", parameters),
        of=read.header_name(node, "of"),
        labels=_labels(_first(node, "labels")),
        join_on=read.name(_first(node, "join on"), "column"),
    )


def _labels(clause: ast.Clause | None) -> model.Labels | None:
    if clause is None:
        return None
    return model.Labels(clause, read.word(clause, "format"), read.text(clause, "location"))


def _source(clause: ast.Clause | None) -> model.Source | None:
    if clause is None:
        return None
    location = read.text(clause, "location")
    return model.Source(clause, read.word(clause, "format"), location, read.names(clause, "from"))


def _split(clause: ast.Clause | None) -> model.Split | None:
    if clause is None:
        return None
    parts = clause.arguments.get("parts")
    entries = parts.entries if isinstance(parts, ast.MappingValue) else ()
    shares: list[tuple[ast.Name, Decimal | None]] = []
    for entry in entries:
        share = read.quantity(entry.value)
        shares.append((entry.key, share.value if share and fits(share.unit, "ratio") else None))
    return model.Split(
        clause,
        parts=tuple(shares),
        stratified_by=read.name(clause, "stratified by"),
        grouped_by=read.name(clause, "grouped by"),
        seed=read.integer(clause, "seed", 0),
    )


def _model(node: ast.Declaration) -> model.Model:
    trainer = _first(node, "trainer")
    called = trainer.arguments.get("name") if trainer else None
    parameters = _mapping(_first(node, "parameters"))
    tuned = _first(node, "fine-tuned from")
    return model.Model(
        node,
        task=read.word(_first(node, "task"), "kind"),
        train_on=read.name(_first(node, "train on"), "data"),
        validate_on=read.name(_first(node, "validate on"), "data"),
        trainer_kind=read.word(trainer, "kind"),
        trainer=called if isinstance(called, ast.Name | ast.Text) else None,
        parameters=parameters,
        limits=_mapping(_first(node, "limits")),
        checkpoint=read.text(tuned, "checkpoint"),
        method=read.word(tuned, "method", "full" if tuned else ""),
        aligned_with=read.name(_first(node, "aligned with"), "data"),
        hosted=_hosted(_first(node, "hosted at")),
        prompts=read.names(_first(node, "prompted by"), "prompts"),
        tune=_tune(_first(node, "tune")),
    )


def _tune(clause: ast.Clause | None) -> model.Tune | None:
    if clause is None:
        return None
    space = clause.arguments.get("space")
    entries = space.entries if isinstance(space, ast.MappingValue) else ()
    return model.Tune(clause, read.word(clause, "direction"), read.name(clause, "metric"), entries)


def _hosted(clause: ast.Clause | None) -> model.Hosted | None:
    if clause is None:
        return None
    return model.Hosted(clause, read.text(clause, "address"), read.word(clause, "model"), read.text(clause, "secret"))


def _prompt(node: ast.Declaration) -> model.Prompt:
    return model.Prompt(
        node,
        version=read.word(_first(node, "version"), "value"),
        system=read.word(_first(node, "system"), "text"),
        user=read.word(_first(node, "user"), "text"),
    )


def _mapping(clause: ast.Clause | None) -> ast.MappingValue | None:
    value = clause.arguments.get("values") if clause else None
    return value if isinstance(value, ast.MappingValue) else None


def _evaluation(node: ast.Declaration, parameters: Parameters) -> model.Evaluation:
    return model.Evaluation(
        node,
        of=read.header_name(node, "of"),
        on=read.header_name(node, "on"),
        requires=_bounds(node, "require", "control", parameters),
        reports=_all(node, "report"),
    )


def _policy(node: ast.Declaration) -> model.Policy:
    level = read.word(_first(node, "enforce"), "level", "mandatory")
    return model.Policy(
        node,
        rego=read.text(_first(node, "rego"), "path"),
        before=read.names(_first(node, "before"), "stages"),
        enforce=cast("Enforcement", level) if level in ENFORCEMENTS else "mandatory",
        satisfies=_all(node, "satisfies"),
    )


def _approval(node: ast.Declaration) -> model.Approval:
    by = _first(node, "by")
    valid = _first(node, "valid")
    lasting = read.quantity(valid.arguments.get("for")) if valid else None
    return model.Approval(
        node,
        of=read.header_name(node, "of"),
        role=read.name(by, "role"),
        quorum=read.integer(by, "quorum", 1),
        excluding=read.names(_first(node, "excluding"), "who"),
        after=_after(node),
        valid=lasting.value if lasting and lasting.unit == "seconds" else None,
    )


def _after(node: ast.Declaration) -> tuple[ast.Name, ...]:
    return tuple(item for clause in _all(node, "after") for item in read.names(clause, "stages"))


def _deployment(node: ast.Declaration, parameters: Parameters) -> model.Deployment:
    return model.Deployment(
        node,
        of=read.header_name(node, "of"),
        after=_after(node),
        package=read.word(_first(node, "package"), "format", "onnx"),
        serve=read.word(_first(node, "serve"), "how", "http"),
        rollback=next(iter(_bounds(node, "rollback", "when", parameters)), None),
    )


def _monitor(node: ast.Declaration, parameters: Parameters) -> model.Monitor:
    return model.Monitor(
        node,
        of=read.header_name(node, "of"),
        on=read.header_name(node, "on"),
        every=read.quantity(node.header.get("every")),
        requires=_bounds(node, "require", "control", parameters),
    )


def _retirement(node: ast.Declaration, parameters: Parameters) -> model.Retirement:
    return model.Retirement(node, of=read.header_name(node, "of"), whens=_bounds(node, "when", "control", parameters))


def _waiver(node: ast.Declaration) -> model.Waiver:
    granted = _first(node, "granted by")
    until = _first(node, "until")
    date = until.arguments.get("date") if until else None
    return model.Waiver(
        node,
        of=read.header_name(node, "of"),
        reason=read.word(_first(node, "reason"), "text"),
        role=read.name(granted, "role"),
        quorum=read.integer(granted, "quorum", 1),
        compensating=read.word(_first(node, "compensating"), "text"),
        until=date if isinstance(date, ast.Date) else None,
    )
