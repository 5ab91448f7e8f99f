"""Asks others for anchors of a ledger's newest checkpoint: a time-stamping authority, a witness. Stores nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from charter.runtime.anchoring.post import DEADLINE, Answer, post
from charter.runtime.anchoring.witness import SIZE_TYPE, write_submission
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger.checkpoint import NoteError, read_note, split_note
from charter.runtime.ledger.cosignature import WitnessKey, cosigned_line, shown_time
from charter.runtime.ledger.errors import Tampered, Unavailable
from charter.runtime.ledger.timestamp import (
    MAX_BYTES,
    OtherStampError,
    Stamped,
    StampError,
    demand_library,
    make_request,
    read_stamp,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MOST_OF_A_WITNESS = 64 << 10
_CLOCKS_DIFFER = 15 * 60
"""Seconds by which a witness's clock may be off: a cosignature is given now, and says when."""

Prove = Callable[[int], Sequence[bytes]]
"""The consistency proof from an older size to the checkpoint's (RFC 6962, section 2.1.2)."""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness's signature line and its time, in seconds since 1970."""

    line: str
    time: int


def ask_authority(
    url: str,
    text: str,
    authorities: Sequence["Certificate"] = (),
    *,
    ca: Path | None = None,
    deadline: float = DEADLINE,
) -> tuple[bytes, Stamped]:
    """A time stamp of a checkpoint's text (RFC 3161, over HTTP as in its section 3.4): its bytes, and what they say.

    Raises:
        Unavailable: no answer, or none that is a time stamp.
        Failure: the answer is of something else or, where `authorities` are given, not signed under them (exit code 1).
    """
    demand_library()
    request, nonce = make_request(text)
    answer = post(url, request, "application/timestamp-query", most=MAX_BYTES, ca=ca, deadline=deadline)
    if answer.status != 200:
        raise Unavailable("no time stamp", f"`{url}` answers with the status {answer.status}, not with a time stamp.")
    try:
        stamped = read_stamp(answer.body, text, authorities, nonce=nonce)
    except OtherStampError as error:
        raise _false("time stamp is of something else", f"`{url}` sends a time stamp, but {error}.") from None
    except StampError as error:
        raise Unavailable("no time stamp", f"What `{url}` sends is not usable: {error}.") from None
    if authorities and stamped.distrust:
        raise _false("time stamp is not theirs", f"`{url}` sends a time stamp, but {stamped.distrust}.")
    return answer.body, stamped


def ask_witness(
    url: str,
    key: WitnessKey,
    note: str,
    known: int,
    prove: Prove,
    now: float,
    *,
    ca: Path | None = None,
    deadline: float = DEADLINE,
) -> Cosigned:
    """A cosignature of a checkpoint (C2SP tlog-witness, «add-checkpoint»).

    Args:
        known: the size that the witness cosigned last, as far as is known here; it corrects that once.
        prove: from a size that is not 0.
        now: seconds since 1970.

    Raises:
        Unavailable: no answer, or the witness does not know the ledger or its key.
        Tampered: the witness has seen more than this ledger has, or something else.
        Failure: what it sends does not hold (exit code 1).
    """
    size = read_note(note).size
    target = url.rstrip("/") + "/add-checkpoint"

    def submit(old: int) -> Answer:
        body = write_submission(old, prove(old) if old else (), note)
        return post(target, body, "text/plain", most=_MOST_OF_A_WITNESS, ca=ca, deadline=deadline)

    old = known if known <= size else 0
    answer = submit(old)
    if answer.status == 409 and (said := _size(answer)) != old and 0 <= said <= size:
        if said < old:
            raise _false(
                "witness has forgotten",
                f"`{target}` says that it cosigned {said} records last, and `charter.checkpoints` holds its "
                f"cosignature of {old}. It lost what it remembered, or there are two of it: it would cosign a ledger "
                "that was rolled back. Tell its operator, who can give it that checkpoint back.",
            )
        old, answer = said, submit(said)
    if answer.status != 200:
        raise _refusal(target, answer, old, size)
    try:
        line, time = cosigned_line(note, answer.body.decode(), key)
    except (NoteError, UnicodeDecodeError) as error:
        raise _false("cosignature does not hold", f"`{target}` answers, but {error}.") from None
    if abs(time - now) > _CLOCKS_DIFFER:
        raise _false(
            "cosignature is of another time",
            f"`{target}` says that it cosigned at {shown_time(time)}, and here it is {shown_time(int(now))}. "
            "One of the two clocks is wrong, or the answer is an old one.",
        )
    return Cosigned(line, time)


def last_cosigned(notes: Sequence[str], key: WitnessKey) -> int:
    """The largest size among notes that a witness has cosigned; what does not hold is passed over."""
    largest = 0
    for note in notes:
        try:
            if key.times_of(note):
                largest = max(largest, read_note(note).size)
        except NoteError:
            continue
    return largest


def text_of(note: str) -> str:
    """The text that a note's signatures are over."""
    return split_note(note)[0]


def _size(answer: Answer) -> int:
    """The size in a 409; -1 when there is none."""
    text = answer.body.decode(errors="replace").strip()
    plain = answer.kind == SIZE_TYPE and text.isascii() and text.isdigit() and len(text) < 16
    return int(text) if plain else -1


def _refusal(target: str, answer: Answer, old: int, size: int) -> Failure:
    said = answer.body[:200].decode(errors="replace").strip()
    if answer.status == 409 and (seen := _size(answer)) > size:
        return Tampered(
            "ledger was rolled back",
            f"`{target}` says that it has cosigned {seen} records of this ledger, and {size} are here. "
            "Ask the witness for its newest checkpoint, keep the ledger for inquiry, and restore the newest backup.",
        )
    if answer.status == 422 or (answer.status == 409 and _size(answer) == size == old):
        return Tampered(
            "ledger was rewritten",
            f"`{target}` says that this ledger does not continue the {old} records that it has cosigned before. "
            "Ask the witness for that checkpoint: `charter audit verify --pin` shows whether it is so.",
        )
    if answer.status in (403, 404):
        return Unavailable(
            "witness does not know us",
            f"`{target}` answers with {answer.status}: {said}. Give the witness's operator your `ledger.pub`, "
            "after a change of keys the new one too, or name the right URL.",
        )
    return Unavailable("no cosignature", f"`{target}` answers with {answer.status}: {said or 'nothing'}.")


def _false(summary: str, detail: str) -> Failure:
    return Failure(summary, f"{detail} Nothing was stored.", exit_code=ExitCode.DENIED)
