"""What the runtime knows at a gate, before it becomes the policy input."""

from collections.abc import Mapping

from msgspec import Struct, field

from charter.runtime.events import EvidenceRecord
from charter.runtime.gates.contract import (
    ApprovalFact,
    ArtifactFact,
    CheckFact,
    EvidenceFact,
    InputFact,
    Point,
    StageFact,
    WaiverFact,
)


class GateFacts(Struct, frozen=True, kw_only=True):
    """One attempt at one gate. What comes from the charter is not here: `build_input` takes it from the IR.

    Attributes:
        gate: `<stage id>:<point>`.
        iteration: of the lifecycle, from 1.
        attempt: of this gate, from 1.
        key: of the stage's result. Evidence of another key does not count.
        time: RFC 3339, UTC (`Z`), fixed when the attempt opened.
        actor: who runs this.
        artifacts: what this stage made, at its exit.
        inputs: what flows into this stage.
        lineage: the stages upstream, nearest last: those that this one waits for and all before them.
        models: of every model upstream and of the one that the stage is about, by name, the digest of its artifact;
            None before there is one.
        evidence: with `stage` and `key` of where it was measured; at a retire entry, also `age` (seconds
            since the model went live, absent if it is not live).
        people: who `owner`, `trainer` and the like are, by the names that the trust root uses.
        approvals: signatures for this gate, already verified, for exactly these artifacts.
        waivers: signatures under waivers, already verified.
        history: earlier checks of monitors, oldest first, without the one being decided.
    """

    gate: str
    point: Point
    stage: str
    kind: str
    subject: str
    iteration: int
    attempt: int
    time: str
    actor: str
    key: str | None = None
    source_stages: tuple[str, ...] = ()
    target: str | None = None
    evidence: tuple[EvidenceFact, ...] = ()
    artifacts: Mapping[str, ArtifactFact] = field(default_factory=dict)
    inputs: Mapping[str, InputFact] = field(default_factory=dict)
    lineage: tuple[StageFact, ...] = ()
    models: Mapping[str, str | None] = field(default_factory=dict)
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    approvals: tuple[ApprovalFact, ...] = ()
    waivers: tuple[WaiverFact, ...] = ()
    history: tuple[CheckFact, ...] = ()


def evidence_fact(record: EvidenceRecord, *, stage: str, key: str | None, digest: str | None = None) -> EvidenceFact:
    """A recorded piece of evidence as policies see it: decimals become numbers again.

    Raises:
        ValueError: a decimal that is none.
    """
    return EvidenceFact(
        metric=record.metric,
        value=_number(record.value) if record.number and isinstance(record.value, str) else record.value,
        grade=record.grade,
        stage=stage,
        key=key,
        digest=digest,
        unit=record.unit,
        n=record.n,
        low=_optional(record.low),
        high=_optional(record.high),
        confidence=_optional(record.confidence),
        method=record.method,
        each=record.each,
        item=record.item,
        over=record.over,
        on=record.on,
        attack=record.attack,
    )


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _optional(text: str | None) -> float | None:
    return None if text is None else float(text)
