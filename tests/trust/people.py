"""A small charter, its people and their keys, made in memory for the tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from charter.compiler import ir
from charter.compiler.canonical import digest
from charter.runtime.events import EvidenceRecord, StatementSigned
from charter.runtime.trust import changes
from charter.runtime.trust.approvals import Case, SignedRecord
from charter.runtime.trust.changes import Addition
from charter.runtime.trust.keys import PrivateKey, generate
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import Reviewed, Signatory, review, sign_statement
from charter.runtime.trust.times import stamp

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PLACE = ir.Place(file="c.charter", line=1, column=1, end_line=1, end_column=2)
LIMITS = ir.Limits(seconds=60, memory_bytes=1 << 30)
DATA = "sha256:" + "d" * 64
MODEL = "sha256:" + "a" * 64
EVIDENCE = {
    "evaluate/holdout": (
        EvidenceRecord(metric="roc_auc", value="0.91", grade="measured", number=True, n=900, low="0.9", high="0.92"),
    )
}
ARTIFACTS = {"acquire/applications:data": DATA, "train/scorecard:model": MODEL}


def _gate(stage: str, point: ir.Point, *controls: str, waits_for: tuple[str, ...] = ()) -> ir.Gate:
    return ir.Gate(id=f"{stage}:{point}", stage=stage, point=point, controls=controls, waits_for=waits_for)


def _stage(kind: ir.StageKind, name: str, subject: str, *, needs: tuple[str, ...] = (), control: str = "") -> ir.Stage:
    id_ = f"{kind}/{name}"
    return ir.Stage(
        id=id_,
        kind=kind,
        name=name,
        subject=subject,
        callable=None,
        spec={},
        inputs=(),
        after=needs,
        outputs=(),
        measures=(),
        limits=LIMITS,
        entry=_gate(id_, "entry", waits_for=needs),
        exit=_gate(id_, "exit", *filter(None, [control])),
        place=PLACE,
    )


def _declaration(subject: str) -> ir.Declaration:
    kind, name = subject.split("/")
    return ir.Declaration(kind=kind, name=name, body={}, digest=digest(subject.encode()), place=PLACE)


APPROVAL = ir.Approval(
    id="release",
    gate="approve/release:exit",
    subject="approval/release",
    role="risk-officer",
    quorum=2,
    excluding=("owner", "trainer"),
    valid_seconds=30 * 86400,
    text="2 risk-officers agree",
    place=PLACE,
)
REQUIREMENT = ir.Requirement(
    id="holdout.roc_auc",
    gate="evaluate/holdout:exit",
    subject="evaluation/holdout",
    metric="roc_auc",
    comparison=">=",
    bound=0.75,
    unit="ratio",
    text="roc_auc >= 75%",
    place=PLACE,
)
STAGES = (
    _stage("acquire", "applications", "dataset/applications"),
    _stage("acquire", "elsewhere", "dataset/elsewhere"),
    _stage("train", "scorecard", "model/scorecard", needs=("acquire/applications",)),
    _stage(
        "evaluate",
        "holdout",
        "evaluation/holdout",
        needs=("train/scorecard",),
        control="holdout.roc_auc",
    ),
    _stage(
        "approve",
        "release",
        "approval/release",
        needs=("evaluate/holdout", "train/scorecard"),
        control="release",
    ),
    _stage("deploy", "production", "deployment/production", needs=("approve/release",)),
)
CHARTER = ir.IR(
    lifecycle=ir.Lifecycle(
        name="credit-risk",
        version="1.0.0",
        owner="olga@bank.example",
        purpose="Estimate default.",
        risk="high",
        packs=("core",),
        place=PLACE,
    ),
    parameters={},
    roles=(ir.Role(name="risk-officer", members_at_least=3, place=PLACE),),
    declarations={stage.subject: _declaration(stage.subject) for stage in STAGES},
    controls=(REQUIREMENT, APPROVAL),
    waivers=(),
    stages=STAGES,
    edges=(),
    bundle=ir.Bundle(revision="1", digest=DATA, entrypoint="charter/decide", modules={}, data={}, roots=()),
    pins={},
    meaning=DATA,
    digest=DATA,
)


@dataclass
class People:
    """The trust root of the tests and everybody's private keys."""

    keys: dict[str, PrivateKey] = field(default_factory=dict)
    trust: TrustRoot = field(init=False)

    def __post_init__(self) -> None:
        admin = self.key("ann")
        self.trust = changes.create("ann@bank.example", "Ann", admin.public, admin, NOW - timedelta(days=90))
        for name in ("olga", "bob", "carol", "dan", "tom"):
            roles = ("risk-officer",) if name != "dan" else ("auditor",)
            self.add(name, *roles)

    def key(self, name: str) -> PrivateKey:
        return self.keys.setdefault(name, generate())

    def add(self, name: str, *roles: str, key: str = "") -> None:
        addition = Addition(f"{name}@bank.example", name.title(), (self.key(key or name).public,), roles=tuple(roles))
        self.trust = changes.extend(self.trust, addition, [self.key("ann")], NOW - timedelta(days=80))

    def case(self, reviewed: Reviewed | None = None, **changes: object) -> Case:
        fields = {
            "trust": self.trust,
            "approval": APPROVAL,
            "reviewed": reviewed or there_is(),
            "excluded": {
                "owner": frozenset({"olga@bank.example"}),
                "trainer": frozenset({"tom@bank.example"}),
            },
        }
        return Case(**fields | changes)

    def sign(
        self,
        name: str,
        decision: str = "approve",
        *,
        reviewed: Reviewed | None = None,
        key: str = "",
        at: datetime = NOW,
        seq: int = 1,
        trust: str = "",
    ) -> SignedRecord:
        signatory = Signatory(f"{name}@bank.example", self.key(key or name), trust or self.trust.digest)
        statement, envelope = sign_statement(CHARTER, reviewed or there_is(), decision, signatory, at)
        return record_of(statement, envelope, at, seq)


def record_of(statement, envelope: bytes, at: datetime, seq: int) -> SignedRecord:
    predicate = statement.predicate
    from charter.compiler.canonical import canonical_json

    body = StatementSigned(
        run="r",
        type=predicate.decision,
        approval=predicate.reviewed.approval,
        person=predicate.person,
        role=predicate.role,
        key=predicate.key,
        statement=digest(canonical_json(statement)),
        envelope=digest(envelope),
        iteration=predicate.reviewed.iteration,
    )
    return SignedRecord(body, envelope, seq, stamp(at))


def there_is(charter: ir.IR = CHARTER, approval: ir.Approval = APPROVAL, iteration: int = 1) -> Reviewed:
    return review(charter, approval, ARTIFACTS, EVIDENCE, iteration)
