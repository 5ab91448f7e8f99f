"""Waivers: each is of one control that exists and may be waived, until a day that exists."""

from collections.abc import Iterator
from datetime import date

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.controls import policy_gates, requirement_ids, retirement_ids
from charter.compiler.graph import LifecycleGraph
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.suggest import did_you_mean


def check_waivers(context: Context) -> Iterator[Diagnostic]:
    """CH0801 unknown control, CH0802 not waivable, CH0804 nothing to waive, CH0805 twice, CH0207 and CH0806 days."""
    if not context.charter.waivers:
        return
    reasons = why_not_waivable(context.charter, context.graph)
    advisory = set(_advisory(context.charter))
    first: dict[str, model.Waiver] = {}
    for waiver in context.charter.waivers.values():
        if waiver.of is not None:
            yield from _control(waiver, waiver.of.text, reasons)
            yield from _needless(waiver, advisory)
            yield from _twice(waiver, first.setdefault(waiver.of.text, waiver))
        if waiver.until is not None:
            yield from _day(waiver, waiver.until, context.as_of)


def _control(waiver: model.Waiver, control: str, reasons: dict[str, str]) -> Iterator[Diagnostic]:
    assert waiver.of is not None
    if control not in reasons:
        hint = did_you_mean(control, reasons)
        detail = (
            f"No control of this charter is called `{control}`.{hint} A waiver names one: the declaration, a dot, and "
            "the metric, as in `holdout.roc_auc` or `parity.demographic_parity_ratio.over.sex`."
        )
        yield error("CH0801", waiver.of.span, detail)
    elif reasons[control]:
        yield error("CH0802", waiver.of.span, reasons[control])


def why_not_waivable(charter: model.Charter, graph: LifecycleGraph) -> dict[str, str]:
    """Every control by id, with the sentences that say why it cannot be waived; empty if it can."""
    reasons: dict[str, str] = {}
    for declared in charter.measuring():
        for id_, bound in zip(requirement_ids(declared, declared.requires), declared.requires, strict=True):
            reasons[id_] = _ABSOLUTE.format(id_) if bound.enforce == "absolute" else ""
    for dataset in charter.datasets.values():
        if dataset.schema is not None:
            reasons[f"{dataset.name}.schema_violations"] = ""
    for deployment in charter.deployments.values():
        for metric in ("smoke_test", "package_difference"):
            reasons[f"{deployment.name}.{metric}"] = ""
    for approval in charter.approvals.values():
        reasons[approval.name] = (
            f"`{approval.name}` is an approval: people decide it, and nobody decides in their place. Ask another "
            "role, or a smaller quorum."
        )
    for policy in charter.policies.values():
        reasons[policy.name] = _of_policy(policy, graph)
    for retirement in charter.retirements.values():
        for id_ in retirement_ids(retirement):
            reasons[id_] = f"`{id_}` is a criterion for retirement. Change its bound, or take it out."
    return reasons


_ABSOLUTE = "`{}` is `absolute`: nobody can waive it, for no reason. Meet it, or have its level reviewed."


def _of_policy(policy: model.Policy, graph: LifecycleGraph) -> str:
    if policy.enforce == "absolute":
        return _ABSOLUTE.format(policy.name)
    gates = policy_gates(policy, graph)
    if len(gates) > 1:
        return (
            f"`{policy.name}` decides at {len(gates)} gates, and a waiver is of one. Write a policy block for the "
            "stage to be waived, with the same Rego file."
        )
    return ""


def _advisory(charter: model.Charter) -> Iterator[str]:
    for declared in charter.measuring():
        for id_, bound in zip(requirement_ids(declared, declared.requires), declared.requires, strict=True):
            if bound.enforce == "advisory":
                yield id_
    yield from (policy.name for policy in charter.policies.values() if policy.enforce == "advisory")


def _needless(waiver: model.Waiver, advisory: set[str]) -> Iterator[Diagnostic]:
    if waiver.of is not None and waiver.of.text in advisory:
        detail = f"`{waiver.of.text}` is `advisory`: a breach of it stops nothing. Take the waiver out."
        yield warning("CH0804", waiver.of.span, detail)


def _twice(waiver: model.Waiver, first: model.Waiver) -> Iterator[Diagnostic]:
    if waiver is first or waiver.of is None:
        return
    detail = (
        f"`{first.name}` asks to waive `{waiver.of.text}` already. With two requests it is not clear for which reason "
        "and until when people sign: keep one."
    )
    yield error("CH0805", waiver.of.span, detail, Related(first.node.header_span, "the first request"))


def _day(waiver: model.Waiver, until: ast.Date, as_of: date | None) -> Iterator[Diagnostic]:
    try:
        last = date.fromisoformat(until.value)
    except ValueError:
        detail = f"The calendar has no `{until.value}`. Write the last day as `2027-03-31`."
        yield error("CH0207", until.span, detail)
        return
    if as_of is not None and last < as_of:
        detail = (
            f"On {as_of.isoformat()} `{waiver.name}` no longer holds: a breach of its control stops the lifecycle "
            "again. Meet the control and take the waiver out, or ask for another one."
        )
        yield error("CH0806", until.span, detail)
