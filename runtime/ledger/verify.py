"""Verification of a whole ledger: every record, tile and attachment, the signed end, and the pins; in flat memory.

The checks know nothing of SQLite: they take rows from a `store.Snapshot` and return findings.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import islice, pairwise
from typing import Any

import msgspec

from charter.runtime.failure import ExitCode
from charter.runtime.ledger import rotation
from charter.runtime.ledger.administration import ERASED, erased_records
from charter.runtime.ledger.chain import Finding, Position, follow
from charter.runtime.ledger.checkpoint import Checkpoint, NoteError, VerifierKey, read_note
from charter.runtime.ledger.errors import Damaged
from charter.runtime.ledger.location import Location, open_store_read_only, resolve
from charter.runtime.ledger.merkle import TILE
from charter.runtime.ledger.outside import NOBODY, Outside, Trust, enough_witnesses, heard, longest_unstamped, stamped
from charter.runtime.ledger.record import HEADER, parse_header
from charter.runtime.ledger.rotation import Rotation
from charter.runtime.ledger.store import Identity, Snapshot
from charter.runtime.ledger.timestamp import Stamp, StampError, is_installed

MAX_FINDINGS = 100
"""Findings that a report lists; all are counted."""

_PROGRESS_TILES = 16
_PAGE = 4096
_decode_body = msgspec.json.Decoder(dict[str, Any]).decode

Progress = Callable[[int, int], None]
"""Called with the number of records checked and their total."""


class Verdict(StrEnum):
    """What a verification found, worst first."""

    TAMPERED = "tampered"
    EMPTY = "empty"
    INCOMPLETE = "bodies missing"
    NOT_ANCHORED = "not anchored"
    ANCHORED = "whole and anchored"


@dataclass(frozen=True)
class VerificationReport:
    """What was checked and what was found.

    Attributes:
        size: records read.
        root: RFC 6962 root of the records read (32 bytes).
        findings: the first MAX_FINDINGS; `finding_count` counts all.
        bodies_missing: records without a body; of these, `bodies_erased` are accounted for by a recorded erasure.
        keys: how many keys the ledger has had.
        anchored: records covered by the largest of the caller's pins that holds, or by whom the caller trusts.
        pinned: records covered by such a pin alone.
        unstamped: seconds that passed, at the longest, before a trusted authority stamped a record (of those stamped).
        witnessed: records that as many witnesses as are needed have cosigned.
        outside: what time stamps and witnesses say, as far as it is about the records that are here.
        anchored_locally: the same for pins that were kept beside the ledger.
        key: the key that signatures were checked with; `key_was_given` tells whether the caller brought it.
    """

    origin: str
    size: int
    root: bytes
    findings: tuple[Finding, ...]
    finding_count: int
    bodies_missing: int
    bodies_erased: int
    attachments_missing: int
    keys: int
    pins: int
    anchored: int
    anchored_locally: int
    key: str
    key_was_given: bool
    pinned: int = 0
    witnessed: int = 0
    outside: tuple[Outside, ...] = ()
    unstamped: int = 0

    @property
    def verdict(self) -> Verdict:
        """The one word for it; a pin that covers no record anchors nothing."""
        if self.finding_count:
            return Verdict.TAMPERED
        if not self.size:
            return Verdict.EMPTY
        if self.bodies_missing or self.attachments_missing:
            return Verdict.INCOMPLETE
        return Verdict.ANCHORED if self.anchored else Verdict.NOT_ANCHORED

    @property
    def exit_code(self) -> ExitCode:
        """DENIED when tampered, OK when whole and anchored, INCOMPLETE otherwise."""
        return {Verdict.TAMPERED: ExitCode.DENIED, Verdict.ANCHORED: ExitCode.OK}.get(self.verdict, ExitCode.INCOMPLETE)


def verify_ledger(
    path: Location,
    *,
    pins: Sequence[str] = (),
    local_pins: Sequence[str] = (),
    stamps: Sequence[Stamp] = (),
    trust: Trust = NOBODY,
    public_key: VerifierKey | None = None,
    progress: Progress | None = None,
) -> VerificationReport:
    """Check everything that can be checked in a ledger's file.

    Args:
        pins: signed checkpoints (notes) that were kept away from the ledger's holder.
        local_pins: checkpoints from a file beside the ledger: checked alike, but they anchor nothing by themselves.
        stamps: time stamps of checkpoints, wherever they were kept.
        trust: whose time stamps, and whose cosignatures on any of the pins, anchor as well.
        public_key: the ledger's key from elsewhere; otherwise the one that the ledger names is used.
        progress: called every few thousand records.

    Raises:
        Unavailable: the file is missing, locked or not readable. A damaged file is a finding.
    """
    check = _Check(public_key, progress, trust)
    try:
        store = open_store_read_only(resolve(path))
    except Damaged as failure:
        return check.damaged(failure)
    try:
        with store.snapshot() as snapshot:
            check.run(snapshot, pins, local_pins, stamps)
    except Damaged as failure:
        return check.damaged(failure)
    finally:
        store.close()
    return check.report()


def verify_snapshot(
    snapshot: Snapshot, *, pins: Sequence[str] = (), public_key: VerifierKey | None = None
) -> VerificationReport:
    """The same for a ledger in any store: no I/O but the snapshot's."""
    check = _Check(public_key, None)
    check.run(snapshot, pins, (), ())
    return check.report()


@dataclass
class _Pin:
    """A checkpoint that somebody kept; which key must have signed it is known once the records were followed."""

    note: str
    checkpoint: Checkpoint
    local: bool


@dataclass
class _Check:
    """The running state of one verification."""

    given_key: VerifierKey | None
    progress: Progress | None
    trust: Trust = field(default_factory=Trust)
    origin: str = ""
    key: VerifierKey | None = None
    at: Position = field(default_factory=Position)
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0
    attachments_missing: int = 0
    erased: set[int] = field(default_factory=set)
    rotations: list[Rotation] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    """Of the ledger's records, at each size that something from outside is about."""
    pins: int = 0
    pinned: int = 0
    anchored_locally: int = 0
    outside: list[Outside] = field(default_factory=list)
    cosigned: list[Outside] = field(default_factory=list)
    unstamped: int = 0

    def run(self, snapshot: Snapshot, pins: Sequence[str], local_pins: Sequence[str], stamps: Sequence[Stamp]) -> None:
        for fault in snapshot.structural_faults():
            self.find("store", None, fault)
        identity = snapshot.identity()
        self.take_key(identity)
        self.pins = len(pins) + len(local_pins)
        ordered = [*self.open_pins(pins, local=False), *self.open_pins(local_pins, local=True)]
        ordered.sort(key=lambda pin: pin.checkpoint.size)
        self.check_records(snapshot, sorted({pin.checkpoint.size for pin in ordered} | {item.size for item in stamps}))
        self.check_keys()
        for pin in ordered:
            self.check_pin(pin)
        for stamp in stamps:
            self.check_stamp(stamp)
        self.unstamped = longest_unstamped(self.outside, partial(_recorded, snapshot))
        self.check_end(identity)
        self.check_ids(snapshot)
        self.check_attachments(snapshot)

    def take_key(self, identity: Identity) -> None:
        """Decide on the key: the caller's, or the one that the ledger names."""
        try:
            named = VerifierKey.parse(identity.key)
        except NoteError as error:
            named = None
            self.find("key", None, f"the key that the ledger names is malformed: {error}")
        self.key = named
        known = self.given_key or named
        self.origin = known.origin if known else identity.origin
        if identity.origin != self.origin:
            self.find("origin", None, f"the file says that it is the ledger `{identity.origin:.130}`")

    def open_pins(self, notes: Sequence[str], *, local: bool) -> Iterator[_Pin]:
        for note in notes:
            try:
                yield _Pin(note, read_note(note), local)
            except NoteError as error:
                self.find("pin", None, f"a pin does not hold: {error}")

    def check_records(self, snapshot: Snapshot, sizes: list[int]) -> None:
        """Follow the records from tile to tile, comparing their hashes, and note the root at each of the sizes."""
        rows, tiles = snapshot.all_rows(), snapshot.all_tiles()
        total = snapshot.last_seq() + 1
        frontier, done = self.at.frontier, 0
        tiles_hold = True

        def look_up(seq: int, header: bytes, body: bytes) -> None:
            digests = attachment_digests(body)
            self.attachments_missing += sum(not snapshot.has_attachment(digest) for digest in digests)
            self.take_administrative(seq, header, body)

        while True:
            if done < len(sizes) and sizes[done] == frontier.size:
                self.roots[frontier.size] = frontier.root()
                done += 1
            before = frontier.size
            stop = before - before % TILE + TILE
            if done < len(sizes):
                stop = min(stop, sizes[done])
            for finding in follow(islice(rows, stop - before), self.origin, self.at, look_up):
                self.add(finding)
            if frontier.size == before:
                break
            if frontier.size % TILE == 0:
                number = frontier.size // TILE - 1
                # After the first wrong tile the others say nothing new.
                if tiles_hold and next(tiles, None) != (number, self.at.tiles[-1]):
                    tiles_hold = False
                    self.find("tile", None, f"the stored hash of tile {number} is not that of its records")
                if self.progress and number % _PROGRESS_TILES == 0:
                    self.progress(frontier.size, total)
        if tiles_hold and next(tiles, None) is not None:
            self.find("tile", None, "there are hashes of more tiles than the records fill")
        if self.progress:
            self.progress(frontier.size, total)

    def take_administrative(self, seq: int, header: bytes, body: bytes) -> None:
        """What the ledger says about itself: a change of keys, an erasure."""
        found = HEADER.fullmatch(header)
        kind = found[3].decode() if found else ""
        if kind == rotation.KIND:
            try:
                self.rotations.append(rotation.rotation_of(seq, body))
            except NoteError as error:
                self.find("key", seq, f"the change of keys does not hold: {error}")
        elif kind == ERASED:
            self.erased.update(erased_records(seq, _decoded(body)))

    def check_keys(self) -> None:
        """The keys must lead from one to the next, and from or to the one that was given, up to the one named."""
        if self.key is None:
            return
        for before, after in pairwise(self.rotations):
            if before.new != after.old:
                self.find("key", after.size, "the change of keys is from another key than the one in force")
        if self.rotations and self.rotations[-1].new != self.key:
            self.find("key", None, f"the ledger names the key `{self.key}`, which no change of keys led to")
        elif self.given_key and not rotation.leads_to(self.given_key, self.rotations, self.key):
            self.find("key", None, f"the ledger names the key `{self.key}`, which is not the given one")
            self.key = self.given_key  # so that nothing counts as signed

    def check_pin(self, pin: _Pin) -> None:
        size = pin.checkpoint.size
        if pin.checkpoint.origin != self.origin:
            what = f"it is of the ledger `{pin.checkpoint.origin:.130}`, not `{self.origin:.130}`"
            self.find("pin", None, f"a pin does not hold: {what}")
            return
        if (root := self.roots.get(size)) is None:
            here = self.at.frontier.size
            self.find("pin", None, f"rolled back: {size} records were signed and pinned, and {here} are there")
            return
        if self.key is None:
            return
        try:
            rotation.key_at(size, self.rotations, self.key).open(pin.note)
        except NoteError as error:
            self.find("pin", None, f"a pin does not hold: {error}")
            return
        if root != pin.checkpoint.root:
            self.find("pin", None, f"rewritten: the first {size} records are not those of the pinned checkpoint")
            return
        if pin.local:
            self.anchored_locally = size
        else:
            self.pinned = size
        self.hear_witnesses(pin.note, size)

    def hear_witnesses(self, note: str, size: int) -> None:
        """What the trusted witnesses say in a checkpoint that holds."""
        own = {key.public for item in self.rotations for key in (item.old, item.new)}
        own |= {self.key.public} if self.key else set()
        try:
            self.cosigned += heard(note, size, self.trust, own)
        except NoteError as error:
            self.find("witness", None, f"the checkpoint of {size} records does not hold: {error}")

    def check_stamp(self, stamp: Stamp) -> None:
        """A time stamp is of the records that are here, whoever signed it; whether it counts is another question."""
        if (root := self.roots.get(stamp.size)) is None:
            here = f"`{stamp.name}` is of {stamp.size} records, and {self.at.frontier.size} are there"
            self.find("stamp", None, f"rolled back, or another ledger's: {here}")
            return
        if not is_installed():  # then its size is all that can be compared
            return
        try:
            self.outside.append(stamped(stamp, Checkpoint(self.origin, stamp.size, root), self.trust))
        except StampError as error:
            what = f"the time stamp `{stamp.name}` is not of the first {stamp.size} records: {error}"
            self.find("stamp", None, what)

    def check_end(self, identity: Identity) -> None:
        if self.key is None:
            return
        try:
            end = self.key.open(identity.checkpoint)
        except NoteError as error:
            self.find("signature", None, f"the newest checkpoint does not hold: {error}")
            return
        size = self.at.frontier.size
        if end.size != size:
            self.find("size", None, f"the newest checkpoint was signed for {end.size} records, and {size} are there")
        elif end.root != self.at.frontier.root():
            self.find("root", None, f"the root of the {size} records is not the signed one")

    def check_ids(self, snapshot: Snapshot) -> None:
        """The index by which ids are found must hold each record once, in order: else one could be added twice.

        Sums of keyed hashes (Python's, with a random key in each process) compare it with the records in flat
        memory and without a search for each. Then, no id may stand in two records; their numbers may, by chance.
        """
        total, pairs, last = 0, snapshot.all_ids(), tuple[object, ...]()
        while page := list(islice(pairs, _PAGE)):
            total += sum(map(hash, page))
            if not _in_order([last, *page]):
                self.find("idem", None, "the index of ids is out of order")
                return
            last = page[-1]
        if total != self.at.ids:
            self.find("idem", None, "the index of ids does not hold the records' ids")
        number, names = None, set[bytes]()
        for at, header in snapshot.lookalikes():
            if at != number:
                number, names = at, set()
            found = HEADER.fullmatch(header) if isinstance(header, bytes) else None
            name = found[2] if found else b""
            if name in names:
                self.find("idem", None, f"the id `{name.decode()[:64]}` stands in more than one record")
                return
            names.add(name)

    def check_attachments(self, snapshot: Snapshot) -> None:
        for digest, seq, measured in snapshot.all_attachments():
            name = f"the attachment `{str(digest)[:64]}`"
            if digest != measured:
                self.find("attachment", None, f"{name} has other content than its digest says")
            owner = snapshot.rows(seq, seq + 1) if isinstance(seq, int) else []
            if not owner or (owner[0].body is not None and digest not in attachment_digests(owner[0].body)):
                self.find("attachment", None, f"{name} belongs to no record")

    def find(self, check: str, seq: int | None, what: str) -> None:
        self.add(Finding(check, seq, what))

    def add(self, finding: Finding) -> None:
        self.finding_count += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)

    def damaged(self, failure: Damaged) -> VerificationReport:
        self.find("store", None, f"{failure.summary}: {failure.detail}")
        return self.report()

    def report(self) -> VerificationReport:
        by_stamps = max((item.size for item in self.outside if not item.distrust), default=0)
        witnessed = enough_witnesses(self.cosigned, self.trust)
        return VerificationReport(
            origin=self.origin,
            size=self.at.frontier.size,
            root=self.at.frontier.root(),
            findings=tuple(self.findings),
            finding_count=self.finding_count,
            bodies_missing=len(self.at.missing),
            bodies_erased=len(self.erased.intersection(self.at.missing)),
            keys=len(self.rotations) + 1,
            attachments_missing=self.attachments_missing,
            pins=self.pins,
            anchored=max(self.pinned, by_stamps, witnessed),
            pinned=self.pinned,
            witnessed=witnessed,
            outside=(*self.outside, *self.cosigned),
            unstamped=self.unstamped,
            anchored_locally=self.anchored_locally,
            key=str(self.key) if self.key else "",
            key_was_given=self.given_key is not None,
        )


def _recorded(snapshot: Snapshot, seq: int) -> int:
    """When a record says that it was recorded; long ago when it does not say, which is a finding of its own."""
    with suppress(TypeError, ValueError, OverflowError):
        for row in snapshot.rows(seq, seq + 1):
            if header := parse_header(row.header):
                return int(datetime.fromisoformat(header.ts).timestamp())
    return 0


def _in_order(pairs: list[tuple[Any, ...]]) -> bool:
    try:
        return pairs == sorted(pairs)
    except TypeError:  # something else than numbers, which only another hand can have put there
        return False


def attachment_digests(body: bytes) -> list[str]:
    """The digests (hex) of the attachments that a body names; none when it is not of that shape."""
    described = _decoded(body).get("attachments")
    if not isinstance(described, dict):
        return []
    named = [item.get("digest") for item in described.values() if isinstance(item, dict)]
    return [digest.removeprefix("sha256:") for digest in named if isinstance(digest, str)]


def _decoded(body: bytes) -> dict[str, Any]:
    """A body as a document; empty when it is none."""
    try:
        return _decode_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
