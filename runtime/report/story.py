"""Where the lifecycle stands and how it came there, in sentences."""

from collections.abc import Iterator, Sequence

from charter.runtime.assess import Assessment, Status
from charter.runtime.events import Reacted
from charter.runtime.report.decisions import clock, held_back
from charter.runtime.report.numbers import listed, plural
from charter.runtime.report.source import Source
from charter.runtime.report.view import DecisionView, Line, SignedView, StageView, Tone

_MOST_DENIALS = 8


def headline(source: Source) -> tuple[str, Tone]:
    """The state in a sentence, and its colour; never the good one when records that it stands on are erased."""
    sentence, tone = _headline(source)
    gaps = len(source.state.gaps)
    if not gaps:
        return sentence, tone
    what = f"{plural(gaps, 'record')} that runs build on {'is' if gaps == 1 else 'are'} erased"
    return f"{sentence} Not certain: {what}.", "waiting" if tone == "good" else tone


def _headline(source: Source) -> tuple[str, Tone]:
    lost = source.missing_records()
    if lost:
        return f"Rolled back or cut off: {lost} signed records are gone. Rely on nothing on this page.", "bad"
    by_status: dict[Status, list[Assessment]] = {}
    for item in source.standing.values():
        by_status.setdefault(item.status, []).append(item)
    retired = _retired(source)
    live = _done(source, "deploy")
    serving = _serving(source)
    if retired and serving:
        where = listed([f"{stage} at {address}" for stage, address in serving.items()])
        return f"Retired, and yet something serves: {where} answers although {_names(retired)} was retired.", "bad"
    if retired:
        return f"Retired: {_names(retired)} is out of service, and its records are kept.", "good"
    stopped = [*by_status.get(Status.FAILED, []), *by_status.get(Status.DENIED, [])]
    if stopped:
        where = f"Live with {_names(live)}, but" if live else "Stopped:"
        first = stopped[0]
        what = "failed" if first.status is Status.FAILED else "was denied"
        more = f" {plural(len(stopped) - 1, 'more stage')} did not pass either." if len(stopped) > 1 else ""
        return f"{where} {first.stage.id} {what}: {_sentence(first.why)}{more}", "bad"
    waiting = by_status.get(Status.WAITING, [])
    if live:
        later = f" Waiting: {waiting[0].why}." if waiting and waiting[0].stage.kind != "retire" else ""
        return f"Live: {_names(live)} is deployed, and every gate on the way allowed it.{later}", "good"
    if waiting:
        return f"Waiting at {waiting[0].stage.id}: {_sentence(waiting[0].why)}", "waiting"
    due = [*by_status.get(Status.RUN, []), *by_status.get(Status.DECIDE, [])]
    if due:
        return f"Under way: {due[0].stage.id} comes next, because {_sentence(due[0].why)}", "waiting"
    return "Everything that is due is done.", "good"


def _serving(source: Source) -> dict[str, str]:
    """Addresses that answer now, by the stage that opened them."""
    return {
        stage: str(servers[-1].get("address"))
        for stage, servers in source.state.servers.items()
        if servers and stage.partition("/")[2] not in source.dead
    }


def _done(source: Source, kind: str) -> list[Assessment]:
    return [item for item in source.standing.values() if item.stage.kind == kind and item.status is Status.DONE]


def _retired(source: Source) -> list[Assessment]:
    """Retirements that happened in this iteration: what comes after does not undo them."""
    return [
        item
        for item in source.standing.values()
        if item.stage.kind == "retire"
        and (decided := source.state.stage(item.stage.id).exit) is not None
        and decided.body.allow
    ]


def _names(items: Sequence[Assessment]) -> str:
    return listed([item.stage.name for item in items])


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


def story(
    source: Source, taken: Sequence[DecisionView], approvals: Sequence[SignedView], stages: Sequence[StageView]
) -> Iterator[Line]:
    """What was decided, and why."""
    counts = {word: sum(item.word == word for item in taken) for word in ("allowed", "denied", "waits")}
    gates = len({item.gate for item in taken})
    engines = listed(sorted({item.engine for item in taken}))
    yield Line(
        f"{plural(len(taken), 'decision')} at {plural(gates, 'gate')} by {engines or 'no engine'}: "
        f"{counts['allowed']} allowed, {counts['denied']} denied, {counts['waits']} found something still missing."
    )
    yield from _denials(taken)
    yield from _approvals(approvals)
    yield from _deployments(source)
    yield from _reactions(source)
    yield from _warnings(stages)


def _denials(taken: Sequence[DecisionView]) -> Iterator[Line]:
    times = {item.seq: item.time for item in taken}
    told = [item for item in held_back(taken) if item.decision.word == "denied"]
    for item in reversed(told[:_MOST_DENIALS]):
        last = item.decision
        again = f", the last of {plural(item.times, 'time')}" if item.times > 1 else ""
        reasons = "; ".join(finding.message for finding in last.violations[:3])
        more = f"; and {len(last.violations) - 3} more" if len(last.violations) > 3 else ""
        yield Line(f"{last.gate} denied on {last.time}{again}: {reasons}{more}.", "bad", last.seq)
        if item.later is not None:
            changed = "after something had changed"
            yield Line(f"{last.gate} allowed on {times[item.later]}, {changed}.", "good", item.later)
    if len(told) > _MOST_DENIALS:
        yield Line(f"And {plural(len(told) - _MOST_DENIALS, 'more gate')} denied; all are listed below.", "bad")


def _approvals(approvals: Sequence[SignedView]) -> Iterator[Line]:
    for approval in approvals:
        approved = [item for item in approval.statements if item.counts and item.decision == "approves"]
        rejected = [item for item in approval.statements if item.counts and item.decision == "rejects"]
        if rejected:
            who = listed([item.name or item.person for item in rejected])
            yield Line(f"{approval.id} was rejected by {who}.", "bad", rejected[-1].seq)
        if approved:
            who = listed([item.name or item.person for item in approved])
            tone: Tone = "good" if approval.gate.tone == "good" else "waiting"
            yield Line(f"{approval.id} was approved by {who} as {approved[0].role}.", tone, approved[-1].seq)


def _reactions(source: Source) -> Iterator[Line]:
    groups: dict[tuple[int, str, int, str, str], list[tuple[int, str, Reacted]]] = {}
    for seq, time, body in source.state.reactions:
        what = (body.iteration, body.stage, body.check, body.control, body.reaction)
        groups.setdefault(what, []).append((seq, time, body))
    for group in groups.values():
        seq, time, body = group[-1]
        to = f" {body.to}" if body.to else ""
        again = f", {plural(len(group), 'time')}" if len(group) > 1 else ""
        yield Line(
            f"On {clock(time)[:10]} {body.control} was breached in check {body.check} of {body.stage}{again}; "
            f"the reaction was: {body.reaction}{to} ({body.outcome}).",
            "bad",
            seq,
        )


def _deployments(source: Source) -> Iterator[Line]:
    for item in _done(source, "deploy"):
        decided = source.state.stage(item.stage.id).exit
        if decided is not None:
            yield Line(f"{item.stage.name} was deployed on {clock(decided.time)}.", "good", decided.seq)
    live = {item.stage.id for item in _done(source, "deploy")}
    for stage, address in _serving(source).items():
        if stage not in live:
            yield Line(f"{stage} still serves at {address} what was allowed before something changed.", "waiting")
    for item in _retired(source):
        decided = source.state.stage(item.stage.id).exit
        if decided is not None:
            yield Line(f"{item.stage.name} was retired on {clock(decided.time)}.", "good", decided.seq)


def _warnings(stages: Sequence[StageView]) -> Iterator[Line]:
    for stage in stages:
        for control in stage.controls:
            if control.standing == "warned":
                yield Line(f"A warning of {control.text}: {'; '.join(control.messages)}.", "waiting", control.seq)
            elif control.standing == "advisory":
                yield Line(f"Not met, but advisory in the charter: {control.text}.", "waiting", control.seq)
            elif control.standing == "waived":
                yield Line(f"Not met, and waived: {control.text}.", "waiting", control.seq)
            elif control.fragile:
                yield Line(
                    f"Met by the point estimate only, since the charter asks for no confidence: {control.text}.",
                    "waiting",
                    control.seq,
                )
