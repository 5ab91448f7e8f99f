"""Plain filters over a ledger's events: what an auditor picks out."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from charter.runtime.audit.past import input_facts
from charter.runtime.audit.sentences import outcome, waivers
from charter.runtime.failure import Failure
from charter.runtime.ledger import Recorded


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events; an empty field restricts nothing. `since` and `until` compare as texts with recorded times.

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


def matching(
    events: Iterable[Recorded], wanted: Filter, attachment: Callable[[str], bytes | None]
) -> Iterator[Recorded]:
    """The events that pass, in order.

    Args:
        events: all of a ledger's, from its beginning: who did the work is learnt on the way.
        attachment: reads a policy input by digest, to learn the owner; None when it is gone.
    """
    workers = _Workers(attachment)
    for event in events:
        workers.see(event)
        if (
            (not wanted.kinds or event.kind in wanted.kinds)
            and event.time >= wanted.since
            and (not wanted.until or event.time < wanted.until)
            and (not wanted.denied or outcome(event) == "denied")
            and (wanted.stage is None or event.body.get("stage") == wanted.stage)
            and (wanted.subject is None or event.subject == wanted.subject)
            and (not wanted.waived or _is_waived(event))
            and (not wanted.self_approved or workers.approved_own(event))
        ):
            yield event


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
        return f"{found:%Y-%m-%d}T24:00:00.000000Z"
    return f"{found:%Y-%m-%dT%H:%M:%S}.{found.microsecond:06d}Z"


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
        elif event.kind == "gate.decided":
            self.input = str(body.get("input"))
        elif event.kind == "stage.finished" and body.get("reused") is not True:
            actor = self.actors.get(body.get("run"))
            if actor is not None and str(body.get("stage")).partition("/")[0] != "approve":
                self.made.setdefault(body.get("iteration"), set()).add(actor)

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
