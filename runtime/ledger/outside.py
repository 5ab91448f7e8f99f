"""What others than a ledger's holder say about its first records, and whose word counts. Pure: no file, no clock."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charter.runtime.ledger.checkpoint import Checkpoint
from charter.runtime.ledger.cosignature import WitnessKey
from charter.runtime.ledger.timestamp import Stamp, read_stamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class Outside:
    """What somebody else than the ledger's holder says about its first records.

    Attributes:
        kind: `time stamp` or `witness`.
        by: who: as the certificate names it, or the given key of the witness.
        size: records that it is about; they are those that are here.
        time: when it was said, in seconds since 1970.
        distrust: why it does not count; empty when it does.
    """

    kind: str
    by: str
    size: int
    time: int
    distrust: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the caller trusts to say what was there.

    Attributes:
        authorities: certificates that time stamps must lead to; without any, none of them counts.
        witnesses: keys whose cosignatures count.
        needed: how many of these witnesses must have cosigned a record for it to be anchored by them.
        since: seconds since 1970; what they said before does not count. Their word is that the records were there,
            not that there were no more: who takes a ledger back to an older state still has the older word.
    """

    authorities: Sequence["Certificate"] = ()
    witnesses: Sequence[WitnessKey] = ()
    needed: int = 1
    since: int = 0

    def age(self, time: int) -> str:
        """Why what was said at a time is too old to count; empty when it is not."""
        return _TOO_OLD if time < self.since else ""


_TOO_OLD = "it is older than what was asked for"
_ITSELF = "it is the ledger's own key"

NOBODY = Trust()
"""Whoever has no one to trust: pins alone anchor."""


def heard(note: str, size: int, trust: Trust, own: Collection[bytes] = ()) -> list[Outside]:
    """What the trusted witnesses say in a checkpoint that holds: each one's newest word.

    Args:
        own: public keys of the ledger; whoever signs with one of them is its holder, under whatever name.

    Raises:
        NoteError: the line of one of them does not hold; then nothing in the note counts.
    """
    said = [(witness, witness.times_of(note)) for witness in trust.witnesses]
    return [
        Outside("witness", str(key), size, times[-1], _ITSELF if key.public in own else trust.age(times[-1]))
        for key, times in said
        if times
    ]


def stamped(stamp: Stamp, checkpoint: Checkpoint, trust: Trust) -> Outside:
    """What a time stamp says about the checkpoint of the records that are here.

    Raises:
        StampError: it is malformed, or of something else.
    """
    said = read_stamp(stamp.data, checkpoint.text(), trust.authorities)
    return Outside("time stamp", said.authority, stamp.size, said.time, said.distrust or trust.age(said.time))


def longest_unstamped(stamps: Sequence[Outside], recorded: Callable[[int], int]) -> int:
    """For how many seconds a record was there, at the longest, before a trusted authority stamped it.

    An authority stamps what it is given. A ledger that is rewritten and stamped today has stamps as good as any other,
    but its old records have none from when they were recorded.

    Args:
        recorded: when a record says that it was recorded, in seconds since 1970.
    """
    covered = longest = 0
    for item in sorted(stamps, key=lambda item: (item.time, -item.size)):
        if item.distrust in {"", _TOO_OLD} and item.size > covered:
            longest, covered = max(longest, item.time - recorded(covered)), item.size
    return longest


def enough_witnesses(cosigned: Sequence[Outside], trust: Trust) -> int:
    """The size that as many witnesses as are needed have cosigned; 0 when they have not.

    The word of a witness about a size is its word about every smaller one. One key is one witness, whatever its names.
    """
    largest: dict[str, int] = {}
    for item in cosigned:
        if not item.distrust:
            public = item.by.split("+", 2)[2]
            largest[public] = max(largest.get(public, 0), item.size)
    sizes = sorted(largest.values(), reverse=True)
    needed = max(1, trust.needed)
    return sizes[needed - 1] if len(sizes) >= needed else 0
