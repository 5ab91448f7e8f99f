"""A small lifecycle made by hand, and facts of its gates: what the gate tests decide about."""

from collections.abc import Callable
from typing import Any

from charter.compiler import ir
from charter.compiler.rego.bundle import BundleInput, build_bundle
from charter.compiler.rego.digest import content_digest
from charter.runtime.gates.contract import (
    ApprovalFact,
    ArtifactFact,
    CheckFact,
    EvidenceFact,
    InputFact,
    StageFact,
    WaiverFact,
)
from charter.runtime.gates.decide import Decision
from charter.runtime.gates.facts import GateFacts

Decide = Callable[..., Decision]
"""Type of the fixture `decide`."""

PLACE = ir.Place(file="sample.charter", line=1, column=1, end_line=1, end_column=2)
TIME = "2026-11-22T08:00:00Z"
TRAIN, TEST, MODEL, OTHER = (f"sha256:{digit * 64}" for digit in "1234")


_SUBJECTS = {
    "evaluate": "evaluation",
    "approve": "approval",
    "train": "model",
    "retire": "retirement",
    "acquire": "dataset",
    "define": "objective",
    "deploy": "deployment",
}


def digest(digit: str) -> str:
    return f"sha256:{digit * 64}"


def lifecycle(**changes: Any) -> ir.Lifecycle:
    fields: dict[str, Any] = {
        "name": "sample",
        "version": "1.0.0",
        "owner": "owner@example.org",
        "purpose": "To be decided about.",
        "risk": "high",
        "packs": (),
        "place": PLACE,
    }
    return ir.Lifecycle(**fields | changes)


def requirement(**changes: Any) -> ir.Requirement:
    fields: dict[str, Any] = {
        "id": "holdout.roc_auc",
        "gate": "evaluate/holdout:exit",
        "subject": "evaluation/holdout",
        "metric": "roc_auc",
        "comparison": ">=",
        "bound": 0.75,
        "unit": "ratio",
        "text": "require roc_auc >= 0.75",
        "place": PLACE,
    }
    return ir.Requirement(**fields | changes)


def approval(**changes: Any) -> ir.Approval:
    fields: dict[str, Any] = {
        "id": "release",
        "gate": "approve/release:exit",
        "subject": "approval/release",
        "role": "risk-officer",
        "quorum": 2,
        "excluding": ("owner", "trainer"),
        "valid_seconds": 30 * 86400,
        "text": "by risk-officer quorum 2",
        "place": PLACE,
    }
    return ir.Approval(**fields | changes)


def criterion(**changes: Any) -> ir.RetirementCriterion:
    fields: dict[str, Any] = {
        "id": "retirement.drift.roc_auc",
        "gate": "retire/scorecard:entry",
        "subject": "retirement/scorecard",
        "monitor": "drift",
        "metric": "roc_auc",
        "comparison": "<",
        "bound": 0.7,
        "unit": "ratio",
        "checks": 2,
        "text": "when drift.roc_auc < 0.70 for 2 checks",
        "place": PLACE,
    }
    return ir.RetirementCriterion(**fields | changes)


def policy(**changes: Any) -> ir.PolicyControl:
    fields: dict[str, Any] = {
        "id": "no-proxy@train/scorecard",
        "gate": "train/scorecard:entry",
        "subject": "policy/no-proxy",
        "package": "no_proxy",
        "path": "policies/no_proxy.rego",
        "enforce": "mandatory",
        "satisfies": ("eu-ai-act Art. 10(2)(f)",),
        "text": "policy no-proxy",
        "place": PLACE,
    }
    return ir.PolicyControl(**fields | changes)


def waiver(**changes: Any) -> ir.Waiver:
    fields: dict[str, Any] = {
        "name": "first-quarter",
        "control": "holdout.roc_auc",
        "reason": "Mended in 2.2.",
        "role": "risk-officer",
        "quorum": 1,
        "compensating": "Manual review",
        "until": "2027-03-31",
        "place": PLACE,
    }
    return ir.Waiver(**fields | changes)


def gates(controls: tuple[ir.Control, ...], *more: str) -> tuple[ir.Gate, ...]:
    """A gate for each that the controls name, and those in `more`."""
    ids = sorted({control.gate for control in controls} | set(more))
    found = []
    for gate in ids:
        stage, _, point = gate.rpartition(":")
        own = tuple(control.id for control in controls if control.gate == gate)
        found.append(ir.Gate(id=gate, stage=stage, point=point, controls=own, waits_for=()))  # type: ignore[arg-type]
    return tuple(found)


def bundle(*controls: ir.Control, **changes: Any) -> ir.Bundle:
    more = changes.pop("more_gates", ())
    source = BundleInput(
        lifecycle=changes.pop("lifecycle", lifecycle()),
        controls=controls,
        waivers=changes.pop("waivers", ()),
        gates=gates(controls, *more),
        **changes,
    )
    built, findings = build_bundle(source)
    assert built is not None, findings
    return built


def altered(
    built: ir.Bundle, *, without: tuple[str, ...] = (), more: dict[str, str] | None = None, **plan: Any
) -> ir.Bundle:
    """Another bundle, in order by its digest: other values in the plan (None: left out), other modules."""
    changed = {key: value for key, value in (built.data["charter"]["plan"] | plan).items() if value is not None}
    modules = {path: text for path, text in built.modules.items() if path not in without} | (more or {})
    data = {"charter": {"plan": changed}}
    digest = content_digest(modules, data, built.entrypoint, built.roots)
    revision = f"altered-{digest}"
    if "revision" in changed:
        changed["revision"] = revision
    return ir.Bundle(
        revision=revision, digest=digest, entrypoint=built.entrypoint, modules=modules, data=data, roots=built.roots
    )


def _stages(built: ir.Bundle) -> tuple[ir.Stage, ...]:
    """Stages with the gates that the bundle's plan knows."""
    planned = built.data.get("charter", {}).get("plan", {}).get("gates", {})
    names = sorted({gate.rpartition(":")[0] for gate in planned})

    def gate(name: str, point: Any) -> ir.Gate:
        controls = tuple(planned.get(f"{name}:{point}", ()))
        return ir.Gate(id=f"{name}:{point}", stage=name, point=point, controls=controls, waits_for=())

    return tuple(
        ir.Stage(
            id=name,
            kind=name.partition("/")[0],  # type: ignore[arg-type]
            name=name.partition("/")[2],
            subject=name,
            callable=None,
            spec={},
            inputs=(),
            after=(),
            outputs=(),
            measures=(),
            limits=ir.Limits(seconds=1, memory_bytes=1),
            entry=gate(name, "entry"),
            exit=gate(name, "exit"),
            place=PLACE,
        )
        for name in names
    )


def document(built: ir.Bundle, *declarations: ir.Declaration, **changes: Any) -> ir.IR:
    """An IR around a bundle; of the rest, only what a gate reads."""
    fields: dict[str, Any] = {
        "lifecycle": lifecycle(),
        "parameters": {},
        "roles": (),
        "declarations": {f"{item.kind}/{item.name}": item for item in declarations},
        "controls": (),
        "waivers": (),
        "stages": _stages(built),
        "edges": (),
        "bundle": built,
        "pins": {},
        "meaning": digest("a"),
        "digest": digest("b"),
    }
    return ir.IR(**fields | changes)


def declaration(kind: str, name: str, **body: Any) -> ir.Declaration:
    return ir.Declaration(kind=kind, name=name, body=body, digest=digest("c"), place=PLACE)


def provenance(**changes: Any) -> ir.Provenance:
    fields: dict[str, Any] = {
        "task": "binary-classification",
        "trainer": "tabular-mlp",
        **dict.fromkeys(("fine_tuned_from", "hosted_at", "validated_on", "aligned_with")),
        "trained_on": ir.Rows(dataset="people", part="train"),
        "learnt_from": ("people",),
        "class_": "personal",
        "class_known": True,
        "licenses": ("CC-BY-NC-4.0",),
        "commercial_use": "forbidden",
    }
    return ir.Provenance(**fields | changes)


def evidence(metric: str = "roc_auc", value: Any = 0.8, **changes: Any) -> EvidenceFact:
    fields: dict[str, Any] = {
        "metric": metric,
        "value": value,
        "grade": "measured",
        "stage": "evaluate/holdout",
        "key": "key-1",
        "digest": None,
        "unit": "ratio",
        "n": 1000,
        **dict.fromkeys(("low", "high", "confidence", "method", "each", "item", "over", "on", "attack")),
    }
    return EvidenceFact(**fields | changes)


def facts(gate: str = "evaluate/holdout:exit", **changes: Any) -> GateFacts:
    stage, _, point = gate.rpartition(":")
    kind, _, name = stage.partition("/")
    fields: dict[str, Any] = {
        "gate": gate,
        "point": point,
        "stage": stage,
        "kind": kind,
        "subject": f"{_SUBJECTS.get(kind, kind)}/{name}",
        "iteration": 1,
        "attempt": 1,
        "time": TIME,
        "actor": "runner",
        "key": "key-1",
    }
    if point == "exit" and kind not in {"define", "validate", "approve"}:
        fields["artifacts"] = {"predictions": ArtifactFact(digest=digest("5"), size=10)}
    return GateFacts(**fields | changes)


def signed(person: str, **changes: Any) -> ApprovalFact:
    fields: dict[str, Any] = {
        "approval": "release",
        "type": "approve",
        "person": person,
        "role": "risk-officer",
        "key": f"key of {person}",
        "signed_at": "2026-11-20T08:00:00Z",
        "statement_digest": digest("d"),
    }
    return ApprovalFact(**fields | changes)


def waived(**changes: Any) -> WaiverFact:
    fields: dict[str, Any] = {
        "waiver": "first-quarter",
        "person": "ann",
        "role": "risk-officer",
        "key": "key of ann",
        "signed_at": "2026-11-20T08:00:00Z",
        "statement_digest": digest("e"),
    }
    return WaiverFact(**fields | changes)


def check(number: int, *records: EvidenceFact, stage: str = "monitor/drift") -> CheckFact:
    return CheckFact(stage=stage, check=number, iteration=1, time=f"2026-11-{number:02d}T00:00:00Z", evidence=records)


def upstream(stage: str, **changes: Any) -> StageFact:
    kind, _, name = stage.partition("/")
    fields: dict[str, Any] = {
        "stage": stage,
        "kind": kind,
        "subject": f"{kind}/{name}",
        "iteration": 1,
        "exit_allowed": True,
        "inputs": {},
        "artifacts": {},
    }
    return StageFact(**fields | changes)


def flows(stage: str, artifact: str, content: str) -> InputFact:
    return InputFact(stage=stage, artifact=artifact, digest=content, size=10)


def asked(
    built: ir.Bundle, *gate: str, declarations: tuple[ir.Declaration, ...] = (), **given: Any
) -> tuple[ir.IR, GateFacts]:
    """The IR around a bundle, and the facts of one gate."""
    around = {key: given.pop(key) for key in ("lifecycle",) if key in given}
    if made := given.pop("provenance", None):
        around["models"] = made
        given.setdefault("models", dict.fromkeys(made, MODEL))
    return document(built, *declarations, **around), facts(*gate, **given)


def answer(decision: Decision) -> dict[str, Any]:
    """What must be the same on every engine; of an engine's failure, that it is one."""
    if decision.failure is not None:
        return {"allow": decision.allow, "failed": True}
    return {
        part: getattr(decision, part)
        for part in ("allow", "waiting", "violations", "warnings", "obligations", "evaluated", "input_digest")
    }
