"""A real lifecycle, frozen: one denial, one approval, one deployment (tests/vectors/loans, see its make.sh)."""

import json
import shutil
import sqlite3
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from charter.runtime.ledger import Event, Ledger, anchor
from charter.runtime.project import Project
from charter.runtime.store import ArtifactStore

FROZEN = Path(__file__).parents[1] / "vectors" / "loans"
DENIED = 30
"""The record of the gate that denied."""


def thaw(folder: Path) -> Project:
    """A project in `folder` with the frozen events in a ledger of its own; an anchor at the end of each run."""
    shutil.copytree(FROZEN, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("compiled", "make.sh", "*.jsonl"))
    for name in ("oda", "emil", "rita"):
        (folder / "keys" / f"{name}.key").chmod(0o600)  # git keeps no such mode
    project, clock = Project(folder), [0]
    project.state.mkdir()
    for document in (FROZEN / "compiled").iterdir():
        ArtifactStore(project.store).put(document.read_bytes())
    with Ledger.open(
        project.ledger_path, key_path=project.ledger_key_path, origin="charter/loans", create=True, clock=clock.pop
    ) as ledger:
        for time, group in groupby(map(json.loads, (FROZEN / "events.jsonl").open()), itemgetter("time")):
            events = [
                Event(item["kind"], item["subject"], item["body"], None, _bytes(item["attachments"])) for item in group
            ]
            clock[:] = [int(datetime.fromisoformat(time).timestamp()) * 10**9 + int(time[20:26]) * 1000]
            ledger.append(events)
            if events[-1].kind == "run.closed":
                anchor(ledger, project.checkpoints_path)
    return project


def _bytes(texts: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in texts.items()}


def take_out(project: Project, *seqs: int) -> None:
    """Remove bodies as somebody does who can write to the file: nothing is recorded of it."""
    with sqlite3.connect(project.ledger_path) as database:
        for seq in seqs:
            database.execute("UPDATE record SET body = NULL, salt = NULL WHERE seq = ?", (seq,))
