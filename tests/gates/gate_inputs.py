"""Random policy inputs that fit the schema, likely to touch the sample bundle's controls."""

from datetime import datetime
from typing import Any

import gate_samples as s
from hypothesis import strategies as st

from charter.runtime.gates import contract as c

GATES = (
    "evaluate/holdout:exit",
    "evaluate/holdout:entry",
    "approve/release:exit",
    "retire/scorecard:entry",
    "monitor/drift:exit",
    "deploy/production:entry",
    "define/fair:exit",
    "acquire/people:exit",
    "train/unknown:exit",
)
_METRICS = ("roc_auc", "f1", "psi", "age", "ümlaut \U0001f600")
_TEXT = st.sampled_from(["sex", "age", "", "x", "Ünïcode \U0001f600", 'q"uote\\', "\u2028\n"])
_DIGESTS = st.sampled_from([s.TRAIN, s.TEST, s.MODEL])
_STAGES = st.sampled_from(
    ["evaluate/holdout", "train/scorecard", "monitor/drift", "deploy/production", "approve/release", "define/fair"]
)
_NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.7, 0.75, 0.7500000000000001, 1.0, 0.2, 0.95, 1e15, -1e15]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**53), 2**53),
)
_FLOATS = st.one_of(st.sampled_from([0.7, 0.75, 0.8, 0.95]), st.floats(allow_nan=False, allow_infinity=False))
_COUNTS = st.integers(0, 2**53)
_TIMES = st.datetimes(min_value=datetime(2026, 10, 1), max_value=datetime(2026, 12, 1)).map(
    lambda moment: moment.isoformat(timespec="milliseconds") + "Z"
)
_NAMES = st.sampled_from(["ann", "bob", "olga", "tom"])


_SIGNATURE: dict[str, Any] = {
    "person": _NAMES,
    "role": st.sampled_from(["risk-officer", "risk-officer", "engineer"]),
    "key": _NAMES,
    "signed_at": _TIMES,
    "statement_digest": _DIGESTS,
}


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def _many(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=most).map(tuple)


def _mostly(usual: Any, *rare: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 8 + list(rare))


def _evidence(stage: str) -> st.SearchStrategy[c.EvidenceFact]:
    return st.builds(
        c.EvidenceFact,
        metric=st.sampled_from(["roc_auc"] * 4 + ["psi", "psi", *_METRICS]),
        value=st.one_of(*[_NUMBERS] * 8, st.booleans(), _TEXT),
        grade=st.sampled_from(["measured", "measured", "declared", "attested", "reproduced"]),
        stage=st.one_of(*[st.just(stage)] * 8, _STAGES),
        key=_mostly("key-1", "other", None),
        digest=_maybe(_DIGESTS),
        unit=st.sampled_from([None, "ratio", "seconds"]),
        n=_maybe(_COUNTS),
        low=_maybe(_FLOATS),
        high=_maybe(_FLOATS),
        confidence=_maybe(st.sampled_from([0.9, 0.95, 0.99])),
        method=_maybe(_TEXT),
        each=_mostly(None, "feature", "feature", "feature", "feature"),
        item=_maybe(_TEXT),
        over=_mostly(None, "sex", "sex"),
        on=_mostly(None, "feedback"),
        attack=_mostly(None, "fgsm"),
    )


def _models() -> st.SearchStrategy[c.ModelFact]:
    rows = _maybe(st.builds(c.RowsFact, dataset=_TEXT, part=_maybe(st.sampled_from(["train", "test"]))))
    return st.builds(
        c.ModelFact,
        name=_TEXT,
        task=st.sampled_from(["binary-classification", "text-generation"]),
        trainer=_maybe(_TEXT),
        fine_tuned_from=_maybe(_TEXT),
        hosted_at=_maybe(_TEXT),
        digest=_maybe(_DIGESTS),
        trained_on=rows,
        validated_on=rows,
        aligned_with=rows,
        learnt_from=_many(_TEXT, 2),
        class_=st.sampled_from([None, "public", "personal"]),
        class_known=st.booleans(),
        licenses=_many(_TEXT, 2),
        commercial_use=st.sampled_from(["permitted", "own terms", "unknown", "forbidden"]),
    )


def _inputs() -> st.SearchStrategy[dict[str, c.InputFact]]:
    one = st.builds(c.InputFact, stage=_STAGES, artifact=st.just("model"), digest=_DIGESTS, size=_COUNTS)
    return st.dictionaries(st.sampled_from(["model", "data", "train"]), one, max_size=3)


def _artifacts() -> st.SearchStrategy[dict[str, c.ArtifactFact]]:
    one = st.builds(c.ArtifactFact, digest=_DIGESTS, size=st.integers(0, 3))
    return st.dictionaries(st.sampled_from(["model", "data"]), one, max_size=2)


def _bodies() -> st.SearchStrategy[dict[str, Any]]:
    leaf = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXT)
    hazard = st.fixed_dictionaries({"title": _TEXT}, optional={"mitigated by": st.lists(_TEXT, max_size=2)})
    return st.fixed_dictionaries(
        {},
        optional={
            "hazard": st.lists(hazard, max_size=2),
            "columns": st.lists(_TEXT, max_size=3),
            "deep": st.recursive(leaf, lambda inside: st.lists(inside, max_size=2), max_leaves=4),
        },
    )


@st.composite
def gate_inputs(draw: st.DrawFn) -> c.GateInput:
    """One input that fits the schema."""
    gate = draw(st.sampled_from(GATES))
    stage, _, point = gate.rpartition(":")
    kind, _, name = stage.partition("/")
    return c.GateInput(
        schema=2,
        lifecycle=c.LifecycleFact(
            name=draw(_mostly("sample", "other")),
            version="1",
            owner="o",
            risk=draw(st.sampled_from(["high", "high", "high", "limited", "minimal", "minimal", "prohibited"])),
            meaning=s.TRAIN,
            iteration=draw(st.integers(0, 2)),
        ),
        transition=c.Transition(
            gate=gate,
            point=point,  # type: ignore[arg-type]
            stage=stage,
            kind=kind,
            subject=f"{kind}/{name}",
            attempt=draw(st.integers(1, 3)),
            key=draw(_mostly("key-1", None)),
            sources=draw(_many(_STAGES, 1)),
            target=draw(_maybe(_STAGES)),
        ),
        time=draw(_TIMES),
        actor=draw(_TEXT),
        declaration=draw(_maybe(st.builds(c.DeclarationFact, kind=_TEXT, name=_TEXT, digest=_DIGESTS, body=_bodies()))),
        parameters=draw(st.dictionaries(_TEXT, _FLOATS, max_size=2)),
        evidence=draw(_many(_evidence(stage), 5)),
        artifacts=draw(_artifacts()),
        inputs=draw(_inputs()),
        datasets=draw(
            _many(
                st.builds(
                    c.DatasetFact,
                    name=_TEXT,
                    class_=st.sampled_from([None, "public", "personal", "secret"]),
                    basis=st.sampled_from([None, "consent", "because"]),
                    license=_maybe(_TEXT),
                    origin=_maybe(_TEXT),
                    personal=_many(_TEXT, 1),
                    protected=_many(_TEXT, 1),
                ),
                2,
            )
        ),
        models=draw(_many(_models(), 2)),
        lineage=draw(
            _many(
                st.builds(
                    lambda stage, **facts: c.StageFact(stage=stage, kind=stage.partition("/")[0], **facts),
                    stage=_STAGES,
                    subject=_TEXT,
                    iteration=st.integers(0, 2),
                    exit_allowed=st.booleans(),
                    inputs=_inputs(),
                    artifacts=_artifacts(),
                ),
                4,
            )
        ),
        people=draw(st.dictionaries(st.sampled_from(["owner", "trainer", "sponsor"]), _many(_NAMES, 2), max_size=3)),
        approvals=draw(
            _many(
                st.builds(
                    c.ApprovalFact,
                    approval=st.sampled_from(["release", "release", "other"]),
                    type=st.sampled_from(["approve", "approve", "approve", "reject"]),
                    **_SIGNATURE,
                ),
                4,
            )
        ),
        waivers=draw(
            _many(st.builds(c.WaiverFact, waiver=st.sampled_from(["first-quarter", "other"]), **_SIGNATURE), 3)
        ),
        history=draw(
            _many(
                st.builds(
                    c.CheckFact,
                    stage=st.sampled_from(["monitor/drift", "monitor/drift", "monitor/other"]),
                    check=st.integers(1, 9),
                    iteration=st.integers(0, 2),
                    time=_TIMES,
                    evidence=_many(_evidence("monitor/drift"), 3),
                ),
                4,
            )
        ),
    )
