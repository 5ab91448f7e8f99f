"""Each stage of the report: where it stands, what was required and measured, what it made."""

from collections.abc import Mapping

from charter.compiler.ir import Requirement, Stage
from charter.runtime.assess import Assessment, Status
from charter.runtime.report.controls import control_view, evidence_of, measured_view
from charter.runtime.report.decisions import clock, gate_view
from charter.runtime.report.numbers import duration, plural, size
from charter.runtime.report.source import Source
from charter.runtime.report.view import ArtifactView, Line, StageView, Tone
from charter.runtime.state import Finished, StageState

TONES: Mapping[Status, Tone] = {
    Status.DONE: "good",
    Status.DENIED: "bad",
    Status.FAILED: "bad",
    Status.WAITING: "waiting",
    Status.LATER: "waiting",
}
_WORDS: Mapping[Status, str] = {
    Status.DONE: "done",
    Status.RUN: "to be done",
    Status.DECIDE: "to be decided",
    Status.LATER: "not due yet",
}


def stage_view(source: Source, assessment: Assessment, tried: Mapping[str, int]) -> StageView:
    """One stage in words."""
    stage = assessment.stage
    state = source.state.stage(stage.id)
    result = assessment.result or state.finished
    controls = [control for control in source.ir.controls if control.gate in {stage.entry.id, stage.exit.id}]
    records = source.graded(result)
    last = source.graded(state.finished)
    bundle = source.ir.bundle.digest
    bound = {
        id(record)
        for control in controls
        if isinstance(control, Requirement)
        for record in evidence_of(control, records)
    }
    return StageView(
        id=stage.id,
        kind=stage.kind,
        name=stage.name,
        tone=TONES.get(assessment.status, "quiet"),
        word=_WORDS.get(assessment.status, str(assessment.status)),
        why=assessment.why,
        place=f"{stage.place.file}:{stage.place.line}",
        work=_work(stage, result),
        entry=gate_view(stage.entry.id, state.entry, assessment.key, bundle),
        exit=gate_view(stage.exit.id, state.exit, assessment.key, bundle),
        controls=tuple(control_view(control, state, last, assessment.key, bundle) for control in controls),
        facts=tuple(measured_view(record) for record in records if id(record) not in bound),
        artifacts=() if result is None else _artifacts(source, result),
        notes=tuple(_notes(source, stage, state, tried)),
    )


def _work(stage: Stage, result: Finished | None) -> tuple[str, ...]:
    if stage.callable is None:
        return ("no work of its own, its gates decide",)
    if result is None:
        return (f"by {stage.callable}", "no result yet")
    body = result.body
    took = duration(body.milliseconds / 1000) + (f", up to {size(body.peak_bytes)}" if body.peak_bytes else "")
    return (f"by {stage.callable}", took, f"finished {clock(result.time)} (record {result.seq})")


def _artifacts(source: Source, result: Finished) -> tuple[ArtifactView, ...]:
    return tuple(
        ArtifactView(name, artifact.digest, size(artifact.size), artifact.digest in source.state.erased)
        for name, artifact in result.body.artifacts.items()
    )


def _notes(source: Source, stage: Stage, state: StageState, tried: Mapping[str, int]) -> list[Line]:
    notes = []
    if state.failed is not None:
        notes.append(Line(f"Its last attempt failed: {state.failed.summary}. {state.failed.detail}", "bad"))
    if state.finished is not None and state.finished.body.reused:
        notes.append(Line("Its result was taken over unchanged from an earlier iteration."))
    if stage.id in tried:
        count = tried[stage.id]
        notes.append(
            Line(f"Measured {plural(count, 'time')} on the rows it is judged on.", "waiting" if count > 5 else "quiet")
        )
    if len(state.checks) > 1:
        notes.append(Line(f"{len(state.checks)} checks so far; the evidence below is of the last one."))
    reactions = {
        f"{body.control} was breached, so: {body.reaction}{f' {body.to}' if body.to else ''} ({body.outcome}).": seq
        for seq, _, body in source.state.reactions
        if body.stage == stage.id and body.iteration == source.state.iteration
    }
    notes += [Line(text, "bad", seq) for text, seq in reactions.items()]
    for server in source.state.servers.get(stage.id, [])[-1:]:
        address = server.get("address")
        if stage.name in source.dead:
            notes.append(Line(f"Nothing answers at {address} any more.", "bad"))
        else:
            notes.append(Line(f"Serving at {address}.", "good"))
    return notes
