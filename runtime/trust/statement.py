"""What an approver signs: an in-toto statement about exactly what was reviewed.

Reviewed is the *meaning* of everything that the approval's stage follows from, the artifacts made, the
evidence measured and the controls that apply there (LANGUAGE, rule 10). File and bundle digests are not
part of it: a reformatted charter or a policy pack's update elsewhere voids nothing, a change of what was
reviewed does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from charter.compiler.canonical import canonical_json, digest_of
from charter.compiler.ir import IR, Approval, Control, Stage
from charter.runtime.events import EvidenceRecord
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.trust import dsse
from charter.runtime.trust.genuine import PAYLOAD_TYPE
from charter.runtime.trust.keys import PrivateKey
from charter.runtime.trust.times import stamp

Decision = Literal["approve", "reject"]


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """What was reviewed; two reviews are of the same thing when their digests are equal.

    Attributes:
        lifecycle: the lifecycle's name.
        meaning: digest of what the lifecycle's head and every declaration on the way to the approval mean.
        approval: the approval's id.
        subject: what it is of, and whose role it asks for.
        role: the role whose members may sign.
        iteration: the pass through the graph; approvals never carry over to another (rule 4).
        artifacts: digest by `<stage>:<artifact>`.
        evidence: what was measured, by stage.
        controls: digest of the normal form of each control on the way, by id.
        waivers: digest of each waiver of one of these controls, by name.
    """

    lifecycle: str
    meaning: str
    approval: str
    subject: str
    role: str
    iteration: int
    artifacts: dict[str, str]
    evidence: dict[str, tuple[EvidenceRecord, ...]]
    controls: dict[str, str]
    waivers: dict[str, str]

    def digest(self) -> str:
        """`sha256:` and the hex digest of the canonical form."""
        return digest_of(self)


class Predicate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who says what about what was reviewed. `trust` names the version of the trust root they went by."""

    decision: Decision
    person: str
    role: str
    key: str
    time: str
    trust: str
    reviewed: Reviewed
    reviewed_digest: str
    controls: dict[str, str]
    """The controls in words, by id, as they were shown."""
    comment: str = ""


class Subject(msgspec.Struct, frozen=True):
    """What a statement is about: a name and its digests by algorithm."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename={"type_": "_type"}):
    """The in-toto envelope's payload (in-toto attestation framework, statement v1)."""

    type_: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
    subject: tuple[Subject, ...]
    predicate_type: Literal["urn:charter:review:v1"] = msgspec.field(
        name="predicateType", default="urn:charter:review:v1"
    )
    predicate: Predicate


def ancestry(ir: IR, stage: str) -> tuple[Stage, ...]:
    """The stages that `stage` follows from, in the graph's order, without itself."""
    by_id = {item.id: item for item in ir.stages}
    found: set[str] = set()
    todo = [stage]
    while todo:
        item = by_id[todo.pop()]
        needed = {*item.entry.waits_for, *item.after, *(given.stage for given in item.inputs)} - found
        found |= needed
        todo.extend(needed)
    return tuple(item for item in ir.stages if item.id in found)


def approve_stage(ir: IR, approval: Approval) -> Stage:
    """The stage whose exit gate asks for the approval."""
    return next(stage for stage in ir.stages if approval.gate in {stage.entry.id, stage.exit.id})


def controls_on_the_way(ir: IR, approval: Approval) -> tuple[Control, ...]:
    """Every control that was decided on the way to the approval, and those of its own gate."""
    own = approve_stage(ir, approval)
    gates = {gate.id for stage in (*ancestry(ir, own.id), own) for gate in (stage.entry, stage.exit)}
    return tuple(control for control in ir.controls if control.gate in gates)


def review(
    ir: IR,
    approval: Approval,
    artifacts: Mapping[str, str],
    evidence: Mapping[str, tuple[EvidenceRecord, ...]],
    iteration: int,
) -> Reviewed:
    """What there is to review.

    Args:
        ir: the compiled charter.
        approval: one of its approvals.
        artifacts: digest by `<stage>:<artifact>`, of every stage on the way.
        evidence: what was measured, by stage.
        iteration: the present pass through the graph.

    Raises:
        KeyError: the IR names a stage or a declaration that it does not hold.
    """
    own = approve_stage(ir, approval)
    controls = controls_on_the_way(ir, approval)
    ids = {control.id for control in controls}
    waivers = [waiver for waiver in ir.waivers if waiver.control in ids]
    return Reviewed(
        lifecycle=ir.lifecycle.name,
        meaning=_meaning(ir, approval, (*ancestry(ir, own.id), own)),
        approval=approval.id,
        subject=approval.subject,
        role=approval.role,
        iteration=iteration,
        artifacts=dict(sorted(artifacts.items())),
        evidence={stage: evidence[stage] for stage in sorted(evidence) if evidence[stage]},
        controls={control.id: normal_digest(control) for control in controls},
        waivers={waiver.name: normal_digest(waiver) for waiver in waivers},
    )


def _meaning(ir: IR, approval: Approval, stages: tuple[Stage, ...]) -> str:
    head = ir.lifecycle
    return digest_of(
        {
            # The version string and the place in the file are not part of the meaning (rule 7).
            "lifecycle": [head.name, head.owner, head.purpose, head.risk, sorted(head.packs)],
            "declarations": {stage.subject: ir.declarations[stage.subject].digest for stage in stages},
            "roles": {role.name: role.members_at_least for role in ir.roles if role.name == approval.role},
            "stages": {stage.id: _stage_meaning(stage) for stage in stages},
        }
    )


def _stage_meaning(stage: Stage) -> list[Any]:
    inputs = sorted((item.name, item.stage, item.artifact) for item in stage.inputs)
    return [
        stage.callable,
        stage.spec,
        stage.seed,
        inputs,
        sorted(stage.after),
        sorted(stage.entry.waits_for),
    ]


def normal_digest(item: msgspec.Struct) -> str:
    """Digest without the wording and its place: `80%` and `0.80` are the same bound."""
    document = msgspec.to_builtins(item)
    return digest_of({key: value for key, value in document.items() if key not in {"text", "place"}})


def differences(then: Reviewed, now: Reviewed) -> list[str]:
    """What is no longer as it was reviewed, in words."""
    found = []
    if then.iteration != now.iteration:
        found.append(f"it was about iteration {then.iteration}, this is iteration {now.iteration}")
    if then.meaning != now.meaning:
        found.append("the charter's meaning changed")
    for what, old, new in (
        ("artifact", then.artifacts, now.artifacts),
        ("evidence of", then.evidence, now.evidence),
        ("control", then.controls, now.controls),
        ("waiver", then.waivers, now.waivers),
    ):
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        found += [f"{what} `{name}` changed" for name in changed[:3]]
        if len(changed) > 3:
            found.append(f"and {len(changed) - 3} more like it")
    return found or ["it was about something else"]


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signs: a person's id in the trust root, one of their keys, and the digest of the root's version."""

    person: str
    key: PrivateKey
    trust: str


def sign_statement(
    ir: IR, reviewed: Reviewed, decision: Decision, by: Signatory, now: datetime, *, comment: str = ""
) -> tuple[Statement, bytes]:
    """The statement and the DSSE envelope around it.

    Args:
        ir: for the controls' wording.
        reviewed: what was reviewed.
        decision: what the person decided.
        by: who signs.
        now: the time of signing.
        comment: why, in their words.
    """
    texts = {control.id: control.text for control in ir.controls if control.id in reviewed.controls}
    statement = Statement(
        subject=tuple(Subject(name, dict([digest.split(":", 1)])) for name, digest in reviewed.artifacts.items()),
        predicate=Predicate(
            decision=decision,
            person=by.person,
            role=reviewed.role,
            key=by.key.public.id,
            time=stamp(now),
            trust=by.trust,
            reviewed=reviewed,
            reviewed_digest=reviewed.digest(),
            controls=texts,
            comment=comment,
        ),
    )
    return statement, dsse.seal(PAYLOAD_TYPE, canonical_json(statement), [by.key])


def read_statement(payload: bytes) -> Statement:
    """The statement in an envelope's payload.

    Raises:
        Failure: it is not such a statement, or its digest is not that of what it says was reviewed.
    """
    try:
        statement = msgspec.json.decode(payload, type=Statement)
    except (msgspec.DecodeError, ValueError) as error:
        raise Failure(
            "not a review statement",
            f"The signed payload cannot be read: {error}.",
            exit_code=ExitCode.DENIED,
        ) from error
    if statement.predicate.reviewed.digest() != statement.predicate.reviewed_digest:
        raise Failure(
            "an inconsistent statement",
            "The digest in the signed statement is not that of what it says was reviewed.",
            exit_code=ExitCode.DENIED,
        )
    return statement
