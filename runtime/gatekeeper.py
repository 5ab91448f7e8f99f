"""Asks at a gate: gathers what the ledger knows, has it decided, and shapes the decision for the record."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from charter.compiler.ir import IR, Approval, Gate, Stage
from charter.runtime.assess import Assessment
from charter.runtime.events import GateDecided
from charter.runtime.evidence import decimal, policy_evidence
from charter.runtime.gates.contract import (
    ApprovalFact,
    ArtifactFact,
    CheckFact,
    EvidenceFact,
    InputFact,
    StageFact,
)
from charter.runtime.gates.decide import decide_gate, refuse_gate
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.facts import GateFacts, evidence_fact
from charter.runtime.journal import Journal
from charter.runtime.people import People
from charter.runtime.recalls import recall_in_force
from charter.runtime.state import Finished

if TYPE_CHECKING:
    from charter.runtime.trust.attestations import Attested

_LOOKS_BACK = frozenset({"evaluate", "approve", "deploy", "retire"})
"""Kinds whose gates are about all that led here; the others are about what flows in."""


class Gatekeeper:
    """Decides gates of one IR with one engine. Deciding has no effect; recording is the caller's."""

    def __init__(self, ir: IR, engine: PolicyEngine, journal: Journal, people: People, actor: str) -> None:
        self.ir = ir
        self.engine = engine
        self.journal = journal
        self.people = people
        self.actor = actor
        self._stages = {stage.id: stage for stage in ir.stages}
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self._models = _models_by_stage(ir)
        self._approvals = {control.gate: control for control in ir.controls if isinstance(control, Approval)}

    def decide(
        self, *, run: str, stage: Stage, gate: Gate, now: Assessment, known: Mapping[str, Assessment]
    ) -> tuple[GateDecided, bytes, bool]:
        """One decision as it will be recorded, the exact input bytes, and whether the engine failed."""
        facts = self._facts(stage, gate, now, known)
        recalled = recall_in_force(self.people.project, self.journal, stage.id, now.key or "")
        decision = (
            decide_gate(self.engine, self.ir, facts)
            if recalled is None
            else refuse_gate(self.engine, self.ir, facts, "recalled", recalled)
        )
        body = GateDecided(
            run=run,
            gate=gate.id,
            stage=stage.id,
            point=gate.point,
            iteration=facts.iteration,
            key=now.key or "",
            allow=decision.allow,
            waiting=decision.waiting,
            time=facts.time,
            actor=self.actor,
            input=decision.input_digest,
            subject=stage.subject,
            content=_content(facts),
            bundle=decision.bundle_digest,
            revision=decision.revision,
            entrypoint=decision.entrypoint,
            engine=decision.engine,
            engine_version=decision.engine_version,
            engine_digest=decision.engine_digest,
            violations=tuple(map(recordable, decision.violations)),
            warnings=tuple(map(recordable, decision.warnings)),
            obligations=tuple(map(recordable, decision.obligations)),
            evaluated=decision.evaluated,
            check=now.check,
        )
        return body, decision.input, decision.failure is not None and recalled is None

    def dossier(self, stage: Stage, known: Mapping[str, Assessment]) -> dict[str, Any]:
        """What model cards and archives tell: the lifecycle, and the evidence and decisions that led here."""
        if stage.kind not in {"deploy", "retire"}:
            return {}
        state = self.journal.state
        evidence: list[dict[str, Any]] = []
        decisions: list[dict[str, Any]] = []
        for name in self._upstream(stage):
            result = known[name].result
            if result is not None:
                evidence += [policy_evidence(record) | {"stage": name} for record in result.body.evidence]
            for decided in (state.stage(name).entry, state.stage(name).exit):
                if decided is not None:
                    decisions.append(
                        {
                            "gate": decided.body.gate,
                            "allow": decided.body.allow,
                            "time": decided.time,
                            "seq": decided.seq,
                        }
                    )
        lifecycle: dict[str, Any] = msgspec.to_builtins(self.ir.lifecycle)
        del lifecycle["place"]
        return {
            "lifecycle": lifecycle,
            "meaning": self.ir.meaning,
            "declarations": {name: dict(item.body) for name, item in self.ir.declarations.items()},
            "controls": [
                {"id": control.id, "text": control.text, "gate": control.gate} for control in self.ir.controls
            ],
            "evidence": evidence,
            "decisions": decisions,
        }

    # -- what the policy input is made of

    def _facts(self, stage: Stage, gate: Gate, now: Assessment, known: Mapping[str, Assessment]) -> GateFacts:
        state = self.journal.state
        upstream = self._upstream(stage) if stage.kind in _LOOKS_BACK else stage.entry.waits_for
        own = now.result if gate.point == "exit" else None
        time = self.journal.now()
        approval = self._approvals.get(gate.id)
        return GateFacts(
            gate=gate.id,
            point=gate.point,
            stage=stage.id,
            kind=stage.kind,
            subject=stage.subject,
            iteration=state.iteration,
            attempt=state.attempts.get((state.iteration, gate.id, now.check), 0) + 1,
            time=rfc3339(time),
            actor=self.actor,
            key=now.key,
            source_stages=stage.entry.waits_for if gate.point == "entry" else (stage.id,),
            target=stage.id if gate.point == "entry" else None,
            evidence=self._evidence(stage, gate, upstream, own, known, time),
            artifacts={} if own is None else _artifacts(own),
            inputs=_inputs(stage, known),
            lineage=tuple(self._lineage(name, known) for name in upstream),
            models=self._made(stage, own, known),
            people=self.people.duties(self.ir, approval, state) if approval else {},
            approvals=self._signatures(approval, now, known, time) if approval else (),
            waivers=self.people.waivers(self.ir, gate, now.key or "", self.journal, time),
            history=self._history(stage, gate, now, upstream),
        )

    def _upstream(self, stage: Stage) -> tuple[str, ...]:
        """Every stage that this one follows from, nearest last."""
        found = self._ancestors.get(stage.id)
        if found is None:
            ordered: dict[str, None] = {}
            for name in stage.entry.waits_for:
                ordered |= dict.fromkeys(self._upstream(self._stages[name]))
            ordered |= dict.fromkeys(stage.entry.waits_for)
            found = self._ancestors[stage.id] = tuple(ordered)
        return found

    def _evidence(
        self,
        stage: Stage,
        gate: Gate,
        upstream: tuple[str, ...],
        own: Finished | None,
        known: Mapping[str, Assessment],
        time: datetime,
    ) -> tuple[EvidenceFact, ...]:
        attested = self.people.attested(self.ir, self.journal)
        if gate.point == "exit":
            return () if own is None else _records(own, attested)
        found: list[EvidenceFact] = []
        for name in upstream:
            result = known[name].result
            if result is not None:
                found += _records(result, attested)
        if stage.kind == "retire":
            found += self._age(upstream, time)
        return tuple(found)

    def _age(self, upstream: tuple[str, ...], time: datetime) -> list[EvidenceFact]:
        """Seconds since the model first went live, measured by the runtime."""
        state = self.journal.state
        live = [
            state.live_since[name]
            for name in upstream
            if name.startswith("deploy/") and (decided := state.stage(name).exit) is not None and decided.body.allow
        ]
        if not live:
            return []
        first = min(live, key=lambda decided: decided.seq)
        seconds = (time - datetime.fromisoformat(first.time)).total_seconds()
        return [
            EvidenceFact(
                metric="age", value=seconds, grade="measured", stage=first.body.stage, key=first.body.key,
                digest=None, unit="seconds", n=None, low=None, high=None, confidence=None,
                method="ledger time", each=None, item=None, over=None, on=None, attack=None,
            )
        ]  # fmt: skip

    def _lineage(self, name: str, known: Mapping[str, Assessment]) -> StageFact:
        stage = self._stages[name]
        result = known[name].result
        decided = self.journal.state.stage(name).exit
        return StageFact(
            stage=name,
            kind=stage.kind,
            subject=stage.subject,
            iteration=self.journal.state.iteration,
            exit_allowed=decided is not None and decided.body.allow and decided.body.key == known[name].key,
            inputs=_inputs(stage, known),
            artifacts={} if result is None else _artifacts(result),
        )

    def _made(self, stage: Stage, own: Finished | None, known: Mapping[str, Assessment]) -> dict[str, str | None]:
        """The artifact of every model upstream and of the one that the stage makes; None where it is not made yet."""
        made: dict[str, str | None] = {}
        for name in self._models[stage.id]:
            trained = f"train/{name}"
            result = own if trained == stage.id else known[trained].result
            artifact = None if result is None else result.body.artifacts.get("model")
            made[name] = None if artifact is None else artifact.digest
        return made

    def _signatures(
        self, approval: Approval, now: Assessment, known: Mapping[str, Assessment], time: datetime
    ) -> tuple[ApprovalFact, ...]:
        results = {name: result for name in self._upstream(now.stage) if (result := known[name].result) is not None}
        return self.people.signatures(self.ir, approval, self.journal, results, time)

    def _history(self, stage: Stage, gate: Gate, now: Assessment, upstream: tuple[str, ...]) -> tuple[CheckFact, ...]:
        if stage.kind == "monitor" and gate.point == "exit":
            watched: tuple[str, ...] = (stage.id,)
            before: int | None = now.check
        elif stage.kind == "retire":
            watched = tuple(name for name in upstream if name.startswith("monitor/"))
            before = None
        else:
            return ()
        state = self.journal.state
        return tuple(
            CheckFact(
                stage=name,
                check=finished.body.check,
                iteration=finished.body.iteration,
                time=rfc3339(datetime.fromisoformat(finished.time)),
                evidence=_records(finished),
            )
            for name in watched
            for finished in state.stage(name).checks
            if before is None or finished.body.check < before
        )


def _models_by_stage(ir: IR) -> dict[str, tuple[str, ...]]:
    """By stage, the names of the models upstream of it and of the one that it makes; looked up once a run."""
    found: dict[str, tuple[str, ...]] = {}
    for stage in ir.stages:  # in their order: what a stage waits for stands before it
        names = {name for before in stage.entry.waits_for for name in found[before]}
        found[stage.id] = tuple(sorted(names | {stage.name} if stage.kind == "train" else names))
    return found


def rfc3339(time: datetime) -> str:
    """UTC with milliseconds and `Z`, the one form that policies see."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _records(finished: Finished, attested: "Attested | None" = None) -> tuple[EvidenceFact, ...]:
    body = finished.body
    facts = tuple(evidence_fact(record, stage=body.stage, key=body.key) for record in body.evidence)
    if not attested:
        return facts
    from charter.runtime.trust.attestations import grade_of

    return tuple(
        msgspec.structs.replace(fact, grade=grade_of(attested, finished, record))
        for fact, record in zip(facts, body.evidence, strict=True)
    )


def _artifacts(finished: Finished) -> dict[str, ArtifactFact]:
    return {
        name: ArtifactFact(digest=artifact.digest, size=artifact.size)
        for name, artifact in finished.body.artifacts.items()
    }


def _inputs(stage: Stage, known: Mapping[str, Assessment]) -> dict[str, InputFact]:
    found = {}
    for item in stage.inputs:
        result = known[item.stage].result
        if result is not None and item.artifact in result.body.artifacts:
            artifact = result.body.artifacts[item.artifact]
            found[item.name] = InputFact(
                stage=item.stage, artifact=item.artifact, digest=artifact.digest, size=artifact.size
            )
    return found


def _content(facts: GateFacts) -> str:
    """Digest of what is decided, without the moment and the count of the asking."""
    timeless = msgspec.to_builtins(facts) | {"time": "", "attempt": 0}
    ages = [item for item in timeless["evidence"] if item["metric"] == "age"]
    for item in ages:
        item["value"] = 0
    return "sha256:" + hashlib.sha256(msgspec.json.encode(timeless, order="sorted")).hexdigest()


def recordable(item: Mapping[str, Any]) -> dict[str, Any]:
    """As the ledger's canonical form wants it: decimals are strings."""
    plain: dict[str, Any] = _plain(item)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
