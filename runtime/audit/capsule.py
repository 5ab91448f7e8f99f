"""Writes a capsule: one file with all that a stranger needs to check a ledger and decide everything in it again.

The format is specified in docs/auditing.md, and read by `capsule_verify.py`, which goes into each capsule.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import islice

from charter.compiler.ir import Bundle
from charter.compiler.rego.digest import content_bytes
from charter.runtime.audit.exports.source import gone
from charter.runtime.audit.past import PROGRESS_EVERY, Past, Progress
from charter.runtime.events import RunOpened
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import canonical
from charter.runtime.ledger.checkpoint import read_note
from charter.runtime.ledger.ledger import Ledger
from charter.runtime.project import Project

FORMAT = "charter-capsule/1"
_MOST_BYTES = 2 << 30
_NAME = re.compile(r"[A-Za-z0-9._ -]+\.charter")


@dataclass(frozen=True, slots=True)
class Capsule:
    """A capsule's bytes, and what is not in it, in words."""

    data: bytes
    members: tuple[str, ...]
    records: int
    missing: tuple[str, ...]


def verifier() -> bytes:
    """The stand-alone verifier's own text."""
    return resources.files(__package__).joinpath("capsule_verify.py").read_bytes()


def make_capsule(past: Past, project: Project | None, progress: Progress | None = None) -> Capsule:
    """Gather everything; the same ledger gives the same bytes.

    Args:
        past: the ledger that was read.
        project: where charters and trust root lie; they are not bound to the ledger, but listed in the capsule.
        progress: called now and then with the number of records packed, with what they carry, and of all.

    Raises:
        Failure: it would have more than 2 GiB, or the ledger grew since it was read.
    """
    missing: list[str] = []
    note = past.ledger.checkpoint()
    if read_note(note).size != len(past.events):
        raise Failure(
            "ledger grew meanwhile",
            "Another process recorded something while the ledger was read. Run the same command again.",
            exit_code=ExitCode.WAITING,
        )
    if said := gone(past):
        missing.append(said)
    members = {"records.jsonl": _records(past.ledger, len(past.events))}
    for name, found in _attachments(past, progress):
        if found is None:
            missing.append(f"the attachment {name} is not in the ledger any more")
        else:
            members[f"files/{name}"] = found
    for opened in past.runs.values():
        _compiled(past, opened, members, missing)
    if project is not None:
        members |= _project(project)
    members["verify.py"] = verifier()
    about = {
        "checkpoint": note,
        "format": FORMAT,
        "key": str(past.ledger.key),
        "members": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    members["capsule.json"] = canonical.encode(about, _MOST_BYTES)
    return Capsule(_zip(members), tuple(sorted(members)), len(past.events), tuple(dict.fromkeys(missing)))


def _records(ledger: Ledger, size: int) -> bytes:
    """The first records, a line each: header and body as text, the salt in hex, as in proofs and segments."""
    lines = io.BytesIO()
    for row in islice(ledger.rows(), size):
        salt, body = (None, None) if row.salt is None or row.body is None else (row.salt.hex(), row.body.decode())
        line = {"body": body, "header": row.header.decode(), "salt": salt}
        lines.write(canonical.encode(line, _MOST_BYTES) + b"\n")
    return lines.getvalue()


def _attachments(past: Past, progress: Progress | None) -> Iterator[tuple[str, bytes | None]]:
    """Every attachment that a body names, once, by its digest in hex."""
    seen: set[str] = set()
    for done, event in enumerate(past.events, 1):
        if progress is not None and done % PROGRESS_EVERY == 0:
            progress(done, len(past.events))
        described = event.body.get("attachments")
        for item in described.values() if isinstance(described, dict) else ():
            digest = str(item.get("digest", ""))
            if digest not in seen:
                seen.add(digest)
                yield digest.removeprefix("sha256:"), past.ledger.attachment(digest)


def _compiled(past: Past, opened: RunOpened, members: dict[str, bytes], missing: list[str]) -> None:
    """A run's compiled charter and its policies, in the bytes that their digests are of."""
    found = past.compiled_of(opened)
    if isinstance(found, str):
        missing.append(f"{opened.run}: {found}")
        return
    members[f"files/{opened.ir.removeprefix('sha256:')}"] = found.document
    members[f"files/{found.bundle.digest.removeprefix('sha256:')}"] = _policies(found.bundle)


def _policies(bundle: Bundle) -> bytes:
    return content_bytes(bundle.modules, bundle.data, bundle.entrypoint, bundle.roots)


def _project(project: Project) -> dict[str, bytes]:
    """Charters as they lie in the project now, and the trust root."""
    found = {}
    for path in sorted(project.root.glob("*.charter")):
        if path.is_file() and _NAME.fullmatch(path.name):
            found[f"charters/{path.name}"] = path.read_bytes()
    if project.trust_root_path.is_file():
        found["charter.trust.json"] = project.trust_root_path.read_bytes()
    return found


def _zip(members: dict[str, bytes]) -> bytes:
    """The one plain way to write members: sorted, not compressed (its output depends on the library), no times."""
    if sum(map(len, members.values())) > _MOST_BYTES:
        raise Failure(
            "capsule would be too large",
            f"The ledger and what belongs to it have more than {_MOST_BYTES >> 30} GiB, the most that a capsule holds. "
            "Hand over a copy of the ledger's file and the artifact store instead.",
            exit_code=ExitCode.ENVIRONMENT,
        )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(members):
            about = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            about.create_system, about.external_attr = 3, 0o644 << 16
            file.writestr(about, members[name])
    return target.getvalue()
