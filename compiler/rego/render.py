"""Renders the charter's controls as readable Rego; Jinja2 is imported only if something is rendered."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from charter.compiler.ir import Approval, Control, Gate, Requirement, RetirementCriterion

if TYPE_CHECKING:
    from jinja2 import Environment

    from charter.compiler.rego.project import ProjectPolicy


class RenderedControl(Struct, frozen=True):
    """What the template of one control is given; `template` names the file of its kind."""

    id: str
    text: str
    severity: str
    clauses: tuple[str, ...]
    evidence: str
    remedy: str
    template: str
    wanted: Mapping[str, Any]
    test: str = ""
    checks: int = 1
    denials: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    warnings: str = "[]"


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

REPORT = "compliance_report"
"""Name of the document that libraries of compliance policies publish, beside `allow`."""

_PACKS_HEAD = """# METADATA
# title: Packs in use
# description: Generated from the charter. What each pack says of its rules.
package charter.in_use"""

_LIBRARIES = {
    "requirement.rego.j2": "evidence",
    "approval.rego.j2": "approval",
    "retirement.rego.j2": "retirement",
    "policy.rego.j2": "project",
}


def render_controls(groups: Sequence[tuple[Gate, Sequence[RenderedControl]]]) -> str:
    """The Rego module of all controls, grouped by gate; without any, only its package."""
    if not groups:
        return "# Generated: the charter puts no control of its own at any gate.\npackage charter.controls\n"
    used = {control.template for _, controls in groups for control in controls}
    libraries = sorted(_LIBRARIES[template] for template in used)
    return _environment().get_template("controls.rego.j2").render(groups=groups, libraries=libraries)


def render_packs(names: Sequence[str]) -> str:
    """The Rego module that reads each pack by its full name.

    A name that is only known when it is evaluated would have regorus evaluate every rule of every pack.
    """
    return "\n\n".join((_PACKS_HEAD, *map(_pack, names))) + "\n"


def _pack(name: str) -> str:
    pack = f"data.charter.packs{_step(name)}"
    return f"""says[{rego(name)}] := {{
\t"met": {pack}.met,
\t"not_applicable": {pack}.not_applicable,
}}

because[{rego(name)}] := {pack}.because"""


def rendered(
    control: Control, *, remedy: str, clauses: tuple[str, ...], policy: "ProjectPolicy | None" = None
) -> RenderedControl:
    """The parts of one control's rule; `policy` is the checked file of a `PolicyControl`."""
    if isinstance(control, Requirement):
        return RenderedControl(
            id=control.id,
            text=control.text,
            severity=control.enforce,
            clauses=clauses,
            evidence=control.metric,
            remedy=remedy,
            template="requirement.rego.j2",
            wanted=_wanted(control),
            test=_requirement_test(control),
            checks=control.checks or 1,
        )
    if isinstance(control, Approval):
        return RenderedControl(
            id=control.id,
            text=control.text,
            severity=control.enforce,
            clauses=clauses,
            evidence="signed approvals",
            remedy=remedy,
            template="approval.rego.j2",
            wanted={
                "approval": control.gate.partition(":")[0].partition("/")[2],
                "role": control.role,
                "quorum": control.quorum,
                "excluding": control.excluding,
                "valid_seconds": control.valid_seconds,
            },
        )
    if isinstance(control, RetirementCriterion):
        return RenderedControl(
            id=control.id,
            text=control.text,
            severity="mandatory",
            clauses=clauses,
            evidence=control.metric,
            remedy=remedy,
            template="retirement.rego.j2",
            wanted={
                "stage": None if control.monitor is None else f"monitor/{control.monitor.removeprefix('monitor/')}",
                "name": control.metric if control.monitor is None else f"{control.monitor}.{control.metric}",
                "metric": control.metric,
                "comparison": control.comparison,
                "bound": number(control.bound),
                "checks": control.checks,
                "least_grade": "measured",
            },
            test=f"item.value {control.comparison} {rego(number(control.bound))}",
        )
    return RenderedControl(
        id=control.id,
        text=control.text,
        severity=control.enforce,
        clauses=clauses,
        evidence=control.path,
        remedy=remedy,
        template="policy.rego.j2",
        wanted={},
        **_rules(policy),
    )


def _rules(policy: "ProjectPolicy | None") -> dict[str, Any]:
    """Rego references to what a project policy decides by."""
    assert policy is not None, "a policy control whose file was not checked"
    package = "".join(["data", *(_step(part) for part in policy.package)])
    warnings = ", ".join(f"{package}{_step(name)}" for name in policy.warnings)
    return {
        "denials": tuple(f"{package}{_step(name)}" for name in policy.denials),
        "allows": (f"{package}.allow",) if policy.allow else (),
        "reports": (f"{package}.{REPORT}",) if policy.report else (),
        "warnings": f"project.warnings(union({{{warnings}}}))" if warnings else "[]",
    }


def _step(name: str) -> str:
    return f".{name}" if _NAME.fullmatch(name) else f"[{rego(name)}]"


def number(value: float) -> int | float:
    """Whole numbers without a point: `5000.0` becomes 5000."""
    return int(value) if value == int(value) else value


def rego(value: Any) -> str:
    """A value as Rego text. JSON is a subset of Rego's terms, so nothing in a name can become code."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def yaml(value: Any) -> str:
    """A value as YAML, for METADATA. JSON is a subset of it but for characters beyond U+FFFF."""
    return _ESCAPES.sub(_yaml_escape, rego(value))


_ESCAPES = re.compile(r"\\\\|\\u(d[89ab]..)\\u(d[c-f]..)|\\ud[89a-f]..")


def _yaml_escape(match: re.Match[str]) -> str:
    high, low = match.groups()
    if high is not None:
        return f"\\U{0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF):08x}"
    return match[0] if match[0] == "\\\\" else "\\ufffd"


def attack_name(attack: Mapping[str, Any] | None) -> str | None:
    """An attack as evidence names it."""
    return None if attack is None else json.dumps(attack, sort_keys=True, separators=(",", ":"))


def _wanted(control: Requirement) -> dict[str, Any]:
    return {
        "metric": control.metric,
        "each": control.each,
        "over": control.over,
        "on": control.on,
        "attack": attack_name(control.attack),
        "comparison": control.comparison,
        "bound": number(control.bound),
        "confidence": control.confidence,
        "least_grade": control.least_grade,
    }


def _requirement_test(control: Requirement) -> str:
    """The comparison itself; with a confidence, of the interval's worse end."""
    bound = rego(number(control.bound))
    if control.confidence is None:
        return f"item.value {control.comparison} {bound}"
    if control.comparison == "==":
        return f"item.low == {bound}; item.high == {bound}"
    end = "low" if control.comparison in {">=", ">"} else "high"
    return f"item.{end} {control.comparison} {bound}"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Rego, not HTML: every value passes through `rego` or `yaml`, which are JSON.
    environment = Environment(  # noqa: S701
        loader=PackageLoader("charter.compiler.rego", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["rego"] = rego
    environment.filters["yaml"] = yaml
    return environment
