"""in-toto: a signed verification summary (SLSA VSA 1) for what was deployed, as DSSE envelopes, one a line."""

import msgspec

from charter.runtime.audit.consequences import deployment
from charter.runtime.audit.exports.source import Exported
from charter.runtime.audit.past import Past
from charter.runtime.audit.redecide import recorded_answer
from charter.runtime.events import GateDecided
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.trace import Result
from charter.runtime.trust import dsse
from charter.runtime.trust.genuine import PAYLOAD_TYPE
from charter.runtime.trust.keys import PrivateKey
from charter.runtime.version import VERSION

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/verification_summary/v1"


def in_toto(past: Past, key: PrivateKey) -> Exported:
    """For each result of a deploy stage, what its exit gate said of its artifacts, signed with a person's key.

    Raises:
        Failure: nothing was deployed.
    """
    lines = []
    for (_, stage), item in sorted(past.state.stages.items()):
        if not stage.startswith("deploy/") or item.finished is None or item.exit is None:
            continue
        body = item.exit.body
        if body.key != item.finished.body.key or not item.finished.body.artifacts:
            continue
        result = Result(item.finished.seq, item.finished.time, item.finished.body)
        payload = msgspec.json.encode(_statement(past, result, item.exit.seq, item.exit.time, body), order="sorted")
        lines.append(dsse.seal(PAYLOAD_TYPE, payload, [key]) + b"\n")
    if not lines:
        raise Failure("nothing was deployed", "There is no package to attest.", exit_code=ExitCode.INCOMPLETE)
    return Exported(b"".join(lines), f"{len(lines)} deployments, signed with the key {key.public.id}")


def _statement(past: Past, result: Result, seq: int, time: str, body: GateDecided) -> dict[str, object]:
    lifecycle = past.runs[body.run].lifecycle if body.run in past.runs else past.ledger.origin
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": item.digest.removeprefix("sha256:")}}
            for name, item in sorted(result.body.artifacts.items())
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {"id": "urn:charter:gate", "version": {"charter": VERSION, body.engine: body.engine_version}},
            "timeVerified": time[:19] + "Z",
            "resourceUri": f"urn:charter:{lifecycle}:{result.body.stage}",
            "policy": {
                "uri": f"urn:charter:policies:{body.revision}",
                "digest": {"sha256": body.bundle.removeprefix("sha256:")},
            },
            "inputAttestations": [
                {
                    "uri": f"urn:charter:ledger:{past.ledger.origin}:{seq}",
                    "digest": {"sha256": body.input.removeprefix("sha256:")},
                }
            ],
            "verificationResult": "PASSED" if recorded_answer(body).allow else "FAILED",
            "verifiedLevels": ["CHARTER_GATE_ALLOWED"] if body.allow else [],
            "charter": {
                "record": seq,
                "gate": body.gate,
                "evaluated": list(body.evaluated),
                "live": deployment(past.state, result).live,
                "checkpoint": past.ledger.checkpoint(),
            },
        },
    }
