"""What each stage's callable is told: its spec, callable, limits and seed, in normal form."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct, field

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.generative import made_of, needs_generation, text_only, told
from charter.compiler.graph import Node
from charter.compiler.ir import Limits
from charter.compiler.normal import normal_body, normal_value, steps
from charter.compiler.not_run import REFUSAL
from charter.compiler.units import as_json
from charter.dsl import ast

GIBIBYTE = 2**30
TRAINING_LIMITS = Limits(seconds=600.0, memory_bytes=4 * GIBIBYTE)
OTHER_LIMITS = Limits(seconds=300.0, memory_bytes=4 * GIBIBYTE)


class Work(Struct, frozen=True):
    """What a stage does: `callable` is None where there is no work."""

    callable: str | None
    spec: Mapping[str, Any]
    limits: Limits = OTHER_LIMITS
    project_code: bool = False
    seed: int = 0
    every_seconds: int | None = None


class Specs(Struct, frozen=True, dict=True):
    """What the functions here share.

    Attributes:
        schemas: the JSON Schema of each dataset that names one.
        not_run: by stage, what no stage of this version can do.
    """

    charter: model.Charter
    schemas: Mapping[str, Any] = field(default_factory=dict)
    not_run: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def texts(self) -> frozenset[str]:
        """Names of the datasets that only models which make text use: their target is a text and no class."""
        return text_only(self.charter)

    def work(self, node: Node) -> Work:
        """The work of one stage; refused where the charter asks for what cannot be run yet."""
        work = _BY_KIND[node.kind](self, node.declared)
        reasons = self.not_run.get(node.id)
        if reasons is None:
            return work
        spec = {**work.spec, "not_run": list(reasons)}
        return msgspec.structs.replace(work, callable=REFUSAL, spec=spec, project_code=False)


def _builtin(module: str, function: str | None = None) -> str:
    return f"charter.runtime.stages.{module}:{function or module}"


def _text(name: ast.Name | None) -> str | None:
    return name.text if name else None


def _columns(dataset: model.Dataset | None) -> dict[str, Any]:
    """Columns with a meaning: what every stage that touches the rows has to know."""
    return {
        "target": _text(dataset.target) if dataset else None,
        "protected": [name.text for name in dataset.protected] if dataset else [],
        "personal": _telling_apart(dataset) if dataset else [],
    }


def _telling_apart(dataset: model.Dataset) -> list[str]:
    """Columns that tell people, or what the split groups by, apart: no model may learn from them."""
    columns = [name.text for name in dataset.personal]
    by = dataset.split.grouped_by if dataset.split else None
    return columns if by is None or by.text in columns else [*columns, by.text]


def _nothing(specs: Specs, declared: model.Declared) -> Work:
    return Work(None, {})


def _acquire(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Dataset)
    source = declared.source
    location = source.location.value if source and source.location else ""
    form = source.format if source else ""
    if declared.labels is not None:
        return Work(_builtin("acquire"), _feedback(specs, declared))
    columns = _columns(declared)
    named = [columns["target"]] if columns["target"] else []
    # Groups that `bin` makes are not in the source yet.
    clause = declared.clause("prepare")
    made = {step.get("into") for step in steps(clause, specs.charter)} if clause else set()
    spec = {
        "format": form,
        "location": location,
        "columns": sorted({*named, *columns["protected"], *columns["personal"]} - made),
    }
    if form == "python":
        return Work(location, {**spec, **columns}, project_code=True)
    if form == "sql" and source is not None:
        spec |= {key: read.word(source.clause, key) for key in ("secret", "query")}
    return Work(_builtin("acquire"), spec)


def _feedback(specs: Specs, declared: model.Dataset) -> dict[str, Any]:
    """What a deployment has served, joined with the outcomes that arrived later."""
    labels = normal_body(declared, specs.charter)["labels"]
    return {
        "deployment": _text(declared.of),
        "labels": {"after": 0, **labels},
        "join_on": _text(declared.join_on),
        **_columns(declared if declared.target else specs.charter.served_from(declared)),
    }


def _prepare(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Dataset)
    clause = declared.clause("prepare")
    done = steps(clause, specs.charter) if clause else []
    for step in done:
        for key in ("columns", "at"):
            if key in step and not isinstance(step[key], list):
                step[key] = [step[key]]
    split = split_spec(declared.split) if declared.split else None
    return Work(_builtin("prepare"), {"steps": done, "split": split, **_columns(declared)})


def split_spec(split: model.Split) -> dict[str, Any]:
    """Shares of the parts in [0, 1], the column that keeps its proportions or its rows together, and the seed."""
    spec = {
        "parts": {name.text: as_json(share) for name, share in split.parts if share is not None},
        "stratified_by": _text(split.stratified_by),
        "seed": split.seed,
    }
    return spec if split.grouped_by is None else {**spec, "grouped_by": split.grouped_by.text}


def _validate(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Dataset)
    return Work(_builtin("validate"), {"schema": specs.schemas.get(declared.name), **_columns(declared)})


def _split(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Dataset) and declared.split is not None
    spec = split_spec(declared.split)
    target = _text(declared.target) if declared.name not in specs.texts else None
    return Work(_builtin("split"), {**spec, "target": target}, seed=declared.split.seed)


def _train(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Model)
    given = normal_value(declared.parameters, specs.charter) if declared.parameters else {}
    seed = given.get("seed", 0)
    spec = {"task": declared.task, **_columns(specs.charter.learnt_from(declared.name)), "parameters": given}
    own = declared.trainer_kind == "python"
    called = read_trainer(declared)
    work = called if own else _builtin("train", called.replace("-", "_"))
    if declared.generative:
        spec |= made_of(declared, specs.charter)
        own = own and not needs_generation(declared)
    spec |= _said(declared, specs, ("tune",))
    return Work(
        work,
        spec,
        limits=_limits(declared, specs.charter),
        project_code=own,
        seed=seed if isinstance(seed, int) else 0,
    )


def read_trainer(declared: model.Model) -> str:
    """The built-in trainer's name, or `module:function`."""
    match declared.trainer:
        case ast.Name():
            return declared.trainer.text
        case ast.Text():
            return declared.trainer.value
    return ""


def _limits(declared: model.Model, charter: model.Charter) -> Limits:
    given = normal_value(declared.limits, charter) if declared.limits else {}
    return Limits(
        seconds=float(given.get("time", TRAINING_LIMITS.seconds)),
        memory_bytes=int(given.get("memory", TRAINING_LIMITS.memory_bytes)),
        gpus=int(given.get("gpus", 0)),
    )


def _evaluate(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Evaluation)
    measured = specs.charter.datasets.get(declared.on.parts[0]) if declared.on else None
    return _on_model(specs, _text(declared.of), "evaluate", _columns(measured))


def _on_model(specs: Specs, name: str | None, kind: str, rest: Mapping[str, Any], every: int | None = None) -> Work:
    """Work on a model: of a generative one with what it is told, which is part of every result."""
    declared = specs.charter.models.get(name or "")
    spec = {"task": declared.task if declared else "", **rest}
    if declared is not None and declared.generative:
        spec |= told(declared, specs.charter)
    return Work(_builtin(kind), spec, every_seconds=every)


def _deploy(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Deployment)
    name = _text(declared.of)
    spec = {
        "package": declared.package,
        "serve": declared.serve,
        "model": name,
        **_columns(specs.charter.learnt_from(name or "")),
        **_said(declared, specs, ("rollout", "rollback", "fallback")),
    }
    quantised = read.word(declared.clause("package"), "quantise")
    if quantised:
        spec["quantise"] = quantised
    return _on_model(specs, name, "deploy", spec)


def _said(declared: model.Declared, specs: Specs, keywords: tuple[str, ...]) -> dict[str, Any]:
    """Those of its clauses that are there, in normal form."""
    body = normal_body(declared, specs.charter)
    return {keyword: body[keyword] for keyword in keywords if keyword in body}


def _monitor(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Monitor)
    deployment = _text(declared.of)
    name = specs.charter.watched(declared)
    spec = {
        "deployment": deployment,
        "source": "dataset" if declared.on else "inference-log",
        **_columns(specs.charter.learnt_from(name)),
        **_said(declared, specs, ("learn",)),
    }
    every = int(declared.every.value) if declared.every else None
    return _on_model(specs, name, "monitor", spec, every)


def _retire(specs: Specs, declared: model.Declared) -> Work:
    assert isinstance(declared, model.Retirement)
    name = _text(declared.of)
    lessons = read.text(declared.clause("lessons"), "path")
    spec = {
        "model": name,
        "archive": _archive(declared, specs.charter),
        "erase": [_erasure(clause, specs.charter) for clause in declared.clauses("erase")],
        "lessons": lessons.value if lessons else None,
        "notify": [read.word(clause, "who") for clause in declared.clauses("notify")],
        "deployments": sorted(d.name for d in specs.charter.deployments.values() if d.of and d.of.text == name),
    }
    return Work(_builtin("retire"), spec)


def _archive(declared: model.Retirement, charter: model.Charter) -> dict[str, Any] | None:
    clause = declared.clause("archive")
    if clause is None:
        return None
    kept = read.names(clause, "what")
    lasting = clause.arguments.get("for")
    return {
        "what": [name.text for name in kept],
        "seconds": normal_value(lasting, charter) if lasting else None,
    }


def _erasure(clause: ast.Clause, charter: model.Charter) -> dict[str, Any]:
    lasting = clause.arguments.get("after")
    return {
        "dataset": read.word(clause, "dataset"),
        "after_seconds": normal_value(lasting, charter) if lasting else 0,
    }


_BY_KIND: Mapping[str, Callable[[Specs, Any], Work]] = {
    "define": _nothing,
    "acquire": _acquire,
    "prepare": _prepare,
    "validate": _validate,
    "split": _split,
    "train": _train,
    "evaluate": _evaluate,
    "approve": _nothing,
    "deploy": _deploy,
    "monitor": _monitor,
    "retire": _retire,
}
