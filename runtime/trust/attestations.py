"""Attestations: evidence that a named role vouches for, by signing exactly what was recorded.

An attestation names the result's key and the digest of each record, so it is about this measurement and no later
one. Who opened the run that measured cannot attest what it measured.
"""

from collections.abc import Iterable
from typing import Any

from charter.compiler.canonical import digest_of
from charter.compiler.ir import IR
from charter.runtime.events import EvidenceRecord
from charter.runtime.state import Finished, State
from charter.runtime.trust.acts import ActRecord, VerifiedAct, verified_act
from charter.runtime.trust.approvals import Ignored
from charter.runtime.trust.genuine import NotGenuineError
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.times import parse_time

Attested = dict[tuple[str, str, str], VerifiedAct]
"""Who attested, by stage, result key and digest of the record."""


def attestation_about(ir: IR, finished: Finished, metric: str) -> dict[str, Any]:
    """All that an attestation of a metric of one result is about."""
    records = [record for record in finished.body.evidence if record.metric == metric]
    return {
        "lifecycle": ir.lifecycle.name,
        "stage": finished.body.stage,
        "key": finished.body.key,
        "metric": metric,
        "records": [digest_of(record) for record in records],
    }


def attested_evidence(
    ir: IR, records: Iterable[ActRecord], state: State, trust: TrustRoot
) -> tuple[Attested, tuple[Ignored, ...]]:
    """What is attested so that it counts, and what is not."""
    found: Attested = {}
    ignored = []
    for record in records:
        if record.body.act != "attest":
            continue
        try:
            act = _counting(ir, record, state, trust)
        except NotGenuineError as error:
            ignored.append(Ignored(record.body.person, record.seq, str(error)))
            continue
        stage, key = str(act.about.get("stage")), str(act.about.get("key"))
        found |= {(stage, key, str(item)): act for item in act.about.get("records", ())}
    return found, tuple(ignored)


def _counting(ir: IR, record: ActRecord, state: State, trust: TrustRoot) -> VerifiedAct:
    act = verified_act(record, trust)
    if act.role not in {role.name for role in ir.roles}:
        raise NotGenuineError(f"the charter has no role `{act.role}`")
    if act.about.get("lifecycle") != ir.lifecycle.name:
        raise NotGenuineError("it is about another lifecycle")
    reason = own_work(act.person, str(act.about.get("key")), state, trust)
    if reason is not None:
        raise NotGenuineError(reason)
    return act


def own_work(person: str, key: str, state: State, trust: TrustRoot) -> str | None:
    """Why a person cannot attest a result: they measured it, or it is not known who did."""
    result = state.results.get(key)
    run = None if result is None else next((item for item in state.runs if item.run == result.body.run), None)
    who = None if result is None or run is None or run.key is None else trust.owner_at(run.key, parse_time(result.time))
    if who is None or run is None or who != run.actor:
        return "who measured it is not known, so nobody can be shown to be somebody else"
    return "they opened the run that measured it" if who == person else None


def is_attested(attested: Attested, finished: Finished, record: EvidenceRecord) -> bool:
    """Whether a record of a result is attested."""
    return (finished.body.stage, finished.body.key, digest_of(record)) in attested
