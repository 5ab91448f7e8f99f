"""The typed model: what each declaration says, numbers in normal form, references still by name.

A field is None (or empty) when its clause is absent or could not be understood; the passes say so. Every
field that can be wrong keeps its AST node, so that findings underline what was written.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import PurePosixPath

from msgspec import Struct, field

from charter.compiler.ir import Enforcement, Grade
from charter.compiler.units import Quantity
from charter.dsl import ast
from charter.dsl.source import Span


class Bound(Struct, frozen=True):
    """A control with its numbers resolved.

    Attributes:
        quantity: the threshold in normal form; None when it cannot be resolved.
        confidence: in (0, 1).
        checks: how many checks in a row, of `for 3 checks`.
        seconds: how long, of `for 10 minutes`.
        grade: the least that the evidence must have; never `declared`.
        margin: by how much it may be worse, of `not worse than`.
    """

    node: ast.Control
    metric: str
    comparison: str | None
    quantity: Quantity | None
    confidence: Decimal | None = None
    checks: int | None = None
    seconds: Decimal | None = None
    enforce: Enforcement = "mandatory"
    grade: Grade = "measured"
    margin: Quantity | None = None

    @property
    def attack(self) -> str | None:
        """The name of the attack of `under attack`."""
        return self.node.attack.name.text if self.node.attack else None

    @property
    def champion(self) -> str | None:
        """What it is compared with, of `not worse than`."""
        return self.node.not_worse_than.text if self.node.not_worse_than else None

    @property
    def each(self) -> str | None:
        """The column, or `feature`, of `of each`."""
        return self.node.each.text if self.node.each else None

    @property
    def over(self) -> str | None:
        """The protected attribute of `over`."""
        return self.node.over.text if self.node.over else None

    @property
    def on(self) -> str | None:
        """The rows of `on`."""
        return self.node.on.text if self.node.on else None


class Declared(Struct, frozen=True):
    """What every declaration has."""

    node: ast.Declaration

    @property
    def name(self) -> str:
        """Its name as written."""
        return self.node.name.text

    @property
    def kind(self) -> str:
        """Its keyword."""
        return self.node.kind

    @property
    def subject(self) -> str:
        """`<kind>/<name>`."""
        return f"{self.node.kind}/{self.name}"

    def clause(self, keyword: str) -> ast.Clause | None:
        """Its first clause of this keyword."""
        return next(self.clauses(keyword), None)

    def clauses(self, keyword: str) -> Iterator[ast.Clause]:
        """All its clauses of this keyword, in order."""
        return (clause for clause in self.node.clauses if clause.keyword == keyword)


class Lifecycle(Declared, frozen=True):
    """The system."""

    version: str
    owner: str
    purpose: str
    risk: str
    packs: tuple[ast.Name, ...]


class Parameter(Declared, frozen=True):
    """A named threshold; a value from the command line stands in place of the charter's."""

    quantity: Quantity | None


class Role(Declared, frozen=True):
    """A role of the trust root."""

    members_at_least: int


class Hazard(Struct, frozen=True):
    """What could go wrong, and what is done about it."""

    title: str
    mitigated_by: tuple[ast.Name, ...]


class Objective(Declared, frozen=True):
    """Why the system is built."""

    hazards: tuple[Hazard, ...]
    kpis: tuple[Bound, ...]


class Source(Struct, frozen=True):
    """Where rows come from; `location` is a path, or `module:function` for python."""

    clause: ast.Clause
    format: str
    location: ast.Text | None
    origins: tuple[ast.Name, ...]


class Labels(Struct, frozen=True):
    """Outcomes that arrive later, of what a deployment has served."""

    clause: ast.Clause
    format: str
    location: ast.Text | None


class Step(Struct, frozen=True):
    """One step of `prepare`."""

    clause: ast.Clause
    do: str


class Split(Struct, frozen=True):
    """How rows are cut; parts are ratios in the order written."""

    clause: ast.Clause
    parts: tuple[tuple[ast.Name, Decimal | None], ...]
    stratified_by: ast.Name | None
    grouped_by: ast.Name | None
    seed: int


class Dataset(Declared, frozen=True):
    """Rows."""

    source: Source | None
    target: ast.Name | None
    protected: tuple[ast.Name, ...]
    personal: tuple[ast.Name, ...]
    schema: ast.Text | None
    steps: tuple[Step, ...]
    split: Split | None
    requires: tuple[Bound, ...]
    of: ast.Name | None = None
    labels: Labels | None = None
    join_on: ast.Name | None = None

    @property
    def prepared(self) -> bool:
        """Whether it has a `prepare` block."""
        return self.clause("prepare") is not None

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of its split's parts."""
        return tuple(name.text for name, _ in self.split.parts) if self.split else ()


def data_path(dataset: Dataset) -> str:
    """The file that a dataset reads, as written but in normal form; empty where it reads none."""
    source = dataset.source
    if source is None or source.location is None or source.format == "python":
        return ""
    return str(PurePosixPath(source.location.value))


class Prompt(Declared, frozen=True):
    """What a generative model is told."""

    version: str
    system: str
    user: str


class Hosted(Struct, frozen=True):
    """A model that somebody else runs, at an OpenAI-compatible address; `secret` is a name."""

    clause: ast.Clause
    address: ast.Text | None
    model: str
    secret: ast.Text | None


class Tune(Struct, frozen=True):
    """A search for better parameters."""

    clause: ast.Clause
    direction: str
    metric: ast.Name | None
    space: tuple[ast.Entry, ...]


class Model(Declared, frozen=True):
    """What is trained; `trainer` is the built-in's name or `module:function`.

    Attributes:
        checkpoint: the local file or directory that it is fine-tuned from.
        method: `full` or `lora`.
    """

    task: str
    train_on: ast.Name | None
    validate_on: ast.Name | None
    trainer_kind: str
    trainer: ast.Name | ast.Text | None
    parameters: ast.MappingValue | None
    limits: ast.MappingValue | None
    checkpoint: ast.Text | None = None
    method: str = ""
    aligned_with: ast.Name | None = None
    hosted: Hosted | None = None
    prompts: tuple[ast.Name, ...] = ()
    tune: Tune | None = None

    @property
    def generative(self) -> bool:
        """Whether it makes text."""
        return self.task == "text-generation"

    def rows(self) -> Iterator[tuple[ast.Name, str]]:
        """All rows that it has learnt from in any way, and in which."""
        learnt = ((self.train_on, "was trained on"), (self.validate_on, "was tuned on"))
        for reference, how in (*learnt, (self.aligned_with, "was aligned with")):
            if reference is not None:
                yield reference, how


class Evaluation(Declared, frozen=True):
    """A measurement of a model on rows."""

    of: ast.Name | None
    on: ast.Name | None
    requires: tuple[Bound, ...]
    reports: tuple[ast.Clause, ...]


class Policy(Declared, frozen=True):
    """The team's own Rego."""

    rego: ast.Text | None
    before: tuple[ast.Name, ...]
    enforce: Enforcement
    satisfies: tuple[ast.Clause, ...]


class Approval(Declared, frozen=True):
    """People who must agree."""

    of: ast.Name | None
    role: ast.Name | None
    quorum: int
    excluding: tuple[ast.Name, ...]
    after: tuple[ast.Name, ...]
    valid: Decimal | None


class Deployment(Declared, frozen=True):
    """A model that goes live."""

    of: ast.Name | None
    after: tuple[ast.Name, ...]
    package: str
    serve: str
    rollback: Bound | None = None

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What rolls it back."""
        return (self.rollback,) if self.rollback is not None else ()


class Monitor(Declared, frozen=True):
    """A watch on what is live."""

    of: ast.Name | None
    on: ast.Name | None
    every: Quantity | None
    requires: tuple[Bound, ...]


class Retirement(Declared, frozen=True):
    """The end of a model."""

    of: ast.Name | None
    whens: tuple[Bound, ...]


class Waiver(Declared, frozen=True):
    """A request to live with one breached control."""

    of: ast.Name | None
    reason: str
    role: ast.Name | None
    quorum: int
    compensating: str
    until: ast.Date | None


Measuring = Dataset | Evaluation | Monitor
"""Declarations that hold `require`s."""


class Charter(Struct, frozen=True, dict=True):
    """One charter. Of two declarations with one kind and name the first counts; a pass reports the second.

    Attributes:
        same_files: of every data file as it is written, the first that it is the same as.
        uncompared: data files of which it is not known whether they are the same as another.
    """

    file: ast.CharterFile
    lifecycle: Lifecycle | None
    parameters: Mapping[str, Parameter]
    roles: Mapping[str, Role]
    objectives: Mapping[str, Objective]
    datasets: Mapping[str, Dataset]
    prompts: Mapping[str, Prompt]
    models: Mapping[str, Model]
    evaluations: Mapping[str, Evaluation]
    policies: Mapping[str, Policy]
    approvals: Mapping[str, Approval]
    deployments: Mapping[str, Deployment]
    monitors: Mapping[str, Monitor]
    retirements: Mapping[str, Retirement]
    waivers: Mapping[str, Waiver]
    same_files: Mapping[str, str] = field(default_factory=dict)
    uncompared: tuple[str, ...] = ()

    def data_file(self, dataset: Dataset) -> str:
        """The file that a dataset reads, by the first name that the charter has for it; empty where it reads none."""
        path = data_path(dataset)
        return self.same_files.get(path, path)

    def of_same_file(self, dataset: Dataset) -> tuple[Dataset, ...]:
        """The datasets that read the same file, in the order declared, itself among them."""
        return self._of_file.get(self.data_file(dataset), (dataset,))

    @cached_property
    def _of_file(self) -> Mapping[str, tuple[Dataset, ...]]:
        found: dict[str, list[Dataset]] = {}
        for dataset in self.datasets.values():
            if path := self.data_file(dataset):
                found.setdefault(path, []).append(dataset)
        return {path: tuple(datasets) for path, datasets in found.items()}

    @cached_property
    def by_kind(self) -> Mapping[str, Mapping[str, Declared]]:
        """Every named declaration, by keyword and name."""
        return {
            "parameter": self.parameters,
            "role": self.roles,
            "objective": self.objectives,
            "dataset": self.datasets,
            "prompt": self.prompts,
            "model": self.models,
            "evaluation": self.evaluations,
            "policy": self.policies,
            "approval": self.approvals,
            "deployment": self.deployments,
            "monitor": self.monitors,
            "retirement": self.retirements,
            "waiver": self.waivers,
        }

    def all(self) -> Iterator[Declared]:
        """Every declaration that counts, lifecycle first, then by kind in the order written."""
        if self.lifecycle is not None:
            yield self.lifecycle
        for declarations in self.by_kind.values():
            yield from declarations.values()

    def measuring(self) -> tuple[Measuring, ...]:
        """Every declaration that may hold `require`s."""
        return (*self.datasets.values(), *self.evaluations.values(), *self.monitors.values())

    def bounds(self) -> Iterator[Bound]:
        """Every bound: requirements, retirement criteria, KPIs and what rolls a deployment back."""
        for declared in self.measuring():
            yield from declared.requires
        for retirement in self.retirements.values():
            yield from retirement.whens
        for objective in self.objectives.values():
            yield from objective.kpis
        for deployment in self.deployments.values():
            yield from deployment.bounds

    def watched(self, monitor: Monitor) -> str:
        """The name of the model that a monitor watches; empty if there is none."""
        deployment = self.deployments.get(monitor.of.text) if monitor.of else None
        return deployment.of.text if deployment and deployment.of else ""

    def learnt_from(self, name: str) -> Dataset | None:
        """The dataset that a model of this name learns from."""
        declared = self.models.get(name)
        reference = declared.train_on if declared else None
        return self.datasets.get(reference.parts[0]) if reference else None

    def served_from(self, dataset: Dataset) -> Dataset | None:
        """Of feedback, the dataset that the model which has served it learnt from: it means the columns."""
        deployment = self.deployments.get(dataset.of.text) if dataset.of else None
        return self.learnt_from(deployment.of.text) if deployment and deployment.of else None

    @property
    def head(self) -> Span:
        """Where to point for a finding about the charter as a whole."""
        first = self.file.edition.span if self.file.edition else self.file.span
        return self.lifecycle.node.header_span if self.lifecycle else first
