"""Waivers: each is of one control that exists and may be waived, until a day that exists."""

from collections.abc import Iterator
from datetime import date

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.controls import policy_gates, requirement_ids, retirement_ids
from charter.compiler.graph import LifecycleGraph
from charter.compiler.passes.context import Context
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.suggest import did_you_mean


def check_waivers(context: Context) -> Iterator[Diagnostic]:
    """CH0801 unknown control, CH0802 not to be waived, CH0207 no such day."""
    if not context.charter.waivers:
        return
    reasons = why_not_waivable(context.charter, context.graph)
    for waiver in context.charter.waivers.values():
        if waiver.of is not None:
            yield from _control(waiver, waiver.of.text, reasons)
        if waiver.until is not None:
            yield from _day(waiver)


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


def _day(waiver: model.Waiver) -> Iterator[Diagnostic]:
    assert waiver.until is not None
    try:
        date.fromisoformat(waiver.until.value)
    except ValueError:
        detail = f"The calendar has no `{waiver.until.value}`. Write the last day as `2027-03-31`."
        yield error("CH0207", waiver.until.span, detail)
