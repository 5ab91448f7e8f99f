"""Plain filters over a ledger's events: what an auditor picks out."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from charter.runtime.audit.past import input_facts
from charter.runtime.audit.sentences import outcome, waivers
from charter.runtime.failure import Failure
from charter.runtime.ledger import Recorded

_TELL_WHO_WORKED = frozenset({"run.opened", "stage.finished"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events; an empty field restricts nothing. `since` and `until` compare as texts with recorded times.

    `denied`, `waived` and `self_approved` are alternatives: with more than one, an event passes by any of them.

    Attributes:
        waived: only what went by a waiver, and waivers being signed.
        self_approved: only approvals signed by who did the work, or by who owns the system.
    """

    kinds: frozenset[str] = frozenset()
    stage: str | None = None
    subject: str | None = None
    since: str = ""
    until: str = ""
    denied: bool = False
    waived: bool = False
    self_approved: bool = False

    @property
    def exceptions(self) -> bool:
        """Whether only exceptions are wanted."""
        return self.denied or self.waived or self.self_approved


def matching(
    events: Iterable[Recorded],
    wanted: Filter,
    attachment: Callable[[str], bytes | None],
    unjudged: list[Recorded] | None = None,
) -> Iterator[Recorded]:
    """The events that pass, in order.

    Args:
        events: all of a ledger's, from its beginning: who did the work is learnt on the way.
        attachment: reads a policy input by digest, to learn the owner; None when it is gone.
        unjudged: gets the events that may be among those asked for, but what would tell is gone.
    """
    workers = _Workers(attachment)
    for event in events:
        workers.see(event)
        if unjudged is not None and _cannot_judge(event, wanted, workers):
            unjudged.append(event)
        elif _by_header(event, wanted) and _by_body(event, wanted, workers):
            yield event


def _by_header(event: Recorded, wanted: Filter) -> bool:
    return (
        (not wanted.kinds or event.kind in wanted.kinds)
        and event.time >= wanted.since
        and (not wanted.until or event.time < wanted.until)
        and (wanted.subject is None or event.subject == wanted.subject)
    )


def _by_body(event: Recorded, wanted: Filter, workers: "_Workers") -> bool:
    return (wanted.stage is None or event.body.get("stage") == wanted.stage) and (
        not wanted.exceptions
        or (wanted.denied and outcome(event) == "denied")
        or (wanted.waived and _is_waived(event))
        or (wanted.self_approved and workers.approved_own(event))
    )


def _cannot_judge(event: Recorded, wanted: Filter, workers: "_Workers") -> bool:
    """Whether an event that passes by its header would have to be judged by a text that is gone."""
    if not _by_header(event, wanted):
        # Who did the work is told by other records than those asked for.
        return wanted.self_approved and event.erased and event.kind in _TELL_WHO_WORKED
    if not event.erased:
        signed = wanted.self_approved and event.kind == "statement.signed" and event.body.get("type") == "approve"
        return signed and workers.owner_is_gone and not _by_body(event, wanted, workers)
    if not wanted.exceptions:
        return wanted.stage is not None
    kinds = frozenset[str]()
    kinds |= {"gate.decided"} if wanted.denied else frozenset()
    kinds |= {"gate.decided", "act.signed"} if wanted.waived else frozenset()
    kinds |= {"statement.signed", *_TELL_WHO_WORKED} if wanted.self_approved else frozenset()
    return event.kind in kinds


def refuse_unknown_stage(stage: str, events: Iterable[Recorded]) -> None:
    """Refuse a stage that no event is of: an empty list would look like an answer.

    Raises:
        Failure: with the nearest name.
    """
    known = sorted({name for event in events if isinstance(name := event.body.get("stage"), str)})
    if stage in known:
        return
    near = difflib.get_close_matches(stage, known, n=1)
    hint = f"Did you mean `{near[0]}`? " if near else ""
    raise Failure("no such stage", f"Nothing is recorded of `{stage}`. {hint}Stages: {', '.join(known) or 'none'}.")


def moment(text: str, option: str, *, end_of_day: bool = False) -> str:
    """A date or time as the ledger writes times; a date alone is its first moment, or the first one after it.

    Raises:
        Failure: it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
        day = len(text) <= len("2026-11-22")
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Failure(
            "not a time",
            f"`{option} {text[:60]}` should be a date or time such as `2026-11-22` or `2026-11-22T08:00Z`.",
        ) from None
    if day and end_of_day:
        # The first moment after the day, as text: 24:00 sorts after all of the day and before the next.
        return f"{found.date()}T24:00:00.000000Z"
    return f"{found.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class _Workers:
    """Who did the work, learnt from the events so far: whose runs made an iteration's results, and the owner."""

    def __init__(self, attachment: Callable[[str], bytes | None]) -> None:
        self.attachment = attachment
        self.actors: dict[object, str] = {}
        self.made: dict[object, set[str]] = {}
        self.input = ""

    def see(self, event: Recorded) -> None:
        body = event.body
        if event.kind == "run.opened":
            self.actors[body.get("run")] = str(body.get("actor"))
        elif event.kind == "gate.decided" and not event.erased:
            self.input = str(body.get("input"))
        elif event.kind == "stage.finished" and body.get("reused") is not True:
            actor = self.actors.get(body.get("run"))
            if actor is not None and str(body.get("stage")).partition("/")[0] != "approve":
                self.made.setdefault(body.get("iteration"), set()).add(actor)

    @property
    def owner_is_gone(self) -> bool:
        """Whether the policy input that says who owns the system is gone."""
        return bool(self.input) and self.attachment(self.input) is None

    def approved_own(self, event: Recorded) -> bool:
        """Whether an approval was signed by who did the work, or owns the system."""
        if event.kind != "statement.signed" or event.body.get("type") != "approve":
            return False
        person = event.body.get("person")
        return person in self.made.get(event.body.get("iteration"), set()) or person == self._owner()

    def _owner(self) -> object:
        data = self.attachment(self.input) if self.input else None
        lifecycle = input_facts(data).get("lifecycle") if data else None
        return lifecycle.get("owner") if isinstance(lifecycle, dict) else None


def _is_waived(event: Recorded) -> bool:
    if event.kind == "gate.decided":
        return bool(waivers(event.body))
    return event.kind == "act.signed" and event.body.get("act") == "waive"
