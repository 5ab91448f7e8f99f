"""Decisions and signed statements of the ledger, in words."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from charter.compiler.ir import Approval, Waiver
from charter.runtime.events import GateApplied, GateDecided
from charter.runtime.report.controls import is_stale
from charter.runtime.report.numbers import shown
from charter.runtime.report.source import Source
from charter.runtime.report.view import DecisionView, FindingView, GateView, HeldBack, SignedView, StatementView, Tone
from charter.runtime.state import Decided, RecordedEvent
from charter.runtime.trust import dsse
from charter.runtime.trust.acts import ActRecord
from charter.runtime.trust.approvals import SignedRecord
from charter.runtime.trust.genuine import PAYLOAD_TYPE
from charter.runtime.trust.statement import approve_stage, read_statement


def clock(time: str) -> str:
    """`2026-11-22 07:35:40`: a recorded time to the second, UTC."""
    return time[:19].replace("T", " ")


def decisions(events: Iterable[RecordedEvent]) -> list[DecisionView]:
    """Every decision, oldest first, with the record of its effect."""
    found: dict[int, tuple[RecordedEvent, GateDecided]] = {}
    applied: dict[int, int] = {}
    for recorded in events:
        if recorded.kind == "gate.decided":
            found[recorded.seq] = (recorded, msgspec.convert(recorded.body, GateDecided))
        elif recorded.kind == "gate.applied":
            applied[msgspec.convert(recorded.body, GateApplied).decision] = recorded.seq
    return [decision_view(seq, recorded.time, body, applied.get(seq)) for seq, (recorded, body) in found.items()]


def held_back(taken: Iterable[DecisionView]) -> list[HeldBack]:
    """What did not pass, newest first: a gate's last refusal, how often it refused, and whether it allowed later."""
    groups: dict[tuple[int, str, int], list[DecisionView]] = {}
    for item in taken:
        groups.setdefault((item.iteration, item.gate, item.check), []).append(item)
    found = []
    for group in groups.values():
        refused = [item for item in group if item.word != "allowed"]
        if refused:
            later = group[-1].seq if group[-1].word == "allowed" else None
            found.append(HeldBack(refused[-1], len(refused), later))
    return sorted(found, key=lambda item: -item.decision.seq)


def decision_view(seq: int, time: str, body: GateDecided, applied: int | None) -> DecisionView:
    """One decision in words."""
    word, tone = verdict_word(body)
    return DecisionView(
        seq=seq,
        time=clock(time),
        gate=body.gate,
        iteration=body.iteration,
        check=body.check,
        word=word,
        tone=tone,
        violations=tuple(map(finding_view, body.violations)),
        warnings=tuple(map(finding_view, body.warnings)),
        obligations=tuple(_obligation(item) for item in body.obligations),
        evaluated=body.evaluated,
        engine=f"{body.engine} {body.engine_version}",
        bundle=body.bundle,
        input=body.input,
        actor=body.actor,
        applied=applied,
    )


def verdict_word(body: GateDecided) -> tuple[str, Tone]:
    """What a decision says, and its colour."""
    if body.allow:
        return "allowed", "good"
    return ("waits", "waiting") if body.waiting else ("denied", "bad")


def gate_view(gate: str, decided: Decided | None, key: str | None, bundle: str) -> GateView:
    """A gate as it last decided; what it allowed for other work or under other policies is no green.

    Args:
        gate: its id.
        decided: its last decision.
        key: result key of the work that counts now; None when that is not known.
        bundle: digest of the policies in force.
    """
    point = gate.rpartition(":")[2]
    if decided is None:
        return GateView(gate, point, "not decided", "quiet", None)
    word, tone = verdict_word(decided.body)
    if is_stale(decided, key, bundle):
        return GateView(gate, point, "allowed what has changed since", "quiet", decided.seq)
    return GateView(gate, point, word, tone, decided.seq)


def finding_view(item: Mapping[str, Any]) -> FindingView:
    """One violation or warning in words."""
    return FindingView(
        control=str(item.get("control") or ""),
        code=str(item.get("code") or ""),
        message=str(item.get("message") or "no reason was given"),
        severity=str(item.get("severity") or ""),
        clauses=tuple(str(clause) for clause in item.get("clauses") or ()),
        remedy=str(item.get("remedy") or ""),
        evidence=_evidence(item.get("evidence") or {}),
        waiver=str(item.get("waiver") or ""),
    )


def _evidence(item: Mapping[str, Any]) -> str:
    """`0.71 [0.69 to 0.73], n 1,350, measured; the bound is >= 0.8`; empty when there is none."""
    if item.get("value") is None:
        return ""
    words = shown(item["value"], None)
    if item.get("low") is not None and item.get("high") is not None:
        words += f" [{shown(item['low'], None)} to {shown(item['high'], None)}]"
    if item.get("n") is not None:
        words += f", n {shown(item['n'], 'count')}"
    if item.get("grade"):
        words += f", {item['grade']}"
    if item.get("bound") is not None:
        words += f"; the bound is {item.get('comparison', '')} {shown(item['bound'], None)}"
    return words


def _obligation(item: Mapping[str, Any]) -> str:
    to = f" {item['to']}" if item.get("to") else ""
    action = f"{item.get('reaction') or item.get('kind')}{to}"
    return f"{action}: {item['text']}" if item.get("text") else action


def approval_view(source: Source, approval: Approval) -> SignedView:
    """An approval of the charter with everything that was signed for it."""
    verdict = source.verdict(approval)
    counting = {item.seq for item in (*verdict.approvals, *verdict.rejections)}
    reasons = {item.seq: item.reason for item in verdict.ignored}
    statements = tuple(
        _statement(source, record, record.seq in counting, reasons.get(record.seq, ""))
        for record in source.signed
        if record.body.approval == approval.id
    )
    stage = approve_stage(source.ir, approval)
    return SignedView(
        id=approval.id,
        text=approval.text,
        place=f"{approval.place.file}:{approval.place.line}",
        gate=gate_view(
            approval.gate,
            source.state.stage(stage.id).exit,
            source.standing[stage.id].key,
            source.ir.bundle.digest,
        ),
        statements=statements,
    )


def _statement(source: Source, record: SignedRecord, counts: bool, reason: str) -> StatementView:
    body = record.body
    known = source.trust.person(body.person) if source.trust else None
    no_root = "" if source.trust else "there is no trust root to verify it with"
    return StatementView(
        person=body.person,
        name=known.name if known else "",
        role=body.role,
        decision="approves" if body.type == "approve" else "rejects",
        time=clock(record.time),
        key=body.key,
        counts=counts,
        reason=reason or no_root,
        comment=_comment(record.envelope),
        seq=record.seq,
    )


_ACTS = {"waive": "waives", "withdraw": "takes back"}


def waiver_view(source: Source, waiver: Waiver) -> SignedView:
    """A waiver that the charter asks for, with everything that was signed under it."""
    verdict = source.waiver_verdict(waiver)
    counting = {act.seq for act in verdict.granted}
    reasons = {item.seq: item.reason for item in verdict.ignored}
    tone: Tone = "waiting" if verdict.in_force else "quiet"
    return SignedView(
        id=waiver.name,
        text=f"{waiver.control}: {waiver.reason}",
        place=f"{waiver.place.file}:{waiver.place.line}",
        gate=GateView(waiver.control, "", verdict.standing, tone, None),
        statements=tuple(
            _act_view(source, record, record.seq in counting, reasons.get(record.seq, ""))
            for record in source.acts
            if record.body.name == waiver.name and record.body.act in _ACTS
        ),
    )


def _act_view(source: Source, record: ActRecord, counts: bool, reason: str) -> StatementView:
    body = record.body
    known = source.trust.person(body.person) if source.trust else None
    return StatementView(
        person=body.person,
        name=known.name if known else "",
        role=body.role,
        decision=_ACTS[body.act],
        time=clock(record.time),
        key=body.key,
        counts=counts,
        reason=reason or ("" if source.trust else "there is no trust root to verify it with"),
        comment=body.comment,
        seq=record.seq,
    )


def _comment(envelope: bytes) -> str:
    """The signer's comment; empty when the envelope cannot be read, which the verdict has said."""
    from charter.runtime.failure import Failure

    try:
        payload, _ = dsse.open_envelope(envelope, PAYLOAD_TYPE, {})
        return read_statement(payload).predicate.comment
    except Failure:
        return ""
