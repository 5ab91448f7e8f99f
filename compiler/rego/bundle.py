"""Builds the OPA bundle: the decision and its library, the packs, the charter's controls, the team's Rego."""

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from charter.compiler.codes import error
from charter.compiler.ir import (
    Approval,
    Bundle,
    Control,
    Gate,
    Lifecycle,
    PolicyControl,
    Requirement,
    RetirementCriterion,
    Waiver,
)
from charter.compiler.rego.digest import content_digest
from charter.compiler.rego.render import RenderedControl, render_controls, render_packs, rendered
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.source import Span
from charter.policies.catalogue import Pack, UnknownPack, base_modules, load_pack, pack_names

if TYPE_CHECKING:
    from charter.compiler.rego.project import ProjectPolicy

ENTRYPOINT = "charter/main/decision"
"""What to ask a bundle: `data.charter.main.decision`, as OPA writes entrypoints."""

CORE = "core"
"""The pack that always applies."""


class BundleInput(Struct, frozen=True):
    """All that a bundle is made of.

    Attributes:
        gates: every gate of the lifecycle, those without controls too: a gate that is not here denies.
        policies: the team's Rego by path as the charter writes it; every `PolicyControl.path` must be in it.
        spans: where each control (by id) and each pack (by `use policies NAME`) was written, for diagnostics.
    """

    lifecycle: Lifecycle
    controls: tuple[Control, ...]
    waivers: tuple[Waiver, ...]
    gates: tuple[Gate, ...]
    policies: Mapping[str, str] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)


def build_bundle(source: BundleInput) -> tuple[Bundle | None, tuple[Diagnostic, ...]]:
    """One bundle that decides every gate of a charter, on any OPA.

    The same input gives the same bytes. None with at least one error when a pack is unknown.
    """
    packs, findings = _packs(source)
    policies, refused = _policies(source)
    if findings or refused:
        return None, findings + refused
    modules = dict(base_modules())
    for pack in packs:
        modules |= pack.modules
    modules |= {_project_path(path): policy.text for path, policy in policies.items()}
    modules["charter/in_use.rego"] = render_packs([pack.name for pack in packs])
    modules["charter/controls.rego"] = _controls_module(source, policies)
    data = {"charter": {"plan": _plan(source, packs)}}
    roots = _roots(policies)
    modules = dict(sorted(modules.items()))
    digest = content_digest(modules, data, ENTRYPOINT, roots)
    revision = f"{source.lifecycle.name}-{digest.removeprefix('sha256:')[:16]}"
    data["charter"]["plan"]["revision"] = revision
    return Bundle(revision=revision, digest=digest, entrypoint=ENTRYPOINT, modules=modules, data=data, roots=roots), ()


def _packs(source: BundleInput) -> tuple[tuple[Pack, ...], tuple[Diagnostic, ...]]:
    packs: list[Pack] = []
    findings: list[Diagnostic] = []
    for name in sorted({CORE, *source.lifecycle.packs}):
        try:
            packs.append(load_pack(name))
        except UnknownPack as unknown:
            findings.append(_unknown_pack(unknown, source.spans.get(f"use policies {name}")))
    return tuple(packs), tuple(findings)


def _unknown_pack(unknown: UnknownPack, span: Span | None) -> Diagnostic:
    hint = f" Did you mean `{unknown.suggestion}`?" if unknown.suggestion else ""
    known = ", ".join(f"`{name}`" for name in pack_names())
    detail = f"No rule pack is called `{unknown.name}`.{hint} Installed are {known}."
    return error("CH0106", span, detail)


def _policies(source: BundleInput) -> tuple[dict[str, "ProjectPolicy"], tuple[Diagnostic, ...]]:
    """The team's own Rego, checked; the engine's parser is imported only if there is any."""
    if not source.policies:
        return {}, ()
    from charter.compiler.rego.project import check_project

    policies, problems = check_project(source.policies)
    spans = {
        control.path: source.spans.get(control.id) or source.spans.get(_policy_name(control))
        for control in source.controls
        if isinstance(control, PolicyControl)
    }
    return policies, tuple(
        error(
            problem.code,
            spans.get(problem.path),
            f"`{problem.path}`, line {problem.line}, column {problem.column}: {problem.detail}",
        )
        for problem in problems
    )


def _policy_name(control: PolicyControl) -> str:
    """A policy at several gates has one control at each: `NAME@STAGE`."""
    return control.id.partition("@")[0]


def _project_path(path: str) -> str:
    """Where a project file stands in the bundle: a name that any file system and any URL takes.

    OPA loads only what ends in `.rego`.
    """
    plain = re.sub(r"[^A-Za-z0-9._/-]", "_", path.removeprefix("./")).removesuffix(".rego") + ".rego"
    mark = "" if plain == path.removeprefix("./") else f"{hashlib.sha256(path.encode()).hexdigest()[:8]}/"
    return f"charter/project/{mark}{plain}"


def _roots(policies: Mapping[str, "ProjectPolicy"]) -> tuple[str, ...]:
    """What the bundle owns, as OPA wants it: no root inside another."""
    packages = sorted({policy.package for policy in policies.values()})
    outer: list[tuple[str, ...]] = []
    for package in packages:
        if not any(package[: len(root)] == root for root in outer):
            outer.append(package)
    return tuple(sorted({"charter", *("/".join(package) for package in outer)}))


def _controls_module(source: BundleInput, policies: Mapping[str, "ProjectPolicy"]) -> str:
    """The charter's own controls, gate by gate; a gate without any is decided by the packs alone."""
    by_id = {control.id: control for control in source.controls}
    ordered = sorted(source.gates, key=lambda gate: gate.id)
    groups = [(gate, [_rendered(by_id[control], policies) for control in gate.controls]) for gate in ordered]
    return render_controls([(gate, controls) for gate, controls in groups if controls])


def _rendered(control: Control, policies: Mapping[str, "ProjectPolicy"]) -> RenderedControl:
    policy = policies[control.path] if isinstance(control, PolicyControl) else None
    return rendered(control, remedy=_remedy(control), clauses=_clauses(control), policy=policy)


def _clauses(control: Control) -> tuple[str, ...]:
    return control.satisfies if isinstance(control, PolicyControl) else ()


def _remedy(control: Control) -> str:
    """What to do when the control is breached, in a sentence."""
    if isinstance(control, Requirement):
        return f"mend what `{control.metric}` measures and run again, or have another bound reviewed"
    if isinstance(control, Approval):
        name = control.gate.partition(":")[0].partition("/")[2]
        return f"ask people of role `{control.role}` to review and sign: `charter approve {name}`"
    if isinstance(control, RetirementCriterion):
        return "nothing to do until the criterion is met"
    return f"mend what `{control.path}` objects to"


def _plan(source: BundleInput, packs: tuple[Pack, ...]) -> dict[str, Any]:
    return {
        "lifecycle": source.lifecycle.name,
        "gates": {gate.id: list(gate.controls) for gate in sorted(source.gates, key=lambda gate: gate.id)},
        "controls": {control.id: _about(control) for control in sorted(source.controls, key=lambda item: item.id)},
        "packs": {pack.name: {rule: f"{pack.name}/{rule}" for rule in sorted(pack.rules)} for pack in packs},
        "rules": {f"{pack.name}/{rule}": _rule(pack, rule) for pack in packs for rule in sorted(pack.rules)},
        "waivers": {waiver.name: _waiver(waiver) for waiver in sorted(source.waivers, key=lambda item: item.name)},
    }


def _rule(pack: Pack, rule: str) -> dict[str, Any]:
    about = pack.rules[rule]
    return {
        "policy": pack.name,
        "rule": rule,
        "title": about["title"],
        "enforce": about["severity"],
        "clauses": list(about["clauses"]),
        "remedy": about["remedy"],
    }


def _about(control: Control) -> dict[str, Any]:
    """What the decision says about a control beside its findings."""
    return {
        "kind": _kind(control),
        "policy": _policy_name(control) if isinstance(control, PolicyControl) else "charter",
        "title": control.text,
        "subject": control.subject,
        "enforce": "mandatory" if isinstance(control, RetirementCriterion) else control.enforce,
        "clauses": list(_clauses(control)),
        "remedy": _remedy(control),
        "reaction": control.reaction if isinstance(control, Requirement) else None,
        "to": control.reaction_to if isinstance(control, Requirement) else None,
    }


def _kind(control: Control) -> str:
    tag = type(control).__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {
        "control": waiver.control,
        "role": waiver.role,
        "quorum": waiver.quorum,
        "until": waiver.until,
        "reason": waiver.reason,
        "compensating": waiver.compensating,
    }
