"""What a witness decides, C2SP tlog-witness: the request that it reads, and its answer. Pure: no file, no socket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from charter.runtime.ledger.checkpoint import Checkpoint, NoteError, VerifierKey, b64, parse_text, split_note, unb64
from charter.runtime.ledger.merkle import EMPTY_ROOT, consistency_holds

MAX_REQUEST = 64 << 10
"""Bytes of a request: 63 hashes have 3 KiB, and a note may carry many signatures."""
MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain"


class Refusal(Exception):
    """A request that is not cosigned: the HTTP status and body that the specification gives to the reason."""

    def __init__(self, status: int, body: str, kind: str = TEXT_TYPE) -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to add-checkpoint.

    Attributes:
        old: the size that the proof starts from.
        proof: hashes of the consistency proof (32 bytes each).
        note: the checkpoint, a signed note.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str


def write_submission(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of a request (C2SP tlog-witness, «add-checkpoint»)."""
    return "".join([f"old {old}\n", *(f"{b64(node)}\n" for node in proof), "\n", note]).encode()


def read_submission(body: bytes) -> Submission:
    """Read a request; raises Refusal (400) when it is malformed."""
    try:
        head, separator, note = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        size = first.removeprefix("old ")
        if not separator or size == first or len(size) > 15 or not size.isascii() or not size.isdigit():
            raise NoteError("it starts with `old SIZE`, the proof's lines and an empty line")
        if size != str(int(size)):
            raise NoteError("the old size has leading zeroes")
        if len(lines) > MAX_PROOF:
            raise NoteError(f"its proof has more than {MAX_PROOF} lines")
        proof = tuple(map(unb64, lines))
        if any(len(node) != len(EMPTY_ROOT) for node in proof):
            raise NoteError("a hash of its proof is not 32 bytes")
        _demand_plain(note)
        return Submission(int(size), proof, note)
    except (NoteError, UnicodeDecodeError) as error:
        raise Refusal(400, f"malformed request: {error}\n") from None


def judge(
    submission: Submission, ledgers: Mapping[str, Sequence[VerifierKey]], seen: Checkpoint | None
) -> tuple[Checkpoint, str]:
    """The checkpoint to cosign, and its note with no signature but the ledger's.

    The checks, their order and their answers are those of C2SP tlog-witness, «add-checkpoint».

    Args:
        ledgers: the keys that are trusted for each origin.
        seen: the newest checkpoint that was cosigned for this origin; None when there is none.

    Raises:
        Refusal: it is not to be cosigned.
    """
    checkpoint = origin_of(submission)
    keys = ledgers.get(checkpoint.origin)
    if not keys:
        raise Refusal(404, "this witness does not know the ledger\n")
    note = _signed_part(submission.note, keys)
    if submission.old > checkpoint.size:
        raise Refusal(400, "the old size is larger than the checkpoint's\n")
    known = seen.size if seen else 0
    if submission.old != known:
        raise Refusal(409, f"{known}\n", SIZE_TYPE)
    if seen is not None and checkpoint.size == seen.size and checkpoint.root != seen.root:
        raise Refusal(409, f"{known}\n", SIZE_TYPE)
    if not _continues(seen, checkpoint, submission.proof):
        raise Refusal(422, f"the proof does not lead from the {known} records that were seen to the checkpoint\n")
    return checkpoint, note


def origin_of(submission: Submission) -> Checkpoint:
    """The checkpoint that a request is about, its signatures unchecked."""
    return parse_text(split_note(submission.note)[0])


def _continues(seen: Checkpoint | None, checkpoint: Checkpoint, proof: tuple[bytes, ...]) -> bool:
    if not checkpoint.size:
        return not proof and checkpoint.root == EMPTY_ROOT
    if seen is None or not seen.size:
        return not proof  # everything continues nothing
    return consistency_holds(seen.size, seen.root, checkpoint.size, checkpoint.root, proof)


def _demand_plain(note: str) -> None:
    """What C2SP signed-note and tlog-checkpoint ask of a note's form, beyond what reading it needs."""
    text, _ = split_note(note)
    parse_text(text)
    if any(sign < " " and sign != "\n" for sign in note):
        raise NoteError("the note holds control characters")
    if "" in text.split("\n")[:-1]:
        raise NoteError("the checkpoint holds an empty line")


def _signed_part(note: str, keys: Sequence[VerifierKey]) -> str:
    """The note with the line of the first trusted key whose signature holds; raises Refusal (403) without one."""
    text, signatures = split_note(note)
    for key in keys:
        try:
            key.check_note(note)
        except NoteError:
            continue
        blob = next(blob for name, blob in signatures if name == key.origin and blob[:4] == key.id)
        return f"{text}\n— {key.origin} {b64(blob)}\n"
    raise Refusal(403, "none of the signatures is of a key that this witness trusts for the ledger\n")
