"""What was not checked: a report that is silent about it would claim too much."""

from collections.abc import Iterator, Sequence

from charter.runtime.assess import Status
from charter.runtime.erased import lost
from charter.runtime.report.controls import Measured
from charter.runtime.report.numbers import listed, plural
from charter.runtime.report.source import Source
from charter.runtime.report.view import LedgerView, Line, StageView
from charter.runtime.trust.emergencies import broken_glass

_MOST_GAPS = 20


def unchecked(source: Source, stages: Sequence[StageView], ledger: LedgerView) -> Iterator[Line]:
    """Everything that a reader might take for granted and must not."""
    yield from _ledger(ledger)
    yield from _erased(source)
    yield from _emergencies(source)
    yield from _people(source)
    yield from _stages(source)
    yield from _evidence(stages)
    yield from _charter(source)


def _ledger(ledger: LedgerView) -> Iterator[Line]:
    if ledger.tone == "bad":
        yield Line("The ledger did not verify, so nothing below it can be relied on.", "bad")
    elif ledger.tone == "waiting":
        yield Line(
            "The ledger is whole, but nothing outside this project vouches for it: whoever holds its key could have "
            "rolled it back or written it anew. Compare it with a checkpoint that somebody else kept.",
            "waiting",
        )


def _erased(source: Source) -> Iterator[Line]:
    gaps = source.state.gaps
    if not gaps:
        return
    yield Line(
        f"{plural(len(gaps), 'record')} that runs build on {'is' if len(gaps) == 1 else 'are'} gone. What they said "
        "counts for nothing here: work may have been done, denied or halted that is not shown, so no stage, control or "
        "signature above can be taken for the last word.",
        "bad",
    )
    for gap in list(gaps.values())[:_MOST_GAPS]:
        yield Line(f"{lost(gap)}.", "waiting", gap.seq)


def _emergencies(source: Source) -> Iterator[Line]:
    if source.standstill is not None:
        yield Line(f"The lifecycle stands still: {source.standstill}.", "bad")
    for glass in broken_glass(source.acts, source.trust):
        body = glass.record.body
        ended = "its review is open" if glass.closed is None else f"{glass.closed.person} closed its review"
        yield Line(
            f"{body.person} broke the glass at {glass.gate} on {glass.record.time[:10]} ({body.comment}): what the "
            f"charter asks for there was not met; {ended}.",
            "bad",
            glass.record.seq,
        )


def _people(source: Source) -> Iterator[Line]:
    nobody = [run for run in source.state.runs if run.key is None]
    if nobody:
        yield Line(
            f"{plural(len(nobody), 'run')} of {len(source.state.runs)} {'was' if len(nobody) == 1 else 'were'} started "
            "by somebody who did not show a key: who they are is a claim.",
            "waiting",
        )
    if source.trust is None:
        yield Line("There is no trust root, so nobody can be recognised and nothing can be approved.", "waiting")


def _stages(source: Source) -> Iterator[Line]:
    undone = [
        item.stage.id
        for item in source.standing.values()
        if item.status not in {Status.DONE, Status.DENIED, Status.LATER, Status.WAITING}
    ]
    if undone:
        yield Line(f"Nothing can be said of what has not happened: {_some(undone)}.", "waiting")


def _evidence(stages: Sequence[StageView]) -> Iterator[Line]:
    facts = [(stage, item) for stage in stages for item in (*stage.facts, *_bound(stage))]
    declared = [f"{item.label} ({stage.id})" for stage, item in facts if item.grade == "declared"]
    if declared:
        yield Line(f"Only declared, not measured by the runtime: {_some(declared)}.", "waiting")
    if facts and not any(item.grade == "reproduced" for _, item in facts):
        yield Line("No evidence was measured twice, independently: none is graded reproduced.")
    unproved = [control.id for stage in stages for control in stage.controls if control.standing == "unproved"]
    if unproved:
        yield Line(f"Decided without these controls being evaluated: {_some(unproved)}.", "bad")
    pending = [control.id for stage in stages for control in stage.controls if control.standing == "pending"]
    stale = [control.id for stage in stages for control in stage.controls if control.standing == "stale"]
    if stale:
        yield Line(f"Met by work or under policies that have changed since: {_some(stale)}.", "waiting")
    if pending:
        yield Line(f"Not decided yet: {_some(pending)}.")
    bare = [
        control.text
        for stage in stages
        for control in stage.controls
        if control.standing == "met" and control.measured and not any(item.interval for item in control.measured)
    ]
    if bare:
        yield Line(f"Measured without an interval, so without a statement of uncertainty: {_some(bare)}.")


def _bound(stage: StageView) -> Iterator[Measured]:
    for control in stage.controls:
        yield from control.measured


def _charter(source: Source) -> Iterator[Line]:
    ir = source.ir
    if set(ir.lifecycle.packs) <= {"core"}:
        yield Line(
            "No pack of a law or a standard was applied: this says nothing about compliance with one.", "waiting"
        )
    for waiver in ir.waivers:
        verdict = source.waiver_verdict(waiver)
        if not verdict.in_force:
            yield Line(
                f"The waiver {waiver.name} of {waiver.control} is not in force, so it counts for nothing: "
                f"{verdict.standing}."
            )
    objectives = [item.name for item in ir.declarations.values() if item.kind == "objective"]
    if objectives:
        yield Line(
            f"What the objective {listed(objectives)} says of feasibility, key figures and hazards is a declaration: "
            "no gate measures it."
        )
    code = sorted({stage.callable for stage in ir.stages if stage.project_code and stage.callable})
    if code:
        yield Line(f"The team's own code was run as it is, named by its digest but not reviewed here: {_some(code)}.")
    yield Line(
        "A gate says that the charter's controls were met. Whether they are the right ones is for people to judge."
    )


def _some(items: Sequence[str], most: int = 6) -> str:
    """The first few of a list, and how many more there are."""
    more = [f"{len(items) - most} more"] if len(items) > most else []
    return listed([*items[:most], *more])
