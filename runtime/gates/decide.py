"""One decision: check the input, ask the engine, check its answer. What goes wrong denies, and says why."""

import hashlib
import time
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from charter.compiler.ir import IR, Bundle
from charter.runtime.gates.contract import MAX_BYTES, GateInput, GateResult, decode_input, encode_input
from charter.runtime.gates.engine import EngineFailure, PolicyEngine
from charter.runtime.gates.facts import GateFacts
from charter.runtime.gates.input import InputRefused, build_input

WAITING_CODES = frozenset({"approval_missing", "retirement_not_due"})


class Decision(Struct, frozen=True, kw_only=True):
    """What a gate decided, by whom, on what.

    Attributes:
        waiting: denied, but only because someone has not signed or something is not due yet.
        violations, warnings, obligations: as in the result schema, ready for JSON.
        evaluated: ids of the controls and rules that were evaluated.
        input: the exact bytes that were decided; empty when no input could be built.
        input_digest, bundle_digest: `sha256:...`.
        seconds: time of the whole decision.
        failure: code of what kept the engine from deciding, None when it did decide; with one, never `allow`.
    """

    allow: bool
    waiting: bool
    violations: tuple[dict[str, Any], ...]
    warnings: tuple[dict[str, Any], ...]
    obligations: tuple[dict[str, Any], ...]
    evaluated: tuple[str, ...]
    input: bytes
    input_digest: str
    bundle_digest: str
    revision: str
    entrypoint: str
    engine: str
    engine_version: str
    engine_digest: str
    seconds: float
    failure: str | None

    def __repr__(self) -> str:
        """Without the input: it is large, and may say things of people that belong into no message."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "input")
        return f"Decision({', '.join(shown)})"


def decide_gate(engine: PolicyEngine, ir: IR, facts: GateFacts) -> Decision:
    """Build the input of one gate and decide it; never raises for what a policy or a stage did wrong."""
    started = time.perf_counter()
    try:
        data = build_input(ir, facts)
    except InputRefused as refused:
        return _failed(engine, ir.bundle, b"", refused.code, refused.message, started)
    decision = decide(engine, ir.bundle, data)
    unheard = _unheard(ir, facts, decision)
    if unheard:
        message = f"the gate was allowed without {', '.join(unheard)} being evaluated"
        return _failed(engine, ir.bundle, data, "not_evaluated", message, started)
    return decision


def refuse_gate(engine: PolicyEngine, ir: IR, facts: GateFacts, code: str, message: str) -> Decision:
    """Deny a gate without asking any policy, for a reason that no policy may set aside."""
    started = time.perf_counter()
    try:
        data = build_input(ir, facts)
    except InputRefused:
        data = b""
    return _failed(engine, ir.bundle, data, code, message, started)


def _unheard(ir: IR, facts: GateFacts, decision: Decision) -> list[str]:
    """Controls that the IR puts at this gate and an allow does not account for: the bundle's own plan is not asked."""
    if not decision.allow:
        return []
    wanted = _controls_by_gate(_Same(ir)).get(facts.gate, (facts.gate,))
    return [control for control in wanted if control not in decision.evaluated]


class _Same:
    """One IR, by its identity: comparing what it says would take longer than a decision."""

    def __init__(self, ir: IR) -> None:
        self.ir = ir

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.ir is self.ir

    def __hash__(self) -> int:
        return id(self.ir)


@lru_cache(maxsize=1)
def _controls_by_gate(of: _Same) -> dict[str, tuple[str, ...]]:
    return {gate.id: gate.controls for stage in of.ir.stages for gate in (stage.entry, stage.exit)}


def decide(engine: PolicyEngine, bundle: Bundle, input_bytes: bytes) -> Decision:
    """Decide one input, such as one from the ledger; never raises for what a policy or an engine did wrong.

    The engine must have `bundle` loaded: an answer of any other bundle denies.
    """
    started = time.perf_counter()
    try:
        asked = _checked_input(input_bytes)
        if engine.revision != bundle.revision:
            raise EngineFailure("bundle_mismatch", "the engine has another bundle loaded than the one to decide with")
        result = _checked_result(engine.decide(input_bytes), bundle, asked)
    except InputRefused as refused:
        return _failed(engine, bundle, input_bytes, refused.code, refused.message, started)
    except EngineFailure as failure:
        return _failed(engine, bundle, input_bytes, failure.code, failure.message, started)
    except Exception as error:  # noqa: BLE001 - an engine may fail in ways nobody thought of: still a deny
        return _failed(engine, bundle, input_bytes, "engine_failed", f"{type(error).__name__}: {error}", started)
    codes = {violation.code for violation in result.violations}
    return Decision(
        allow=result.allow,
        waiting=not result.allow and codes <= WAITING_CODES,
        violations=normal(result.violations),
        warnings=normal(result.warnings),
        obligations=normal(result.obligations),
        evaluated=tuple(sorted(result.evaluated)),
        failure=None,
        **_about(engine, bundle, input_bytes, started),
    )


def _checked_input(data: bytes) -> GateInput:
    if len(data) > MAX_BYTES:
        raise InputRefused("input_too_large", f"the policy input has {len(data):,} bytes, the limit is {MAX_BYTES:,}")
    try:
        asked = decode_input(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused("input_malformed", f"the policy input does not fit its schema: {error}") from error
    # One document, one form: no duplicate keys, no second spelling that two engines could read differently.
    if encode_input(asked) != data:
        raise InputRefused("input_malformed", "the policy input is not in the form that Charter writes")
    return asked


def _checked_result(answer: Any, bundle: Bundle, asked: GateInput) -> GateResult:
    try:
        result = msgspec.convert(answer, GateResult)
    except msgspec.ValidationError as error:
        raise EngineFailure("result_malformed", f"the engine's answer does not fit its schema: {error}") from error
    if result.revision is None:
        raise EngineFailure("result_undefined", "the bundle could not compute a decision from this input")
    if (result.revision, result.gate, result.time) != (bundle.revision, asked.transition.gate, asked.time):
        raise EngineFailure("result_mismatch", "the engine answered for another bundle or another input")
    if result.allow and (result.violations or not result.evaluated):
        raise EngineFailure("result_malformed", "the engine allows, and lists violations or evaluated nothing")
    if not result.allow and not result.violations:
        raise EngineFailure("result_malformed", "the engine denies without a reason")
    return result


def _failed(engine: PolicyEngine, bundle: Bundle, data: bytes, code: str, message: str, started: float) -> Decision:
    violation: dict[str, Any] = {
        "policy": "charter",
        "control": "gate",
        "code": code,
        "message": message,
        "severity": "absolute",
        "clauses": [],
        "evidence": None,
        "remedy": "mend what the message names and run again; `charter doctor` says which engines work",
        "waivable": False,
    }
    return Decision(
        allow=False,
        waiting=False,
        violations=(violation,),
        warnings=(),
        obligations=(),
        evaluated=(),
        failure=code,
        **_about(engine, bundle, data, started),
    )


def _about(engine: PolicyEngine, bundle: Bundle, data: bytes, started: float) -> dict[str, Any]:
    return {
        "input": data,
        "input_digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "bundle_digest": bundle.digest,
        "revision": bundle.revision,
        "entrypoint": bundle.entrypoint,
        "engine": engine.name,
        "engine_version": engine.version,
        "engine_digest": engine.digest,
        "seconds": time.perf_counter() - started,
    }


def normal(items: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    """As JSON values, in an order and with numbers that no engine chooses."""
    documents = [_exact(msgspec.to_builtins(item)) for item in items]
    return tuple(sorted(documents, key=lambda item: msgspec.json.encode(item, order="sorted")))


def _exact(value: Any) -> Any:
    """Whole numbers beyond 2^53 as floats: one engine writes out their digits, another fills them with zeros."""
    if isinstance(value, dict):
        return {key: _exact(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(part) for part in value]
    if isinstance(value, int) and abs(value) > 2**53:
        return float(value)
    return value
