"""Duties: enough people can sign, and whoever may not is somebody that the runtime can tell."""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.suggest import did_you_mean

EXCLUDABLE = ("owner", "trainer", "author")
"""Whom `excluding` may name: who answers for the system, who opened the run that trained the model, and who opened the
first run of the charter as it is now."""


def check_duties(context: Context) -> Iterator[Diagnostic]:
    """CH0701 quorum out of reach, CH0702 below one, CH0703 unknown person, CH0704 approval of one's own work."""
    charter = context.charter
    for approval in charter.approvals.values():
        yield from _quorum(approval.clause("by"), approval.role, approval.quorum, charter)
        for name in approval.excluding:
            if name.text not in EXCLUDABLE:
                hint = did_you_mean(name.text, EXCLUDABLE)
                detail = (
                    f"`{name.text}` is nobody that could be told apart; exclude `owner`, `trainer` or `author`.{hint}"
                )
                yield error("CH0703", name.span, detail)
        yield from _own_work(approval, charter)
    for waiver in charter.waivers.values():
        yield from _quorum(waiver.clause("granted by"), waiver.role, waiver.quorum, charter)
    for role in charter.roles.values():
        members = role.clause("members at least")
        if members is not None and role.members_at_least < 1:
            yield error("CH0702", members.span, "A role that nobody holds can decide nothing. Write at least 1.")


def _own_work(approval: model.Approval, charter: model.Charter) -> Iterator[Diagnostic]:
    if any(name.text not in EXCLUDABLE or name.text == "trainer" for name in approval.excluding):
        return
    detail = (
        f"Whoever trained the model may approve it in `{approval.name}`: nobody approves their own work. Write "
        "`excluding owner, trainer`."
    )
    is_high = charter.lifecycle is not None and charter.lifecycle.risk == "high"
    yield (error if is_high else warning)("CH0704", approval.node.name.span, detail)


def certain_quorum(approval: model.Approval) -> int:
    """How many members make a quorum certain: as many, and one more for each that is excluded and may be a member."""
    return approval.quorum + len({name.text for name in approval.excluding})


def _quorum(
    clause: ast.Clause | None, name: ast.Name | None, quorum: int, charter: model.Charter
) -> Iterator[Diagnostic]:
    if clause is None:
        return
    written = clause.arguments.get("quorum")
    span = written.span if written else clause.span
    if quorum < 1:
        detail = "A quorum below one would let the gate open without anybody. Write `quorum 1` or more."
        yield error("CH0702", span, detail)
        return
    role = charter.roles.get(name.text) if name else None
    if role is not None and quorum > role.members_at_least:
        members = role.clause("members at least")
        where = Related(members.span if members else role.node.header_span, "its members")
        detail = (
            f"A quorum of {quorum} needs as many people, but `{role.name}` only promises {role.members_at_least}. "
            f"Write `members at least {quorum}` or more in the role, or a smaller quorum."
        )
        yield error("CH0701", span, detail, where)
