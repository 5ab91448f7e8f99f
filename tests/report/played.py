"""Projects with a real charter and ledger, whose stages were played instead of run: fast, and as bad as wanted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from people import People

from charter.compiler.codec import encode_ir
from charter.compiler.compile import compile_charter
from charter.compiler.ir import IR, Gate, Requirement, Stage
from charter.runtime.assess import Assessment, Basis, Status, assess
from charter.runtime.events import (
    Body,
    EvidenceRecord,
    GateApplied,
    GateDecided,
    IterationOpened,
    RunClosed,
    RunOpened,
    StageFinished,
)
from charter.runtime.journal import Journal
from charter.runtime.project import Project
from charter.runtime.session import open_ledger
from charter.runtime.store import ArtifactStore
from charter.runtime.trust import file

CHARTER = """charter 1

lifecycle credit-risk {
  version  "2.1.0"
  owner    "olga@bank.example"
  purpose  "PURPOSE"
  risk     high
  use policies core
}

role risk-officer {
  members at least 2
}

objective fair-lending {
  problem   "Decide in minutes."
  approach  narrow
  sponsor   "Head of Retail Credit"
}

dataset applications {
  source    csv "applications.csv"
  class     internal
  origin    "Made up"
  license   "CC0-1.0"
  protected sex
  target    default
  split     train 70%, test 30% seed 7
  require   rows >= 5_000
  require   share of each sex >= 30%
}

model scorecard {
  task        binary-classification
  train on    applications.train
  trainer     builtin tabular-mlp
  parameters  { epochs: 2, seed: 7 }
}

evaluation holdout of scorecard on applications.test {
  require roc_auc >= 0.75 with confidence 95%
  require expected_calibration_error <= 5%
}

approval release of scorecard {
  by        risk-officer quorum 2
  excluding owner, trainer
  after     holdout
  valid     30 days
}

deployment production of scorecard {
  after     release
  package   onnx
  serve     http
}
"""


@dataclass
class Played:
    """A project, its people, and what was played so far."""

    root: Path
    people: People = field(default_factory=People)
    purpose: str = "Estimate the probability of default."
    runs: int = 0

    def __post_init__(self) -> None:
        self.project.state.mkdir(parents=True, exist_ok=True)
        (self.root / "applications.csv").write_text("age,sex,default\n30,f,0\n")
        self.write(CHARTER.replace("PURPOSE", self.purpose))
        file.save(self.project, self.people.trust)
        for name in ("ann", "bob", "carol", "dan", "olga", "tom", "mallory"):
            self.key_file(name)

    @property
    def project(self) -> Project:
        return Project(self.root)

    def write(self, charter: str) -> None:
        (self.root / "credit.charter").write_text(charter)

    def edit(self, old: str, new: str) -> None:
        path = self.root / "credit.charter"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def key_file(self, name: str) -> Path:
        from cryptography.hazmat.primitives import serialization as form

        path = self.root / f"{name}.key"
        if not path.exists():
            secret = self.people.key(name).secret
            path.write_bytes(secret.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()))
            path.chmod(0o600)
        return path

    def ir(self) -> IR:
        result = compile_charter(self.root / "credit.charter", overrides={})
        assert result.ir is not None, result.diagnostics
        return result.ir

    def run(
        self,
        *,
        actor: str = "tom",
        deny: Mapping[str, str] | None = None,
        values: Mapping[str, EvidenceRecord] | None = None,
        bodies: Iterable[tuple[Body, str]] = (),
        approvals_open: bool = False,
        hollow: bool = False,
    ) -> None:
        """Play a run: every gate allows but those of `deny` (message by gate), and approvals unless they are open.

        `values` replaces the evidence of a control; `bodies` are recorded at the end as they are. A `hollow` run's
        gates allow without evaluating the charter's controls.
        """
        ir, self.runs = self.ir(), self.runs + 1
        name = f"run-{self.runs}"
        store = ArtifactStore(self.project.store)
        key = self.people.keys.get(actor)
        with open_ledger(self.project, "credit-risk", create=True) as ledger:
            journal = Journal(ledger)
            opened = RunOpened(
                run=name, lifecycle="credit-risk", version="2.1.0", ir=store.put(encode_ir(ir)).digest,
                meaning=ir.meaning, bundle=ir.bundle.digest, charter="0", actor=f"{actor}@bank.example",
                engine="regorus 0.13.0", host="h", key=key.public.id if key else None,
            )  # fmt: skip
            journal.note(opened, "lifecycle/credit-risk")
            if journal.state.iteration == 0:
                journal.note(IterationOpened(run=name, iteration=1, because="first run"), "lifecycle/credit-risk")
            _Playing(name, ir, journal, store, deny or {}, values or {}, approvals_open, hollow).stages()
            for body, subject in bodies:
                journal.note(body, subject)
            journal.note(RunClosed(run=name, outcome="waiting"), "lifecycle/credit-risk")
            journal.commit()


@dataclass
class _Playing:
    """One run being played."""

    name: str
    ir: IR
    journal: Journal
    store: ArtifactStore
    deny: Mapping[str, str]
    values: Mapping[str, EvidenceRecord]
    approvals_open: bool
    hollow: bool
    known: dict[str, Assessment] = field(default_factory=dict)

    def stages(self) -> None:
        known: dict[str, Any] = {}
        for stage in self.ir.stages:
            now = self._assessed(stage, known)
            if now.status is not Status.BLOCKED and now.status is not Status.DONE:
                self._stage(stage, now.key or "")
            known[stage.id] = self.known[stage.id] = self._assessed(stage, known)
        self.journal.commit()

    def _assessed(self, stage: Stage, known: dict[str, Any]) -> Assessment:
        return assess(Basis(self.ir, self.journal.state, self.store, self.journal.now()), stage, known)

    def _stage(self, stage: Stage, key: str) -> None:
        if not self._decide(stage, stage.entry, key, allow=True):
            return
        artifacts = {output: self.store.put(f"{key}{output}".encode()) for output in stage.outputs}
        finished = StageFinished(
            run=self.name, stage=stage.id, iteration=1, key=key, artifacts=artifacts, milliseconds=1200,
            evidence=evidence(self.ir, stage, self.values), peak_bytes=50_000_000,
        )  # fmt: skip
        self.journal.note(finished, stage.id)
        self._decide(stage, stage.exit, key, allow=stage.kind != "approve" or self.approvals_open)

    def _decide(self, stage: Stage, gate: Gate, key: str, *, allow: bool) -> bool:
        name, ir, journal, deny = self.name, self.ir, self.journal, self.deny
        message = deny.get(gate.id) or (None if allow else "0 of 2 signatures of `risk-officer` for `release`")
        controls = tuple(control.id for control in ir.controls if control.gate == gate.id)
        violation = {
            "policy": "charter", "control": controls[0] if controls else "core/rule", "code": "bound_breached",
            "message": message, "severity": "mandatory", "clauses": ["eu-ai-act Art. 15(1)"], "remedy": "mend it",
            "evidence": None, "waivable": True,
        }  # fmt: skip
        data = msgspec.json.encode(self._input(stage, gate))
        body = GateDecided(
            run=name, gate=gate.id, stage=stage.id, point=gate.point, iteration=1, key=key, allow=message is None,
            waiting=gate.id not in deny, time="2026-11-22T12:00:00.000Z", actor="tom@bank.example",
            input=store_digest(data), subject=stage.subject, content=store_digest(data), bundle=ir.bundle.digest,
            revision="1", entrypoint="charter/decide", engine="regorus", engine_version="0.13.0", engine_digest="x",
            violations=() if message is None else (violation,),
            evaluated=("core/rule",) if self.hollow else (*controls, "core/rule"),
        )  # fmt: skip
        journal.note(body, stage.id, {body.input: data})
        if body.allow:
            decided = getattr(journal.state.stage(stage.id), gate.point)
            applied = GateApplied(
                run=name, gate=gate.id, stage=stage.id, point=gate.point, iteration=1, key=key, decision=decided.seq
            )
            journal.note(applied, stage.id)
        return body.allow

    def _input(self, stage: Stage, gate: Gate) -> dict[str, Any]:
        """The part of a policy input that lineage is read from."""
        flows = {}
        for item in stage.inputs:
            result = self.known[item.stage].result
            assert result is not None
            made = result.body.artifacts[item.artifact]
            flows[item.name] = {
                "stage": item.stage,
                "artifact": item.artifact,
                "digest": made.digest,
                "size": made.size,
            }
        sources = stage.entry.waits_for if gate.point == "entry" else (stage.id,)
        return {"inputs": flows, "transition": {"gate": gate.id, "sources": sources}, "size": self.journal.state.size}


def store_digest(data: bytes) -> str:
    from charter.runtime.store import digest_bytes

    return digest_bytes(data)


def evidence(ir: IR, stage: Stage, values: Mapping[str, EvidenceRecord]) -> tuple[EvidenceRecord, ...]:
    """Evidence that clears the bounds of a stage's requirements, except where something else is wanted."""
    found = []
    for control in ir.controls:
        if not isinstance(control, Requirement) or control.gate != stage.exit.id:
            continue
        if control.id in values:
            found.append(values[control.id])
            continue
        for item in ("female", "male") if control.each else (None,):
            found.append(record(control, item))
    return tuple(found)


def record(control: Requirement, item: str | None = None, **changes: Any) -> EvidenceRecord:
    value = control.bound * (1.1 if control.comparison.startswith(">") else 0.9)
    return msgspec.structs.replace(
        EvidenceRecord(
            metric=control.metric, value=f"{value:.6g}", grade="measured", number=True, unit=control.unit, n=900,
            low=f"{value * 0.99:.6g}", high=f"{value * 1.01:.6g}", confidence="0.95", method="test",
            each=control.each, item=item, over=control.over, on=control.on,
        ),
        **changes,
    )  # fmt: skip
