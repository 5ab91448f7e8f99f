"""OSCAL 1.1 assessment results (NIST): what each control's latest decision said, with its evidence as observations."""

import json
import re
from typing import Any

from charter.runtime.audit.exports.source import (
    Exported,
    decided,
    identifier,
    last_time,
    latest_run,
    unmet,
    waiver_of,
)
from charter.runtime.audit.past import Past
from charter.runtime.audit.redecide import about, recorded_answer
from charter.runtime.events import GateDecided
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.version import VERSION

OSCAL_VERSION = "1.1.3"
NAMESPACE = "urn:charter:oscal"


def oscal(past: Past) -> Exported:
    """One result: an observation a decision, and a finding for each control by the latest decision that evaluated it.

    Raises:
        Failure: nothing was decided, and OSCAL has no room for a result without controls.
    """
    decisions, run = decided(past), latest_run(past)
    latest: dict[str, tuple[int, GateDecided]] = {}
    for seq, _, body in decisions:
        for control in {*body.evaluated, *(str(item.get("control")) for item in unmet(body))}:
            latest[control] = (seq, body)
    if run is None or not latest:
        raise Failure("nothing to export", "No gate was decided yet.", exit_code=ExitCode.INCOMPLETE)
    plan = identifier(past, "plan")
    result = {
        "uuid": identifier(past, "result"),
        "title": f"Decisions of {run.lifecycle} {run.version}",
        "description": f"What gates decided, as recorded in the ledger {past.ledger.origin}.",
        "start": decisions[0][1],
        "end": decisions[-1][1],
        "props": _props(ledger=past.ledger.origin, records=past.ledger.size, root=past.ledger.root.hex()),
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": _token(name)} for name in sorted(latest)]}]
        },
        "observations": [_observation(past, seq, time, body) for seq, time, body in decisions],
        "findings": [_finding(past, name, *latest[name]) for name in sorted(latest)],
    }
    document = {
        "assessment-results": {
            "uuid": identifier(past, "assessment-results"),
            "metadata": {
                "title": f"Assessment of {run.lifecycle}",
                "last-modified": last_time(past),
                "version": run.version,
                "oscal-version": OSCAL_VERSION,
                "props": _props(made_by=f"Charter {VERSION}"),
            },
            "import-ap": {"href": f"#{plan}", "remarks": "The charter, compiled; its policies are the plan."},
            "results": [result],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "Compiled charter",
                        "rlinks": [
                            {
                                "href": f"{run.ir}.json",
                                "hashes": [{"algorithm": "SHA-256", "value": run.ir.removeprefix("sha256:")}],
                            }
                        ],
                    }
                ]
            },
        }
    }
    data = json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n"
    return Exported(data, f"{len(decisions)} decisions about {len(latest)} controls")


def _observation(past: Past, seq: int, time: str, body: GateDecided) -> dict[str, Any]:
    answer = recorded_answer(body)
    reasons = "; ".join(f"{about(item)}{waiver_of(item)}" for item in unmet(body)) or "every control was met"
    return {
        "uuid": identifier(past, "decision", seq),
        "title": _line(body.gate),
        "description": _line(f"{answer.word}: {reasons}"),
        "methods": ["TEST"],
        "types": ["control-objective"],
        "collected": time,
        "props": _props(
            record=seq, gate=body.gate, outcome=answer.word, input=body.input, policies=body.bundle,
            engine=f"{body.engine} {body.engine_version}", result=body.key or "none",
        ),
    }  # fmt: skip


def _finding(past: Past, control: str, seq: int, body: GateDecided) -> dict[str, Any]:
    against = [item for item in unmet(body) if item.get("control") == control]
    said = "; ".join(f"{item.get('message', '')}{waiver_of(item)}" for item in against) or "met"
    return {
        "uuid": identifier(past, "control", control),
        "title": _line(control),
        "description": _line(said),
        "target": {
            "type": "objective-id",
            "target-id": _token(control),
            "status": {"state": "not-satisfied" if against else "satisfied"},
        },
        "props": _props(control=control, record=seq),
        "related-observations": [{"observation-uuid": identifier(past, "decision", seq)}],
    }


def _props(**values: object) -> list[dict[str, str]]:
    return [{"name": name.replace("_", "-"), "ns": NAMESPACE, "value": _line(value)} for name, value in values.items()]


def _token(control: str) -> str:
    """A control's id as OSCAL's tokens are: letters, digits, `.`, `-`, `_`; the exact id is among the properties."""
    return re.sub(r"^([^A-Za-z_])", r"_\1", re.sub(r"[^A-Za-z0-9._-]", ".", control)) or "_"


def _line(value: object) -> str:
    """Text without line ends and blank edges, which OSCAL's strings do not take."""
    return " ".join(str(value).split()) or "none"
