"""Evidence that somebody else stands by: a named role attests what was recorded, or a person measured it again.

Both acts name the result's key and the digest of each record, so they are about this measurement and no later
one. Who opened the run that measured can do neither, nor who trained a model that was measured: it is their own work.
"""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from charter.compiler.canonical import digest_of
from charter.compiler.ir import IR, Stage
from charter.runtime.events import EvidenceRecord
from charter.runtime.evidence import Grade
from charter.runtime.state import Finished, State
from charter.runtime.trust.acts import ActRecord, VerifiedAct, verified_act
from charter.runtime.trust.approvals import Ignored
from charter.runtime.trust.duties import trainers
from charter.runtime.trust.genuine import NotGenuineError
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import ancestry
from charter.runtime.trust.times import parse_time

Given = Literal["attested", "reproduced"]


class Raised(Struct, frozen=True):
    """The grade that people's acts give a record, and the people who gave just this one."""

    grade: Given
    by: tuple[str, ...]


Attested = dict[tuple[str, str, str], Raised]
"""What people's acts give, by stage, result key and digest of the record."""

GRADES: dict[str, Given] = {"attest": "attested", "reproduce": "reproduced"}
"""The grade that each act gives; the later in this order is the higher."""


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
    lowest_first = list(GRADES)
    acts = [record for record in records if record.body.act in GRADES]
    acts.sort(key=lambda record: lowest_first.index(record.body.act))
    for record in acts:
        try:
            act = _counting(ir, record, state, trust)
        except NotGenuineError as error:
            ignored.append(Ignored(record.body.person, record.seq, str(error)))
            continue
        stage, key, grade = str(act.about.get("stage")), str(act.about.get("key")), GRADES[record.body.act]
        for at in ((stage, key, str(item)) for item in act.about.get("records", ())):
            before = found.get(at)
            others = before.by if before is not None and before.grade == grade else ()
            found[at] = Raised(grade, (*others, act.person) if act.person not in others else others)
    return found, tuple(ignored)


def _counting(ir: IR, record: ActRecord, state: State, trust: TrustRoot) -> VerifiedAct:
    act = verified_act(record, trust)
    if record.body.act == "attest" and act.role not in {role.name for role in ir.roles}:
        raise NotGenuineError(f"the charter has no role `{act.role}`")
    if act.about.get("lifecycle") != ir.lifecycle.name:
        raise NotGenuineError("it is about another lifecycle")
    reason = own_work(ir, act.person, str(act.about.get("key")), state, trust)
    if reason is not None:
        raise NotGenuineError(reason)
    return act


def own_work(ir: IR, person: str, key: str, state: State, trust: TrustRoot) -> str | None:
    """Why a person cannot stand by a result: they measured it or made its model, or it is not known who did."""
    result = state.results.get(key)
    run = None if result is None else next((item for item in state.runs if item.run == result.body.run), None)
    who = None if result is None or run is None or run.key is None else trust.owner_at(run.key, parse_time(result.time))
    if result is None or who is None or run is None or who != run.actor:
        return "who measured it is not known, so nobody can be shown to be somebody else"
    if who == person:
        return "they opened the run that measured it"
    makers = trainers(_models_before(ir, result.body.stage), state, trust)
    if makers is None:
        return "who trained the model is not known, so nobody can be shown to be somebody else"
    return "they opened the run that trained the model" if person in makers else None


def _models_before(ir: IR, name: str) -> tuple[Stage, ...]:
    """The training stages that a stage follows from; none of a stage that the charter has no more."""
    if all(stage.id != name for stage in ir.stages):
        return ()
    return tuple(stage for stage in ancestry(ir, name) if stage.kind == "train")


def grade_of(attested: Attested, finished: Finished, record: EvidenceRecord) -> Grade:
    """The grade of a record of a result: the runtime's, or a higher one that people give it.

    A role may vouch for what was only declared. Nobody can have measured that again: it was not measured once.
    """
    raised = _raised(attested, finished, record)
    return record.grade if raised is None else raised.grade


def raised_by(attested: Attested, finished: Finished, record: EvidenceRecord) -> tuple[str, ...]:
    """The people who give a record the grade that it has; nobody where that is the runtime's."""
    raised = _raised(attested, finished, record)
    return () if raised is None else raised.by


_LIFTABLE = {"attested": {"declared", "measured"}, "reproduced": {"measured", "attested"}}


def _raised(attested: Attested, finished: Finished, record: EvidenceRecord) -> Raised | None:
    given = attested.get((finished.body.stage, finished.body.key, digest_of(record)))
    return given if given is not None and record.grade in _LIFTABLE[given.grade] else None
