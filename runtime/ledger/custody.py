"""What a ledger's keeper may do to it, each recorded in it: erase, hold and release, and change the signing key."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from charter.runtime.ledger import keys
from charter.runtime.ledger.administration import (
    HELD,
    KINDS,
    MAX_ERASED,
    RELEASED,
    Hold,
    Keeper,
    erased_event,
    held_event,
    holds,
    released_event,
    rotated_event,
)
from charter.runtime.ledger.checkpoint import VerifierKey
from charter.runtime.ledger.errors import Refused
from charter.runtime.ledger.events import Event, Receipt, Recorded
from charter.runtime.ledger.ledger import Ledger


class Erasure(Struct, frozen=True):
    """What an erasure did.

    Attributes:
        seq: the record that accounts for it.
        records: numbers of the records whose bodies are gone.
        attachments: digests (hex) of the attachments that are gone; `kept` are needed by other records.
    """

    seq: int
    records: tuple[int, ...]
    attachments: tuple[str, ...]
    kept: tuple[str, ...]


def order_hold(ledger: Ledger, name: str, first: int, last: int | None, ground: str, by: Keeper) -> Receipt:
    """Forbid erasing records `first` to `last` (None: all that follow too) until the hold is released.

    Raises:
        Refused: such a hold is in force, or it covers nothing.
    """
    if name in current_holds(ledger):
        raise Refused("hold is in force", f"There is a hold `{name}`; release it first, or choose another name.")
    (receipt,) = ledger.append([held_event(name, first, last, ground, by)])
    return receipt


def release_hold(ledger: Ledger, name: str, ground: str, by: Keeper) -> Receipt:
    """End a hold; raises Refused when there is none of that name."""
    hold = current_holds(ledger).get(name)
    if hold is None:
        raise Refused("no such hold", f"No hold `{name}` is in force. `charter audit hold` lists those that are.")
    (receipt,) = ledger.append([released_event(hold, ground, by)])
    return receipt


def current_holds(ledger: Ledger) -> dict[str, Hold]:
    """The holds in force, by name."""
    return holds(ledger.events(kinds={HELD, RELEASED}, allow_erased=True))


def erase(
    ledger: Ledger,
    seqs: Sequence[int],
    ground: str,
    by: Keeper,
    *,
    attachments_only: bool = False,
    may: Callable[[Recorded], None] = lambda _: None,
) -> Erasure:
    """Remove the bodies and attachments of records for good; headers stay, and the chain holds.

    Attachments that another record names too are kept. Copies elsewhere (backups, exports, capsules, artifacts) are
    not touched. After this, call `Ledger.scrub`.

    Args:
        ground: why, recorded for good: it must not hold what is to be erased.
        attachments_only: leave the bodies.
        may: raises Refused for a record that must stay.

    Raises:
        Refused: a hold covers a record, it is about the ledger itself, or there is no such record.
    """
    wanted, size = sorted(set(seqs)), ledger.size
    if not 0 < len(wanted) <= MAX_ERASED or wanted[0] < 0 or wanted[-1] >= size:
        raise Refused("no such record", f"Name 1 to {MAX_ERASED} records; the ledger has 0 to {size - 1}.")
    targets, orders = frozenset(wanted), list[Recorded]()
    named: dict[str, bool] = {}
    for event in ledger.events(allow_erased=True):
        if event.kind in (HELD, RELEASED):
            orders.append(event)
        if event.seq in targets:
            if event.kind in KINDS:
                raise Refused("record must stay", f"Record {event.seq} is about the ledger itself ({event.kind}).")
            may(event)
        for digest in _attachments(event):
            named[digest] = named.get(digest, True) and event.seq in targets
    _refuse_held(holds(orders), wanted)
    own = {digest for event in _targets(ledger, targets) for digest in _attachments(event)}
    gone = tuple(sorted(digest for digest in own if named[digest]))
    kept = tuple(sorted(own - set(gone)))
    bodies = () if attachments_only else tuple(wanted)
    if not bodies and not gone:
        why = f"{len(kept)} of their attachments are needed by other records" if kept else "they carry no attachments"
        raise Refused("nothing to erase", f"{why[0].upper()}{why[1:]}, and the records themselves were to be kept.")

    def plan(seq: int) -> Event:
        if seq != size:
            raise Refused("ledger grew meanwhile", "Another process recorded something. Run the same command again.")
        return erased_event(bodies, gone, kept, ground, by)

    receipt = ledger.amend(plan, lambda state: state.erase(bodies, gone))
    return Erasure(receipt.seq, bodies, gone, kept)


def rotate_key(ledger: Ledger, key_path: Path, ground: str, by: Keeper) -> tuple[VerifierKey, VerifierKey, Receipt]:
    """Give the ledger a new signing key; the old and the new public key, and the receipt that the new one signed."""
    old = ledger.key
    new = keys.start_rotation(key_path, ledger.origin)
    receipt = ledger.rotate(
        new,
        lambda rotation: rotated_event(rotation.statement, ground, by),
    )
    keys.finish_rotation(key_path, keys.load_signer(key_path, ledger.origin), str(new.verifier))
    return old, new.verifier, receipt


def _targets(ledger: Ledger, targets: frozenset[int]) -> list[Recorded]:
    return [event for event in ledger.events(after=min(targets) - 1, allow_erased=True) if event.seq in targets]


def _attachments(event: Recorded) -> list[str]:
    described = event.body.get("attachments")
    if event.kind in KINDS or not isinstance(described, dict):
        return []
    digests = [item.get("digest") for item in described.values() if isinstance(item, dict)]
    return [digest.removeprefix("sha256:") for digest in digests if isinstance(digest, str)]


def _refuse_held(current: dict[str, Hold], wanted: Sequence[int]) -> None:
    for hold in current.values():
        held = [seq for seq in wanted if hold.covers(seq)]
        if held:
            raise Refused(
                "records are held",
                f"The hold `{hold.name}` (record {hold.seq}: {hold.ground[:200]}) covers {len(held)} of them, the "
                f"first is {held[0]}. Nothing was erased. "
                f"`charter audit hold {shlex.quote(hold.name)} --release` ends it.",
            )
