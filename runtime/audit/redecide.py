"""Decides a past input again: the recorded bytes, any bundle, either engine, and what came out of it in one form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from charter.compiler.ir import Bundle
from charter.runtime.gatekeeper import recordable
from charter.runtime.gates.decide import WAITING_CODES, normal
from charter.runtime.gates.engine import EngineFailure, PolicyEngine

_LISTS = ("violations", "warnings", "obligations")


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision in the form in which the ledger records it; lists are in an order of their own.

    Attributes:
        failed: in words, why the engine gave no answer that can be compared; then nothing else counts.
    """

    allow: bool
    violations: tuple[dict[str, Any], ...] = ()
    warnings: tuple[dict[str, Any], ...] = ()
    obligations: tuple[dict[str, Any], ...] = ()
    evaluated: tuple[str, ...] = ()
    failed: str = ""

    @property
    def word(self) -> str:
        """`allowed`, `waiting` or `denied`."""
        if self.allow:
            return "allowed"
        codes = {str(item.get("code")) for item in self.violations}
        return "waiting" if codes and codes <= WAITING_CODES else "denied"


def recorded_answer(body: Any) -> Answer:
    """What a `gate.decided` record says."""
    return Answer(
        allow=body.allow,
        violations=_ordered(body.violations),
        warnings=_ordered(body.warnings),
        obligations=_ordered(body.obligations),
        evaluated=tuple(sorted(body.evaluated)),
    )


def redecide(engine: PolicyEngine, bundle: Bundle, data: bytes) -> Answer:
    """Ask an engine that has `bundle` loaded about recorded bytes; what goes wrong is in `failed`.

    Unlike at a gate, the input is not held against today's schema: it is what the engine saw then.
    """
    try:
        answer = engine.decide(data)
    except EngineFailure as failure:
        return Answer(allow=False, failed=f"{failure.message} ({failure.code})")
    lists = {name: answer.get(name) for name in (*_LISTS, "evaluated")}
    if not all(isinstance(part, list) for part in lists.values()) or not isinstance(answer.get("allow"), bool):
        return Answer(allow=False, failed="the engine's answer is no decision")
    if answer.get("revision") != bundle.revision:
        return Answer(allow=False, failed="the bundle could not compute a decision from this input")
    try:
        violations, warnings, obligations = (_ordered(_recorded_form(lists[name])) for name in _LISTS)
    except (TypeError, AttributeError):
        return Answer(allow=False, failed="the engine's answer is no decision")
    evaluated = tuple(sorted(map(str, lists["evaluated"] or ())))
    return Answer(answer["allow"], violations, warnings, obligations, evaluated)


def differences(then: Answer, now: Answer) -> list[str]:
    """How two answers differ, in words; nothing when they say the same."""
    found = []
    if then.word != now.word:
        found.append(f"was {then.word}, is {now.word}")
    for name in _LISTS:
        before, after = getattr(then, name), getattr(now, name)
        found += [f"{name[:-1]} gone: {about(item)}" for item in before if item not in after]
        found += [f"{name[:-1]} new: {about(item)}" for item in after if item not in before]
    gone, new = set(then.evaluated) - set(now.evaluated), set(now.evaluated) - set(then.evaluated)
    found += [f"no longer evaluated: {', '.join(sorted(gone))}"] if gone else []
    found += [f"evaluated now: {', '.join(sorted(new))}"] if new else []
    return found


def about(item: Mapping[str, Any]) -> str:
    """One finding of a decision: which control, and what it said."""
    said = item.get("message") or item.get("text") or item.get("code") or item.get("kind") or "?"
    return f"`{item.get('control', '?')}`: {said}"


def _recorded_form(items: Any) -> tuple[dict[str, Any], ...]:
    return tuple(recordable(item) for item in normal(tuple(items)))


def _ordered(items: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple(sorted((dict(item) for item in items), key=lambda item: msgspec.json.encode(item, order="sorted")))
