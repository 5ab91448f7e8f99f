"""The retire stage: stop the servers, archive what must be kept, and say what is due for erasure and whom to tell.

The archive is a tar.gz with the same bytes for the same content. Erasing is the runtime's: it holds the store and the
ledger, and writes down what it erased; this stage only lists what is due.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from charter.runtime.failure import Failure
from charter.runtime.project import Project
from charter.runtime.stages.api import Evidence, StageContext, StageRefused, StageResult
from charter.runtime.stages.packaged import file_digest
from charter.runtime.stages.serving import INFERENCE_LOG, read_record, record_path, server_directory, stop_server
from charter.runtime.stages.suggest import suggestion

Entries = dict[str, bytes]


def retire(context: StageContext) -> StageResult:
    """Archive first, then stop: a retirement that cannot keep what it must keep changes nothing."""
    if context.effect is None or context.state is None:
        raise StageRefused("no decision", "a retirement acts outside, and does so only with the id of a decision.")
    spec = context.spec
    archive = spec.get("archive")
    entries: Entries = {}
    for what in archive["what"] if archive else ():
        if what not in _KEPT:
            raise StageRefused("cannot be archived", f"`archive {what}` is not known.{suggestion(what, _KEPT)}")
        entries |= _KEPT[what](context)
    if spec.get("lessons") is not None:
        entries["lessons.md"] = _lessons(context.project, str(spec["lessons"]))
    path = context.out / "archive.tar.gz"
    _write_archive(path, context, entries)
    stopped = [_stop(context.state, name) for name in spec.get("deployments", ())]
    ran = sum(item["ran"] for item in stopped)
    return StageResult(
        artifacts={"archive": path},
        evidence=(
            Evidence("archived_files", len(entries), "count"),
            Evidence("archive_bytes", path.stat().st_size, "bytes"),
            Evidence("servers_stopped", ran, "count", n=len(stopped)),
        ),
        effects={
            "stopped": stopped,
            "archive": {"digest": file_digest(path), "keep_seconds": archive["seconds"] if archive else None},
            "erase": _erasures(spec.get("erase", ())),
            "notify": list(spec.get("notify", ())),
        },
    )


def _model(context: StageContext) -> Entries:
    return {"model.zip": context.inputs["model"].read_bytes()}


def _evidence(context: StageContext) -> Entries:
    return {"evidence.json": json.dumps(context.dossier, indent=1, sort_keys=True, default=str).encode()}


def _ledger(context: StageContext) -> Entries:
    """The ledger as of now, what verifies it, and no private key."""
    project = Project(context.project)
    if not project.ledger_path.is_file():
        raise StageRefused("no ledger", f"`{project.ledger_path}` is not there, so it cannot be archived.")
    copy = context.out / "ledger.db"
    _copy_ledger(project.ledger_path, copy)
    entries = {"ledger/ledger.db": copy.read_bytes()}
    copy.unlink()
    for path in (project.ledger_public_key_path, project.checkpoints_path, project.trust_root_path):
        if path.is_file():
            entries[f"ledger/{path.name}"] = path.read_bytes()
    return entries


_KEPT: Mapping[str, Callable[[StageContext], Entries]] = {"model": _model, "evidence": _evidence, "ledger": _ledger}


def _copy_ledger(source: Path, target: Path) -> None:
    """A verified copy in one file, from a file or a database, while the runtime may be writing."""
    from charter.runtime.ledger.migrate import copy_ledger

    try:
        copy_ledger(source, target)
    except Failure as failure:
        raise StageRefused("ledger not copied", f"{failure.summary}: {failure.detail}") from failure


def _lessons(project: Path, name: str) -> bytes:
    path = (project / name).resolve()
    if not path.is_relative_to(project.resolve()):
        raise StageRefused("outside the project", f"`lessons {name}` leads out of the project's directory.")
    if not path.is_file():
        raise StageRefused(
            "no lessons", f"there is no file `{name}`. Write down what was learnt there; the retirement waits for it."
        )
    content = path.read_bytes()
    if not content.strip():
        raise StageRefused("no lessons", f"`{name}` is empty. Write down what was learnt; the retirement waits for it.")
    return content


def _stop(state: Path, deployment: str) -> dict[str, Any]:
    record = read_record(state, deployment)
    if record is None:
        return {"deployment": deployment, "ran": False}
    try:
        ran = stop_server(record)
    except Failure as failure:
        raise StageRefused(failure.summary, failure.detail) from failure
    record_path(state, deployment).unlink(missing_ok=True)
    told = {key: record.get(key) for key in ("address", "package")}
    log = server_directory(state, deployment) / INFERENCE_LOG
    # It holds what people sent, and outlives the model: whoever answers for it must know that it is there.
    return {"deployment": deployment, "ran": ran, **told, "inference_log": str(log) if log.is_file() else None}


def _erasures(erase: Any) -> dict[str, list[dict[str, Any]]]:
    due: dict[str, list[dict[str, Any]]] = {"now": [], "later": []}
    for item in erase:
        due["later" if item["after_seconds"] else "now"].append(dict(item))
    return due


def _write_archive(path: Path, context: StageContext, entries: Entries) -> None:
    manifest = {
        "model": context.spec["model"],
        "decision": context.effect,
        "keep_seconds": (context.spec.get("archive") or {}).get("seconds"),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(entries.items())},
    }
    entries = {**entries, "MANIFEST.json": json.dumps(manifest, indent=1, sort_keys=True).encode()}
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in sorted(entries.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))
