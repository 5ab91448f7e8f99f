"""The contract of every decision as types: the policy input and its result.

The published schemas, `policies/schema/input.schema.json` and `result.schema.json`, are these types written
as JSON Schema (a test keeps them equal). Decoding with them *is* the schema check; every field is required,
nothing else is allowed. Numbers are finite, times are RFC 3339 in UTC.

Version 2 of the input has `models`. Inputs of version 1 are in ledgers, so they stay valid as they are
(`input.1.schema.json`); what is decided from now on is of version 2.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

INPUT_VERSION: Literal[2] = 2
RESULT_VERSION: Literal[1] = 1
MAX_BYTES = 1 << 20

Time = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$",
        description="RFC 3339, UTC",
    ),
]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$", description="SHA-256 of the content")]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Grade = Literal["declared", "measured", "attested", "reproduced"]
Point = Literal["entry", "exit"]
Severity = Literal["advisory", "mandatory", "absolute"]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Common to all: nothing unknown, nothing left out."""


class LifecycleFact(_Strict, frozen=True, kw_only=True):
    """The system; `meaning` is the digest of what its charter means."""

    name: str
    version: str
    owner: str
    risk: Literal["prohibited", "high", "limited", "minimal"]
    meaning: str
    iteration: Count


class Transition(_Strict, frozen=True, kw_only=True):
    """Which gate, of which stage, on which attempt.

    `key` names the stage's result: evidence counts only if it was measured under the same key.
    """

    gate: str
    point: Point
    stage: str
    kind: str
    subject: str
    attempt: Count
    key: str | None
    sources: tuple[str, ...]
    target: str | None


class DeclarationFact(_Strict, frozen=True, kw_only=True):
    """What the charter says of the subject, in normal form."""

    kind: str
    name: str
    digest: str
    body: dict[str, Any]


class EvidenceFact(_Strict, frozen=True, kw_only=True):
    """One measured fact, with the grade that the runtime gave it; see `charter.runtime.stages.api.Evidence`.

    `stage` and `key` say where it was measured; `digest` is that of the record in the ledger.
    """

    metric: str
    value: int | float | bool | str
    grade: Grade
    stage: str
    key: str | None
    digest: str | None
    unit: str | None
    n: Count | None
    low: float | None
    high: float | None
    confidence: float | None
    method: str | None
    each: str | None
    item: str | None
    over: str | None
    on: str | None
    attack: str | None


class ArtifactFact(_Strict, frozen=True, kw_only=True):
    """One file that a stage made."""

    digest: Digest
    size: Count


class InputFact(_Strict, frozen=True, kw_only=True):
    """One artifact that flows into the stage, and the stage that made it."""

    stage: str
    artifact: str
    digest: Digest
    size: Count


class DatasetFact(_Strict, frozen=True, kw_only=True):
    """A dataset upstream of the stage, as the charter declares it. `class` says how confidential it is."""

    name: str
    class_: str | None = msgspec.field(name="class")
    basis: str | None
    license: str | None
    origin: str | None
    personal: tuple[str, ...]
    protected: tuple[str, ...]


class RowsFact(_Strict, frozen=True, kw_only=True):
    """Rows that a model learnt from: a dataset, or a part of its split."""

    dataset: str
    part: str | None


class ModelFact(_Strict, frozen=True, kw_only=True):
    """A model upstream of the stage, or the one it is about: how it came to be, and what it carries of its data.

    `digest` is that of its artifact, null before it is trained. `learnt_from` names every dataset whose rows are in
    it. `class` is the highest of theirs, before anybody attests a lower one; it is only the least that it can be
    unless `class_known`, which says that all of them declare one. `licenses` and `commercial_use` are of all of
    them, the worst counting; what a base model from elsewhere has learnt from is unknown.
    """

    name: str
    task: str
    trainer: str | None
    fine_tuned_from: str | None
    hosted_at: str | None
    digest: Digest | None
    trained_on: RowsFact | None
    validated_on: RowsFact | None
    aligned_with: RowsFact | None
    learnt_from: tuple[str, ...]
    class_: str | None = msgspec.field(name="class")
    class_known: bool
    licenses: tuple[str, ...]
    commercial_use: Literal["permitted", "own terms", "unknown", "forbidden"]


class StageFact(_Strict, frozen=True, kw_only=True):
    """A stage upstream: whether its exit gate allowed its result, and the digests that went in and out."""

    stage: str
    kind: str
    subject: str
    iteration: Count
    exit_allowed: bool
    inputs: dict[str, InputFact]
    artifacts: dict[str, ArtifactFact]


class ApprovalFact(_Strict, frozen=True, kw_only=True):
    """One signature that the runtime has verified, over exactly what is decided here."""

    approval: str
    type: Literal["approve", "reject"]
    person: str
    role: str
    key: str
    signed_at: Time
    statement_digest: str


class WaiverFact(_Strict, frozen=True, kw_only=True):
    """One verified signature under a waiver that the charter asks for."""

    waiver: str
    person: str
    role: str
    key: str
    signed_at: Time
    statement_digest: str


class CheckFact(_Strict, frozen=True, kw_only=True):
    """One earlier check of a monitor; the oldest comes first, the check being decided is not among them."""

    stage: str
    check: Count
    iteration: Count
    time: Time
    evidence: tuple[EvidenceFact, ...]


class GateInput(_Strict, frozen=True, kw_only=True):
    """All that a policy may know. The engine sees the exact bytes of this document."""

    schema: Literal[1, 2]
    lifecycle: LifecycleFact
    transition: Transition
    time: Time
    actor: str
    declaration: DeclarationFact | None
    parameters: dict[str, float]
    evidence: tuple[EvidenceFact, ...]
    artifacts: dict[str, ArtifactFact]
    inputs: dict[str, InputFact]
    datasets: tuple[DatasetFact, ...]
    models: tuple[ModelFact, ...] | UnsetType = UNSET
    lineage: tuple[StageFact, ...]
    people: dict[str, tuple[str, ...]]
    approvals: tuple[ApprovalFact, ...]
    waivers: tuple[WaiverFact, ...]
    history: tuple[CheckFact, ...]

    def __post_init__(self) -> None:
        if (self.schema == 1) != (self.models is UNSET):
            raise ValueError("`models` belongs to version 2 of the input, which requires it, and not to version 1")


class Violation(_Strict, frozen=True, kw_only=True):
    """Why a gate denies.

    `control` is the id of the charter's control, `PACK/RULE`, or `gate` when the decision itself failed.
    `code` is one of a fixed list (`docs/policies.md`); `evidence` says what was measured against what.
    """

    policy: str
    control: str
    code: str
    message: str
    severity: Severity
    clauses: tuple[str, ...]
    evidence: dict[str, Any] | None
    remedy: str
    waivable: bool


class Notice(Violation, frozen=True, kw_only=True):
    """What does not deny: an advisory finding, or a breach that the signed waiver `waiver` covers."""

    waiver: str | None


class Obligation(_Strict, frozen=True, kw_only=True):
    """What the decision asks the runtime to do: `react` to a breach, or `compensate` for a waiver."""

    kind: Literal["react", "compensate"]
    control: str
    reaction: str | None
    to: str | None
    text: str


class GateResult(_Strict, frozen=True, kw_only=True):
    """What an engine answers. `revision`, `gate` and `time` echo the bundle and the input that it decided."""

    schema: Literal[1]
    revision: str | None
    gate: str | None
    time: str | None
    allow: bool
    violations: tuple[Violation, ...]
    warnings: tuple[Notice, ...]
    obligations: tuple[Obligation, ...]
    evaluated: tuple[str, ...]


encode_input = msgspec.json.Encoder(order=None).encode
decode_input = msgspec.json.Decoder(GateInput).decode
decode_result = msgspec.json.Decoder(GateResult).decode
