"""Has an engine decide a small gate for real: evidence that must pass, and evidence that must not."""

import hashlib
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import msgspec

from charter.compiler.ir import Bundle, Gate, Lifecycle, Place, Requirement
from charter.compiler.rego.bundle import BundleInput, build_bundle
from charter.runtime.failure import Failure
from charter.runtime.gates.contract import (
    ArtifactFact,
    EvidenceFact,
    GateInput,
    LifecycleFact,
    Transition,
    encode_input,
)
from charter.runtime.gates.decide import decide
from charter.runtime.gates.engine import EngineFailure, PolicyEngine

_GATE = "evaluate/probe:exit"
_NO_DIGEST = f"sha256:{hashlib.sha256(b'').hexdigest()}"


@dataclass(frozen=True, slots=True)
class Probe:
    """What one engine showed.

    Attributes:
        name: what people call it: `embedded`, `opa`.
        works: it allowed what must be allowed, and denied what must be denied.
        detail: why it does not work; empty if it does.
        version, digest: of the engine, empty if it did not get that far.
        seconds: time of one decision, None if there was none.
    """

    name: str
    works: bool
    detail: str
    version: str = ""
    digest: str = ""
    seconds: float | None = None


def probe(name: str, opened: AbstractContextManager[PolicyEngine]) -> Probe:
    """Open an engine, have it decide both ways, and say what happened."""
    try:
        with opened as engine:
            return _decide_both_ways(name, engine)
    except Failure as failure:
        return Probe(name, False, failure.detail)
    except EngineFailure as failure:
        return Probe(name, False, f"{failure.message}.")
    except ImportError as error:
        return Probe(name, False, f"The package cannot be imported: {error}. Install Charter again.")


def _decide_both_ways(name: str, engine: PolicyEngine) -> Probe:
    bundle = _bundle()
    engine.load(bundle)
    enough = decide(engine, bundle, _input(0.9))
    too_little = decide(engine, bundle, _input(0.1))
    found = [violation["code"] for violation in too_little.violations]
    works = enough.allow and not too_little.allow and found == ["bound_breached"]
    detail = "" if works else _why(enough.violations) or _why(too_little.violations) or "It allows what must be denied."
    return Probe(name, works, detail, engine.version, engine.digest, too_little.seconds)


def _why(violations: tuple[dict[str, Any], ...]) -> str:
    return " ".join(f"{violation['message']}." for violation in violations)


def _bundle() -> Bundle:
    place = Place(file="probe", line=1, column=1, end_line=1, end_column=1)
    control = Requirement(
        id="probe.roc_auc",
        gate=_GATE,
        subject="evaluation/probe",
        metric="roc_auc",
        comparison=">=",
        bound=0.75,
        unit="ratio",
        text="require roc_auc >= 0.75",
        place=place,
    )
    lifecycle = Lifecycle(name="probe", version="1", owner="", purpose="", risk="minimal", packs=(), place=place)
    gate = Gate(id=_GATE, stage="evaluate/probe", point="exit", controls=(control.id,), waits_for=())
    bundle, findings = build_bundle(BundleInput(lifecycle=lifecycle, controls=(control,), waivers=(), gates=(gate,)))
    assert bundle is not None, findings
    return bundle


def _input(value: float) -> bytes:
    evidence = msgspec.convert(
        {
            **dict.fromkeys(EvidenceFact.__struct_fields__),
            "metric": "roc_auc",
            "value": value,
            "grade": "measured",
            "stage": "evaluate/probe",
        },
        EvidenceFact,
    )
    document = GateInput(
        schema=2,
        lifecycle=LifecycleFact(name="probe", version="1", owner="", risk="minimal", meaning="", iteration=1),
        transition=Transition(
            gate=_GATE,
            point="exit",
            stage="evaluate/probe",
            kind="evaluate",
            subject="evaluation/probe",
            attempt=1,
            key=None,
            sources=("evaluate/probe",),
            target=None,
        ),
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        actor="doctor",
        declaration=None,
        parameters={},
        evidence=(evidence,),
        artifacts={"predictions": ArtifactFact(digest=_NO_DIGEST, size=1)},
        inputs={},
        datasets=(),
        models=(),
        lineage=(),
        people={},
        approvals=(),
        waivers=(),
        history=(),
    )
    return encode_input(document)
