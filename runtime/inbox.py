"""What waits for people: approvals, waivers, evidence to vouch for, alerts and reviews, since when and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from charter.compiler.ir import Approval, Control, Waiver
from charter.runtime.assess import Status
from charter.runtime.events import Reacted
from charter.runtime.report.numbers import plural
from charter.runtime.report.packet import control_in
from charter.runtime.report.source import Source
from charter.runtime.trust.approvals import exclusion
from charter.runtime.trust.emergencies import broken_glass, halts
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import ancestry, approve_stage
from charter.runtime.trust.times import parse_time, stamp
from charter.runtime.trust.waivers import barred, bars, waived_control
from charter.runtime.vouching import awaited, raising_command

Kind = Literal["approve", "waive", "attest", "reproduce", "alert", "review", "resume"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits.

    Attributes:
        name: what it is about.
        role: whom the charter asks; empty where it is the administrators.
        people: who can do it now, by id; nobody when whoever could is excluded, has signed or is missing.
        since, until: RFC 3339; None where it does not begin or end at a time.
        why: one clause.
        command: what to type; empty where there is nothing to type.
    """

    kind: Kind
    name: str
    role: str
    people: tuple[str, ...]
    since: str | None
    until: str | None
    why: str
    command: str


def inbox(source: Source) -> tuple[Item, ...]:
    """All that waits, most urgent first: what holds everything, what ends soonest, then what waits longest."""
    found = [
        *_approvals(source),
        *_waivers(source),
        *_grades(source),
        *_alerts(source),
        *_halts(source),
        *_reviews(source),
    ]
    return tuple(sorted(found, key=_urgency))


def _urgency(item: Item) -> tuple[bool, str, str, str, str]:
    return (item.kind != "resume", item.until or "9999", item.since or "9999", item.kind, item.name)


def _approvals(source: Source) -> Iterator[Item]:
    for approval in source.ir.controls:
        if not isinstance(approval, Approval):
            continue
        own = approve_stage(source.ir, approval)
        before = ancestry(source.ir, own.id)
        if source.standing[own.id].status is Status.DONE:
            continue
        if any(source.standing[stage.id].status is not Status.DONE for stage in before):
            continue
        yield _approval(source, approval, [stage.id for stage in before])


def _approval(source: Source, approval: Approval, before: list[str]) -> Item:
    verdict = source.verdict(approval)
    signed = {item.person for item in verdict.approvals}
    missing = max(0, approval.quorum - len(signed))
    why = f"{missing} of {approval.quorum} signatures are missing" if missing else "the quorum is there: `charter run`"
    if verdict.rejections:
        why = f"rejected by {', '.join(item.person for item in verdict.rejections)}"
    people = able_to_approve(source, approval, signed)
    if missing > len(people):
        why += f"; only {len(people)} more of `{approval.role}` may sign"
    return Item(
        "approve",
        approval.id,
        approval.role,
        people if missing or verdict.rejections else (),
        _since(source, before),
        _lapses(approval, [item.signed_at for item in verdict.approvals]),
        why,
        f"charter approve {approval.id} --key YOUR.key",
    )


def able_to_approve(source: Source, approval: Approval, signed: set[str]) -> tuple[str, ...]:
    """Who could still sign an approval: in the role, with a key, not excluded, not signed yet."""
    trust = source.trust
    if trust is None:
        return ()
    excluded = source.case(approval, trust).excluded
    return tuple(
        who
        for who in _members(trust, approval.role)
        if who not in signed and exclusion(who, approval, excluded) is None
    )


def _members(trust: TrustRoot, role: str) -> list[str]:
    """Who holds a role and has a key to sign with."""
    return [who for who in trust.members(role) if trust.keys_of(who)]


def _since(source: Source, before: list[str]) -> str | None:
    """When the last stage on the way was allowed: from then on it could be signed."""
    times = [decided.time for stage in before if (decided := source.state.stage(stage).exit) is not None]
    return stamp(parse_time(max(times))) if times else None


def _lapses(approval: Approval, signed: list[str]) -> str | None:
    """When the first of the signatures lapses that are there."""
    if approval.valid_seconds is None or not signed:
        return None
    return stamp(parse_time(min(signed)) + timedelta(seconds=approval.valid_seconds))


def _waivers(source: Source) -> Iterator[Item]:
    for waiver in source.ir.waivers:
        verdict = source.waiver_verdict(waiver)
        control = control_in(source, waived_control(source.ir, waiver))
        if verdict.lapsed or not verdict.missing or control.standing != "breached":
            continue
        if not _could_be_waived(source, waived_control(source.ir, waiver)):
            continue
        yield Item(
            "waive",
            waiver.name,
            waiver.role,
            able_to_waive(source, waiver, {act.person for act in verdict.granted}),
            _decided_at(source, control.gate),
            f"{waiver.until}T23:59:59Z",
            f"{verdict.missing} of {waiver.quorum} signatures are missing; {'; '.join(control.messages[:1])}",
            f"charter waive {waiver.name} --key YOUR.key",
        )


def _could_be_waived(source: Source, control: Control) -> bool:
    """Whether what is denied is a breach: evidence that is missing or unfit cannot be waived, whoever signs."""
    stage, _, point = control.gate.rpartition(":")
    decided = getattr(source.state.stage(stage), point)
    return decided is not None and any(
        item.get("control") == control.id and item.get("waivable") for item in decided.body.violations
    )


def able_to_waive(source: Source, waiver: Waiver, signed: set[str]) -> tuple[str, ...]:
    """Who could still sign a waiver."""
    trust = source.trust
    if trust is None:
        return ()
    excluding = bars(source.ir, waiver, source.state, trust)
    return tuple(who for who in _members(trust, waiver.role) if who not in signed and barred(who, excluding) is None)


def _decided_at(source: Source, gate: str) -> str | None:
    stage, _, point = gate.rpartition(":")
    decided = getattr(source.state.stage(stage), point)
    return None if decided is None else stamp(parse_time(decided.time))


def _grades(source: Source) -> Iterator[Item]:
    for item in awaited(source):
        reproduce = item.control.least_grade == "reproduced"
        name = item.stage if reproduce else f"{item.stage}:{item.control.metric}"
        kind: Kind = "reproduce" if reproduce else "attest"
        yield Item(kind, name, "", item.people, item.since, None, item.why, raising_command(item.control))


def _alerts(source: Source) -> Iterator[Item]:
    """Breaches that a role was alerted to, while their monitor still says so."""
    latest: dict[tuple[str, str], tuple[str, Reacted]] = {}
    for _, time, reacted in source.state.reactions:
        if reacted.reaction == "alert" and reacted.iteration == source.state.iteration:
            latest.setdefault((reacted.stage, reacted.control), (time, reacted))
    for (stage, control), (time, reacted) in latest.items():
        decided = source.state.stage(stage).exit
        still = decided is not None and any(item.get("control") == control for item in decided.body.violations)
        if still:
            role = reacted.to or ""
            people = tuple(source.trust.members(role)) if source.trust else ()
            why = f"`{control}` of `{stage}` is breached"
            yield Item("alert", control, role, people, stamp(parse_time(time)), None, why, "")


def _halts(source: Source) -> Iterator[Item]:
    administrators = source.trust.current.administrators.people if source.trust else ()
    for halt in halts(source.acts, source.trust):
        body = halt.record.body
        yield Item(
            "resume",
            body.name,
            "",
            tuple(who for who in administrators if who not in halt.resumed_by),
            stamp(parse_time(halt.record.time)),
            None,
            f"halted by {body.person}: {body.comment}; {plural(halt.missing, 'administrator')} must agree to go on",
            f"charter resume {body.name} --key YOUR.key --comment '...'",
        )


def _reviews(source: Source) -> Iterator[Item]:
    people = [person.id for person in source.trust.current.people if person.keys] if source.trust else []
    for glass in broken_glass(source.acts, source.trust):
        if glass.closed is not None:
            continue
        body = glass.record.body
        yield Item(
            "review",
            glass.gate,
            "",
            tuple(who for who in people if who != body.person),
            stamp(parse_time(glass.record.time)),
            f"{glass.review_by}T23:59:59Z" if glass.review_by else None,
            f"{body.person} broke its glass: {body.comment}"
            + ("; the review is OVERDUE, and everything stands still" if glass.overdue(source.now) else ""),
            f"charter close-review {glass.gate} --key YOUR.key --comment '...'",
        )


def ago(time: str, now: datetime) -> str:
    """How long ago, or until when, in the coarsest unit that says something."""
    seconds = abs((now - parse_time(time)).total_seconds())
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"
