"""The IR: the one document that passes from the compiler to the runtime.

A run can be started, resumed and audited from it alone, on another machine. Its JSON form has a
published schema (`ir.schema.json`), a version and a digest. Numbers are normalised: ratios in [0, 1]
("95%" and 0.95 are the same number), durations in seconds, sizes in bytes. The types are msgspec structs:
`msgspec.json.decode(data, type=IR)` checks a document while it reads it.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

IR_VERSION = 1

StageKind = Literal[
    "define",
    "acquire",
    "prepare",
    "validate",
    "split",
    "train",
    "evaluate",
    "approve",
    "deploy",
    "monitor",
    "retire",
]
Point = Literal["entry", "exit"]
Enforcement = Literal["advisory", "mandatory", "absolute"]
Grade = Literal["declared", "measured", "attested", "reproduced"]
Comparison = Literal[">=", "<=", ">", "<", "=="]
Unit = Literal["ratio", "count", "seconds", "bytes", "number"]
Risk = Literal["prohibited", "high", "limited", "minimal"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the charter something was written; lines and columns count from 1."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """The system that the charter is about."""

    name: str
    version: str
    owner: str
    purpose: str
    risk: Risk
    packs: tuple[str, ...]
    place: Place


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role that people of the trust root fill."""

    name: str
    members_at_least: int
    place: Place


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """One declaration in normal form: what policies see as `input.declaration`, and what is signed.

    `body` holds clauses by keyword with normalised values; no spans, no comments, no version string.
    """

    kind: str
    name: str
    body: Mapping[str, Any]
    digest: str
    place: Place


class Requirement(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="requirement"):
    """A `require`: one metric against one bound, decided at one gate.

    `metric` with `over`, `each`, `on` and `attack` selects evidence; with `each`, every item must satisfy it.
    With `confidence`, the interval's worse end must clear the bound instead of the point estimate. Of a
    `not worse than`, `metric` is `roc_auc minus champion`: by how much it is above what is live.
    """

    id: str
    gate: str
    subject: str
    metric: str
    comparison: Comparison
    bound: float
    unit: Unit
    text: str
    place: Place
    each: str | None = None
    over: str | None = None
    on: str | None = None
    attack: Mapping[str, Any] | None = None
    confidence: float | None = None
    checks: int | None = None
    lasting_seconds: float | None = None
    reaction: str | None = None
    reaction_to: str | None = None
    enforce: Enforcement = "mandatory"
    least_grade: Grade = "measured"


class Approval(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="approval"):
    """An `approval`: `quorum` distinct people of `role`, none of `excluding`, not older than `valid_seconds`."""

    id: str
    gate: str
    subject: str
    role: str
    quorum: int
    excluding: tuple[str, ...]
    valid_seconds: int | None
    text: str
    place: Place
    enforce: Enforcement = "mandatory"


class RetirementCriterion(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="retirement"):
    """One `when` of a retirement; any that is met opens the gate of the retire stage.

    `monitor` is None for `age`, whose metric is seconds since the model went live.
    """

    id: str
    gate: str
    subject: str
    monitor: str | None
    metric: str
    comparison: Comparison
    bound: float
    unit: Unit
    checks: int
    text: str
    place: Place
    each: str | None = None
    over: str | None = None
    lasting_seconds: float | None = None


class PolicyControl(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="policy"):
    """A `policy` block at one gate: the team's own Rego. `package` is its Rego package path."""

    id: str
    gate: str
    subject: str
    package: str
    path: str
    enforce: Enforcement
    satisfies: tuple[str, ...]
    text: str
    place: Place


Control = Requirement | Approval | RetirementCriterion | PolicyControl


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """A request to live with one breached requirement; counts only when signed, until `until` (inclusive)."""

    name: str
    control: str
    reason: str
    role: str
    quorum: int
    compensating: str
    until: str
    place: Place


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One transition's gate. `id` is `<stage id>:<point>`; `controls` are ids of controls decided at it.

    The packs in `Lifecycle.packs` apply at every gate and are not listed here.
    """

    id: str
    stage: str
    point: Point
    controls: tuple[str, ...]
    waits_for: tuple[str, ...]
    """Stage ids whose exit this entry needs; empty at an exit."""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact that flows into a stage: `name` inside the stage, made by `stage` as `artifact`."""

    name: str
    stage: str
    artifact: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage's process may use; the watchdog measures resident memory of the process tree."""

    seconds: float
    memory_bytes: int
    gpus: int = 0


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence that a stage is asked for; same fields as the requirement that wants it."""

    metric: str
    each: str | None = None
    over: str | None = None
    on: str | None = None
    attack: Mapping[str, Any] | None = None
    confidence: float | None = None


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of work of the lifecycle graph.

    Attributes:
        id: `<kind>/<name>`, its identity across versions.
        subject: `<declaration kind>/<name>` it was lowered from.
        callable: `package.module:function`, a built-in or the team's own; None where there is no work
            (define, approve).
        spec: all that the callable needs, in normal form.
        inputs: artifacts of earlier stages.
        outputs: names of the artifacts it makes.
        measures: evidence it is asked for.
        project_code: whether `callable` is the team's own, found in the project directory.
        seed: fixed seed of its random generators.
        every_seconds: for a monitor, the time between checks.
    """

    id: str
    kind: StageKind
    name: str
    subject: str
    callable: str | None
    spec: Mapping[str, Any]
    inputs: tuple[Input, ...]
    after: tuple[str, ...]
    outputs: tuple[str, ...]
    measures: tuple[Measure, ...]
    limits: Limits
    entry: Gate
    exit: Gate
    place: Place
    project_code: bool = False
    seed: int = 0
    every_seconds: int | None = None


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that a model learnt from: all of a dataset, or a part of its split."""

    dataset: str
    part: str | None


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is made of, and what it carries of that.

    Attributes:
        trainer: the built-in's name or `module:function`; None of a model that nobody here trains.
        fine_tuned_from: the checkpoint it starts from, as the charter names it.
        hosted_at: the address of one that somebody else runs.
        trained_on, validated_on, aligned_with: as the charter says it.
        learnt_from: names of all datasets whose rows are in it, those that others derive from included.
        class_: the highest class of these, the least that it can be, before anybody attests a lower one; None where
            nothing is said of it.
        class_known: whether all of them declare theirs, and nothing but them is in it.
        licenses: all licences of these, and of what reads the same files.
        commercial_use: the worst of what these say; `unknown` too where a dataset, or a base that was trained
            elsewhere, says nothing.
    """

    task: str
    trainer: str | None
    fine_tuned_from: str | None
    hosted_at: str | None
    trained_on: Rows | None
    validated_on: Rows | None
    aligned_with: Rows | None
    learnt_from: tuple[str, ...]
    class_: str | None = msgspec.field(name="class")
    class_known: bool
    licenses: tuple[str, ...]
    commercial_use: Literal["permitted", "own terms", "unknown", "forbidden"]


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A stage transition and the artifact that flows along it (None: order only)."""

    source: str
    target: str
    artifact: str | None


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """The OPA bundle: modules by path, the data document, the manifest, and the digest that names it."""

    revision: str
    digest: str
    entrypoint: str
    modules: Mapping[str, str]
    data: Mapping[str, Any]
    roots: tuple[str, ...]


class IR(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled charter.

    Attributes:
        digest: SHA-256 over the canonical JSON of everything else in the document.
        meaning: SHA-256 over what the charter means (declarations, controls, graph), without places,
            version string and pins: reformatting and comments do not change it.
        pins: digests of files the charter names (data, schemas, Rego, code), by path.
        models: what each model is made of, by name; empty in a document of an earlier version.
    """

    lifecycle: Lifecycle
    parameters: Mapping[str, float]
    roles: tuple[Role, ...]
    declarations: Mapping[str, Declaration]
    controls: tuple[Control, ...]
    waivers: tuple[Waiver, ...]
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    bundle: Bundle
    pins: Mapping[str, str]
    meaning: str
    digest: str
    models: Mapping[str, Provenance] = {}
    edition: int = 1
    ir_version: int = IR_VERSION
