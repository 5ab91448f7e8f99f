"""OCSF 1.4 (Open Cybersecurity Schema Framework): each decision as a Compliance Finding, one JSON document a line."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from charter.runtime.audit.exports.source import Exported, decided, unmet, waiver_of
from charter.runtime.audit.past import Past
from charter.runtime.audit.redecide import recorded_answer
from charter.runtime.events import GateDecided
from charter.runtime.version import VERSION

OCSF_VERSION = "1.4.0"
_CLASS = 2003
_CREATE = 1
_STATUS = {"allowed": (1, "Pass"), "waiting": (2, "Warning"), "denied": (3, "Fail")}
_SEVERITY = {"allowed": (1, "Informational"), "waiting": (2, "Low"), "denied": (4, "High")}
_LIFECYCLE = {"New": 1}


def ocsf(past: Past) -> Exported:
    """Every decision; other records have no class of their own in OCSF."""
    found = [_finding(past, seq, time, body) for seq, time, body in decided(past)]
    text = "".join(json.dumps(item, ensure_ascii=True) + "\n" for item in found)
    others = len(past.events) - len(past.decisions)
    return Exported(text.encode(), f"{len(found)} decisions", f"{others} records that are no decisions")


def _finding(past: Past, seq: int, time: str, body: GateDecided) -> dict[str, Any]:
    word = recorded_answer(body).word
    breaches = unmet(body)
    graded = "waiting" if body.allow and breaches else word
    status_id, status = _STATUS[graded]
    severity_id, severity = _SEVERITY[graded]
    milliseconds = int(datetime.fromisoformat(time).timestamp() * 1000)
    reasons = [f"{item.get('message', '')}{waiver_of(item)}" for item in breaches]
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Compliance Finding",
        "type_uid": _CLASS * 100 + _CREATE,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": _LIFECYCLE["New"],
        "status": "New",
        "time": milliseconds,
        "message": f"{body.gate}: {word}",
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Charter", "vendor_name": "Charter", "version": VERSION},
            "log_name": past.ledger.origin,
            "sequence": seq,
            "uid": f"{past.ledger.origin}#{seq}",
        },
        "finding_info": {
            "uid": f"{past.ledger.origin}#{seq}",
            "title": f"Gate {body.gate}",
            "created_time": milliseconds,
            "desc": "; ".join(reasons) or "every control was met",
        },
        "compliance": {
            "standards": _standards(body),
            "requirements": list(body.evaluated) or ["gate"],
            "control": body.gate,
            "status_id": status_id,
            "status": status,
            "status_details": reasons,
        },
        "resources": [{"uid": body.key, "name": body.stage, "type": "stage", "version": str(body.iteration)}],
        "unmapped": {"input": body.input, "bundle": body.bundle, "engine": f"{body.engine} {body.engine_version}"},
    }


def _standards(body: GateDecided) -> list[str]:
    """The clauses that findings name; without one, the policies that decided."""
    findings: tuple[Mapping[str, Any], ...] = (*body.violations, *body.warnings)
    clauses = {str(clause) for item in findings for clause in item.get("clauses") or ()}
    return sorted(clauses) or [f"policies {body.revision}"]
