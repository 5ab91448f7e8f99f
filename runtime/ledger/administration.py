"""What a ledger records about itself: holds, erasures and changes of keys; their kinds begin with `ledger.`."""

import secrets
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from charter.runtime.ledger.errors import Refused, Tampered
from charter.runtime.ledger.events import Event, Recorded, schema_id

ERASED, HELD, RELEASED, KEY_ROTATED = "ledger.erased", "ledger.held", "ledger.released", "ledger.key-rotated"
KINDS = (ERASED, HELD, RELEASED, KEY_ROTATED)
MAX_ERASED = 10_000
"""Records in one erasure."""

_MAX_GROUND = 2000


class Keeper(Struct, frozen=True):
    """Who did it: a person of the trust root with the key that showed it, or (key None) a name that is only claimed."""

    name: str
    key: str | None = None


class Hold(Struct, frozen=True):
    """Records that must be kept: from `first` to `last` (None: to the end, those to come included)."""

    name: str
    first: int
    last: int | None
    ground: str
    seq: int
    """The record that ordered it."""
    time: str

    def covers(self, seq: int) -> bool:
        """Whether a record is held."""
        return self.first <= seq and (self.last is None or seq <= self.last)


def held_event(name: str, first: int, last: int | None, ground: str, by: Keeper) -> Event:
    """Order a hold.

    Raises:
        Refused: no name, no ground, or an empty range.
    """
    if first < 0 or (last is not None and last < first):
        raise Refused("hold covers nothing", f"Records {first} to {last} are none. Give `--from` not above `--to`.")
    body = {"hold": _said("name of the hold", name), "first": first, "last": last}
    return Event(HELD, "ledger", {**body, "ground": _said("ground", ground), **_by(HELD, by)}, _new_id(HELD))


def released_event(hold: Hold, ground: str, by: Keeper) -> Event:
    """End a hold."""
    body = {"hold": hold.name, "held": hold.seq, "ground": _said("ground", ground), **_by(RELEASED, by)}
    return Event(RELEASED, "ledger", body, f"{RELEASED}:{hold.seq}")


def erased_event(seqs: Sequence[int], digests: Sequence[str], kept: Sequence[str], ground: str, by: Keeper) -> Event:
    """Account for an erasure. `digests` (hex) are attachments that go, `kept` those that other records need."""
    body = {
        "records": list(seqs),
        "attachments_erased": list(digests),
        "attachments_kept": list(kept),
        "ground": _said("ground", ground),
        **_by(ERASED, by),
    }
    return Event(ERASED, "ledger", body)


def rotated_event(statement: str, ground: str, by: Keeper) -> Event:
    """Change the signing key; the statement is signed by both keys."""
    return Event(
        KEY_ROTATED, "ledger", {"statement": statement, "ground": _said("ground", ground), **_by(KEY_ROTATED, by)}
    )


def holds(events: Iterable[Recorded]) -> dict[str, Hold]:
    """The holds in force after these events, by name.

    Raises:
        Tampered: the body of one of them is missing.
    """
    found: dict[str, Hold] = {}
    for event in events:
        if event.erased:
            raise Tampered(
                "hold cannot be read",
                f"The body of record {event.seq} ({event.kind}) is missing: what is held cannot be told. "
                "Restore a backup.",
            )
        body = event.body
        if event.kind == HELD:
            found[body["hold"]] = Hold(body["hold"], body["first"], body["last"], body["ground"], event.seq, event.time)
        elif event.kind == RELEASED:
            found.pop(body["hold"], None)
    return found


def erased_records(seq: int, body: object) -> list[int]:
    """The numbers of earlier records that the body of the erasure `seq` names; none when it is not of that shape."""
    found = body.get("records") if isinstance(body, Mapping) else None
    return [n for n in found if type(n) is int and n < seq] if isinstance(found, list | tuple) else []


def sentence(event: Recorded) -> str:
    """What such a record says, in one line of plain text."""
    body = event.body
    if event.kind == ERASED:
        records = list(body.get("records") or [])
        shown = ", ".join(map(str, records[:5])) + (", …" if len(records) > 5 else "")
        attachments = len(body.get("attachments_erased") or [])
        return f"erased {len(records)} bodies ({shown or 'none'}), {attachments} attachments"
    if event.kind == HELD:
        return f"hold `{body.get('hold')}` on {body.get('first')}-{'' if body.get('last') is None else body['last']}"
    if event.kind == KEY_ROTATED:
        lines = str(body.get("statement")).split("\n")
        ids = [line.split("+")[1] if line.count("+") >= 2 else "?" for line in lines[3:5]]
        return f"signing key {' → '.join(ids)}"
    return f"hold `{body.get('hold')}` released"


def _said(what: str, text: str) -> str:
    if not text.strip() or len(text) > _MAX_GROUND:
        raise Refused(f"no {what}", f"Give the {what} in 1 to {_MAX_GROUND} characters: it is recorded for good.")
    return text


def _by(kind: str, by: Keeper) -> dict[str, str | None]:
    return {"schema": schema_id(kind), "actor": by.name, "key": by.key}


def _new_id(kind: str) -> str:
    """A hold that is ordered again after its end is another one."""
    return f"{kind}:{secrets.token_hex(16)}"
