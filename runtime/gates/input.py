"""Builds the policy input: from the IR and the facts, the exact bytes that an engine sees."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from charter.compiler.ir import IR, Provenance, Rows
from charter.runtime.gates.contract import (
    INPUT_VERSION,
    MAX_BYTES,
    DatasetFact,
    DeclarationFact,
    EvidenceFact,
    GateInput,
    LifecycleFact,
    ModelFact,
    RowsFact,
    Transition,
    encode_input,
)
from charter.runtime.gates.facts import GateFacts


class InputRefused(Exception):
    """The facts make no valid input; a gate that meets this denies.

    Args:
        code: `input_not_finite`, `input_malformed` or `input_too_large`.
        message: full sentence: what, where, what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def build_input(ir: IR, facts: GateFacts) -> bytes:
    """The policy input of one gate: what the charter says (from the IR) and what happened (from the facts).

    Raises:
        InputRefused: a number that is not finite, a value that JSON has no room for, more than 1 MiB.
    """
    return _encoded(gate_input(ir, facts))


def gate_input(ir: IR, facts: GateFacts) -> GateInput:
    """The policy input as a value.

    Raises:
        InputRefused: evidence with a number that is not finite.
    """
    _refuse_infinite("evidence", facts.evidence)
    for check in facts.history:
        _refuse_infinite(f"history of {check.stage}", check.evidence)
    declaration = ir.declarations.get(facts.subject)
    return GateInput(
        schema=INPUT_VERSION,
        lifecycle=LifecycleFact(
            name=ir.lifecycle.name,
            version=ir.lifecycle.version,
            owner=ir.lifecycle.owner,
            risk=ir.lifecycle.risk,
            meaning=ir.meaning,
            iteration=facts.iteration,
        ),
        transition=Transition(
            gate=facts.gate,
            point=facts.point,
            stage=facts.stage,
            kind=facts.kind,
            subject=facts.subject,
            attempt=facts.attempt,
            key=facts.key,
            sources=facts.source_stages,
            target=facts.target,
        ),
        time=facts.time,
        actor=facts.actor,
        declaration=None
        if declaration is None
        else DeclarationFact(
            kind=declaration.kind,
            name=declaration.name,
            digest=declaration.digest,
            body=dict(declaration.body),
        ),
        parameters=dict(ir.parameters),
        evidence=facts.evidence,
        artifacts=dict(facts.artifacts),
        inputs=dict(facts.inputs),
        datasets=_datasets(ir, facts),
        models=tuple(_model(name, ir.models[name], facts.models[name]) for name in facts.models if name in ir.models),
        lineage=facts.lineage,
        people=dict(facts.people),
        approvals=facts.approvals,
        waivers=facts.waivers,
        history=facts.history,
    )


def _encoded(document: GateInput) -> bytes:
    try:
        data = encode_input(document)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputRefused("input_malformed", f"the policy input cannot be written as JSON: {error}") from error
    if len(data) > MAX_BYTES:
        raise InputRefused(
            "input_too_large",
            f"the policy input has {len(data):,} bytes, the limit is {MAX_BYTES:,}; report less evidence",
        )
    return data


def _refuse_infinite(where: str, records: Iterable[EvidenceFact]) -> None:
    """JSON has no NaN, and msgspec would write null: what is no number must deny, not vanish."""
    for record in records:
        for name in ("value", "low", "high", "confidence"):
            value = getattr(record, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputRefused(
                    "input_not_finite",
                    f"{where}: `{name}` of `{record.metric}` is {value}, not a finite number",
                )


def _datasets(ir: IR, facts: GateFacts) -> tuple[DatasetFact, ...]:
    """The datasets that this stage is about or that flow into it, by name."""
    subjects = {facts.subject, *(stage.subject for stage in facts.lineage)}
    found = sorted(subject for subject in subjects if subject.startswith("dataset/"))
    return tuple(
        _dataset(ir.declarations[subject].name, ir.declarations[subject].body)
        for subject in found
        if subject in ir.declarations
    )


def _dataset(name: str, body: Mapping[str, Any]) -> DatasetFact:
    return DatasetFact(
        name=name,
        class_=body.get("class"),
        basis=body.get("basis"),
        license=body.get("license"),
        origin=body.get("origin"),
        personal=_words(body.get("personal")),
        protected=_words(body.get("protected")),
    )


@lru_cache(maxsize=256)
def _model(name: str, of: Provenance, digest: str | None) -> ModelFact:
    """One model; it is the same at every gate until it is made anew, so it is put together once."""
    return ModelFact(
        name=name,
        task=of.task,
        trainer=of.trainer,
        fine_tuned_from=of.fine_tuned_from,
        hosted_at=of.hosted_at,
        digest=digest,
        trained_on=_rows(of.trained_on),
        validated_on=_rows(of.validated_on),
        aligned_with=_rows(of.aligned_with),
        learnt_from=of.learnt_from,
        class_=of.class_,
        class_known=of.class_known,
        licenses=of.licenses,
        commercial_use=of.commercial_use,
    )


def _rows(rows: Rows | None) -> RowsFact | None:
    return None if rows is None else RowsFact(dataset=rows.dataset, part=rows.part)


def _words(value: Any) -> tuple[str, ...]:
    """A list of words; a lone one stands for itself in the normal form."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
