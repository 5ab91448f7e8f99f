"""The review packet: what an approver is shown before signing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from charter.compiler.ir import Approval, Control
from charter.runtime.assess import Status
from charter.runtime.english import Section, plain_english
from charter.runtime.events import BODIES, GateDecided
from charter.runtime.loosened import loosened_since
from charter.runtime.report.attempts import attempts
from charter.runtime.report.changes import Changes, changes_since
from charter.runtime.report.controls import ControlView, Measured, control_view, label, measured_view
from charter.runtime.report.numbers import listed
from charter.runtime.report.source import Source
from charter.runtime.state import Finished
from charter.runtime.store import ArtifactStore
from charter.runtime.trust.approvals import Verdict
from charter.runtime.trust.attestations import raised_by
from charter.runtime.trust.statement import Reviewed, ancestry, approve_stage, controls_on_the_way
from charter.runtime.trust.waivers import WaiverVerdict


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that the approval will be about."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Denied:
    """A gate on the way that said no before."""

    seq: int
    time: str
    gate: str
    message: str


@dataclass(frozen=True, slots=True)
class Packet:
    """All that there is to know before signing.

    Attributes:
        reviewed: what a signature will be about.
        controls: the controls on the way, with their evidence; not the approval itself.
        other: measured by the stages right before the approval, but bound by no control, by stage.
        farther: how many such facts the stages before those have.
        attempts: by evaluation, how often it was measured on its present data.
        raised: evidence on the way that people gave a higher grade, and who, in sentences.
        denied: decisions on the way, in this iteration, that said no.
        loosened: controls that an earlier run asked more of.
        overrides: parameters that were set on the command line.
        waivers: waivers that the charter asks for, of controls on the way, and what was signed under them.
        verdict: who signed already.
        meaning: what the charter means on the way to the approval, in plain English.
        changes: what is not as it was when it was last approved; None when it never was.
        unready: why it is too early to sign, by stage; empty when it is time.
    """

    approval: Approval
    reviewed: Reviewed
    artifacts: tuple[Artifact, ...]
    controls: tuple[ControlView, ...]
    other: tuple[tuple[str, Measured], ...]
    farther: int
    attempts: dict[str, int]
    raised: tuple[str, ...]
    denied: tuple[Denied, ...]
    loosened: tuple[str, ...]
    overrides: tuple[str, ...]
    waivers: tuple[WaiverVerdict, ...]
    verdict: Verdict
    meaning: tuple[Section, ...]
    changes: Changes | None
    unready: tuple[tuple[str, str], ...]


def packet(source: Source, approval: Approval) -> Packet:
    """The review packet of an approval."""
    ir = source.ir
    own = approve_stage(ir, approval)
    before = ancestry(ir, own.id)
    results = source.results_before(approval)
    controls = [control for control in controls_on_the_way(ir, approval) if control is not approval]
    bound = {(control.gate.partition(":")[0], getattr(control, "metric", "")) for control in controls}
    ids = {control.id for control in controls}
    tried = attempts(ir, source.events)
    unbound = [
        (stage, record)
        for stage, result in results.items()
        for record in source.graded(result)
        if (stage, record.metric) not in bound
    ]
    near = [(stage, measured_view(record)) for stage, record in unbound if stage in own.after]
    return Packet(
        approval=approval,
        reviewed=source.reviewed(approval),
        artifacts=tuple(
            Artifact(f"{stage}:{name}", artifact.digest, artifact.size)
            for stage, result in results.items()
            for name, artifact in result.body.artifacts.items()
        ),
        controls=tuple(control_in(source, control) for control in controls),
        other=tuple(near),
        farther=len(unbound) - len(near),
        attempts={stage.id: tried[stage.id] for stage in before if stage.id in tried},
        raised=tuple(_raised(source, results)),
        denied=_denied(source, {stage.id for stage in before}),
        loosened=loosened_since(ir, source.state.runs[-1].ir, source.state, ArtifactStore(source.project.store)),
        overrides=tuple(f"{name} = {value}" for name, value in source.state.runs[-1].overrides.items()),
        waivers=tuple(source.waiver_verdict(waiver) for waiver in ir.waivers if waiver.control in ids),
        verdict=source.verdict(approval),
        meaning=plain_english(ir, only=frozenset(stage.subject for stage in (*before, own))),
        changes=changes_since(source, approval),
        unready=tuple(
            (stage.id, source.standing[stage.id].why)
            for stage in before
            if source.standing[stage.id].status is not Status.DONE
        ),
    )


def control_in(source: Source, control: Control) -> ControlView:
    """A control as its gate last decided on it."""
    stage = control.gate.partition(":")[0]
    state = source.state.stage(stage)
    records = source.graded(state.finished)
    return control_view(control, state, records, source.standing[stage].key, source.ir.bundle.digest)


def _raised(source: Source, results: Mapping[str, Finished]) -> Iterator[str]:
    for stage, result in results.items():
        for record, graded in zip(result.body.evidence, source.graded(result), strict=True):
            if by := raised_by(source.raised, result, record):
                yield f"{label(record)} of {stage} was {graded.grade} by {listed(list(by))}"


def _denied(source: Source, stages: set[str]) -> tuple[Denied, ...]:
    found = []
    for recorded in source.events:
        if BODIES.get(recorded.kind) is not GateDecided:
            continue
        body = msgspec.convert(recorded.body, GateDecided)
        if body.allow or body.waiting or body.stage not in stages or body.iteration != source.state.iteration:
            continue
        message = str(body.violations[0].get("message", "")) if body.violations else "no reason was given"
        found.append(Denied(recorded.seq, recorded.time, body.gate, message))
    return tuple(found)
