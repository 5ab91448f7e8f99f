"""Sealed segments: a range of records as compressed JSON lines, with what proves them against a signed checkpoint.

A segment verifies alone: from the tree's edge before its first record and its own records follows the root at its
end, and a consistency proof (RFC 6962, 2.1.2) leads from there to the checkpoint, which the ledger's key signed.
"""

import base64
import binascii
import gzip
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from charter.runtime.ledger import canonical
from charter.runtime.ledger.chain import Finding, Position, follow
from charter.runtime.ledger.checkpoint import NoteError, VerifierKey, read_note
from charter.runtime.ledger.errors import Refused, Unavailable
from charter.runtime.ledger.ledger import Ledger
from charter.runtime.ledger.merkle import TILE, Frontier, consistency_holds
from charter.runtime.ledger.proof import Sealing
from charter.runtime.ledger.record import HEADER, index_of
from charter.runtime.ledger.rotation import key_at, leads_to, read_rotation
from charter.runtime.ledger.sqlite_store import MAX_ATTACHMENT
from charter.runtime.ledger.verify import attachment_digests

FORMAT = "charter-segment/1"
_MAX_LINE = MAX_ATTACHMENT * 4 // 3 + (8 << 20)
_MAX_FINDINGS = 100


class _Head(Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    format: str
    first: int
    end: int
    prev: str
    edge: list[str]
    checkpoint: str
    consistency: list[str]
    key: str
    rotations: list[str]


class _Record(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of a record; salt (hex) and body are both null once erased."""

    header: str
    salt: str | None
    body: str | None


class _Attachment(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of an attachment: its SHA-256 in hex, and base64."""

    attachment: str
    data: str


Watcher = Callable[[int, int], None]
"""Is told how many of how many records are done."""

_Form = TypeVar("_Form", _Head, _Record, _Attachment)


class SegmentReport(Struct):
    """What a segment holds (records `first` to `end` - 1) and what does not fit."""

    first: int = 0
    end: int = 0
    origin: str = ""
    key: str = ""
    bodies_missing: int = 0
    attachments_missing: int = 0
    anchored: bool = False
    findings: list[Finding] = field(default_factory=list)

    def find(self, check: str, seq: int | None, what: str) -> None:
        """Add a finding; a segment that is wrong everywhere need not be listed whole."""
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding(check, seq, what))


def seal(ledger: Ledger, first: int, end: int, path: Path, *, progress: Watcher | None = None) -> None:
    """Write records `first` to `end` - 1 into a new file, whole or not at all; `progress` is told of (done, all).

    Raises:
        Refused: there are no such records.
        Unavailable: the file exists or cannot be written.
    """
    if not 0 <= first < end <= ledger.size:
        raise Refused("no such records", f"The ledger has records 0 to {ledger.size - 1}; give a range of these.")
    sealing = ledger.sealing(first, end)
    draft = path.with_name(f".{path.name}.draft")
    try:
        # No name and no time in it: the same records give the same bytes.
        with draft.open("xb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
            _write(file, ledger, first, end, sealing, progress)
        path.hardlink_to(draft)
    except FileExistsError:
        raise Unavailable(
            "segment exists", f"`{path}` or its draft `{draft.name}` is there; nothing is overwritten."
        ) from None
    except OSError as error:
        raise Unavailable("segment cannot be written", f"`{path}`: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)


def verify_segment(
    path: Path,
    *,
    key: VerifierKey | None = None,
    pins: Sequence[str] = (),
    progress: Watcher | None = None,
) -> SegmentReport:
    """Check everything in a segment, without the ledger and in flat memory.

    Args:
        key: the ledger's key from elsewhere; an older or newer one counts when the changes lead from one to the other.
        pins: checkpoints that were kept away; one that is the segment's own checkpoint, or of its end, anchors it.
        progress: told of (done, all) records now and then.

    Raises:
        Unavailable: the file cannot be read. What it holds is judged, not raised.
    """
    report = SegmentReport()
    try:
        with gzip.open(path, "rb") as file:
            _check(file, report, key, pins, progress)
    except (gzip.BadGzipFile, EOFError) as error:
        report.find("file", None, f"it is not a whole compressed file: {error}")
    except OSError as error:
        raise Unavailable("segment is not readable", f"`{path}`: {error.strerror or error}.") from None
    except (msgspec.MsgspecError, NoteError, ValueError) as error:
        report.find("file", None, f"it is malformed: {error}")
    except Refused as error:
        report.find("file", None, f"it is malformed: {error.detail}")
    except Exception as error:
        if type(error).__module__ != "zlib":
            raise
        report.find("file", None, f"it is damaged: {error}")
    return report


def _write(
    file: gzip.GzipFile, ledger: Ledger, first: int, end: int, sealing: Sealing, progress: Watcher | None
) -> None:
    head = _Head(
        FORMAT, first, end, sealing.prev.hex(), [node.hex() for node in sealing.edge], sealing.checkpoint,
        [node.hex() for node in sealing.consistency], str(sealing.key), [item.statement for item in sealing.rotations],
    )  # fmt: skip
    file.write(canonical.encode(msgspec.to_builtins(head)) + b"\n")
    digests: dict[str, None] = {}
    for row in islice(ledger.rows(after=first - 1), end - first):
        shown = row.body is not None and row.salt is not None
        line = _Record(
            row.header.decode(),
            row.salt.hex() if shown and row.salt is not None else None,
            row.body.decode() if shown and row.body is not None else None,
        )
        file.write(canonical.encode(msgspec.to_builtins(line), _MAX_LINE) + b"\n")
        if progress and (row.seq + 1) % TILE == 0:
            progress(row.seq + 1 - first, end - first)
        if row.body is not None and b'"attachments"' in row.body:
            digests |= dict.fromkeys(attachment_digests(row.body))
    for digest in digests:
        if (data := ledger.attachment(digest)) is not None:
            file.write(b'{"attachment":"%b","data":"%b"}\n' % (digest.encode(), base64.b64encode(data)))


def _check(
    file: gzip.GzipFile,
    report: SegmentReport,
    known: VerifierKey | None,
    pins: Sequence[str],
    progress: Watcher | None,
) -> None:
    head = _read(_line(file), _Head)
    if head.format != FORMAT or not 0 <= head.first < head.end:
        raise NoteError(f"it is no document of the format `{FORMAT}`")
    report.first, report.end = head.first, head.end
    named = VerifierKey.parse(head.key)
    if str(named) != head.key:
        raise NoteError("its key is not in the one spelling")
    report.origin, report.key = named.origin, str(named)
    rotations = [read_rotation(statement) for statement in head.rotations]
    if any(before.new != after.old or before.size >= after.size for before, after in pairwise(rotations)):
        report.find("key", None, "its changes of keys do not follow each other")
    if not leads_to(known or named, rotations, named):
        report.find("key", None, f"it names the key `{named}`, which is not the given one")
        return
    checkpoint = named.open(head.checkpoint)
    edge = [_hash(node) for node in head.edge]
    if len(edge) != head.first.bit_count():
        raise NoteError("the edge of the tree has another number of hashes than a tree of that size")
    at = Position(Frontier(head.first, edge), _hash(head.prev))
    _follow(file, report, at, head.end - head.first, progress)
    path = [_hash(node) for node in head.consistency]
    root = at.frontier.root()
    if at.frontier.size != head.end:
        report.find("size", None, f"it holds {at.frontier.size - head.first} records, not {head.end - head.first}")
    elif not consistency_holds(head.end, root, checkpoint.size, checkpoint.root, path):
        report.find("root", None, "its records do not lead to the root that was signed")
    report.bodies_missing = len(at.missing)
    for note in pins:
        pin = read_note(note)
        if pin.size in (head.end, checkpoint.size):
            opened = key_at(pin.size, rotations, named).open(note)
            if opened.root == (root if opened.size == head.end else checkpoint.root):
                report.anchored = True
            else:
                report.find("pin", None, f"rewritten: a pin of {opened.size} records has another root")


def _follow(file: gzip.GzipFile, report: SegmentReport, at: Position, count: int, progress: Watcher | None) -> None:
    named: set[str] = set()

    def seen(seq: int, header: bytes, body: bytes) -> None:
        named.update(attachment_digests(body))

    rows = _rows(file, at.frontier.size, count)
    while True:
        before = at.frontier.size
        for finding in follow(islice(rows, TILE), report.origin, at, seen):
            report.find(finding.check, finding.seq, finding.what)
        if at.frontier.size == before:
            break
        if progress:
            progress(at.frontier.size - report.first, count)
    while text := _line(file):
        line = _read(text, _Attachment)
        try:
            data = base64.b64decode(line.data, validate=True)
        except binascii.Error:
            raise NoteError("an attachment is not base64") from None
        if base64.b64encode(data).decode() != line.data:
            raise NoteError("an attachment is not in the one spelling of base64")
        if sha256(data).hexdigest() != line.attachment or line.attachment not in named:
            report.find("attachment", None, f"the attachment `{line.attachment[:64]}` is not what a record names")
        named.discard(line.attachment)
    report.attachments_missing = len(named)


def _rows(file: gzip.GzipFile, first: int, count: int) -> Iterator[tuple[Any, ...]]:
    for seq in range(first, first + count):
        text = _line(file)
        if not text:
            return
        line = _read(text, _Record)
        header = line.header.encode()
        found = HEADER.fullmatch(header)
        number = index_of(found[2].decode()) if found else -1
        salt = bytes.fromhex(line.salt) if line.salt is not None else None
        if salt is not None and salt.hex() != line.salt:
            raise NoteError("a salt is not in the one spelling of hex")
        yield seq, number, header, salt, line.body.encode() if line.body is not None else None


def _read(text: bytes, form: type[_Form]) -> _Form:
    """A line in its one spelling, so that no bit of a segment is without meaning."""
    value = msgspec.json.decode(text, type=form)
    if canonical.encode(msgspec.to_builtins(value), _MAX_LINE) + b"\n" != text:
        raise NoteError("a line is not canonical JSON")
    return value


def _line(file: gzip.GzipFile) -> bytes:
    text = file.readline(_MAX_LINE + 1)
    if len(text) > _MAX_LINE:
        raise NoteError("a line is too long")
    return text


def _hash(text: str) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != 32 or data.hex() != text:
        raise NoteError("a hash is not 64 hex digits")
    return data
