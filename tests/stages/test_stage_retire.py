"""Retire: archive what must be kept, stop what serves, and say what is due."""

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stage_samples import Bench

from charter.runtime.ledger import Event, Ledger
from charter.runtime.stages import serving
from charter.runtime.stages.retire import retire

SPEC: dict[str, Any] = {
    "model": "scorecard",
    "archive": {"what": ["model", "evidence", "ledger"], "seconds": 315_360_000},
    "erase": [{"dataset": "recent", "after_seconds": 0}, {"dataset": "applications", "after_seconds": 157_680_000}],
    "lessons": "lessons.md",
    "notify": ["inventory@bank.example"],
    "deployments": ["production"],
}


class Project(Bench):
    """A project with a model, lessons, and a ledger that another connection holds open."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "lessons.md").write_text("# What was learnt\n")
        (root / "model.zip").write_bytes(b"a model")
        (root / ".charter").mkdir()
        place = root / ".charter" / "ledger.db"
        self.ledger = Ledger.open(place, key_path=place.with_suffix(".key"), origin="charter/test", create=True)
        self.ledger.append([Event("test.event", "thing:1", {"text": "in the write-ahead log"})])

    def more(self) -> dict[str, Any]:
        """What every run of the stage is given."""
        dossier = {"evidence": [{"metric": "roc_auc", "value": 0.9}]}
        return {"effect": "log#9", "state": self.root / ".charter", "dossier": dossier}

    def inputs(self) -> dict[str, Path]:
        """The stage's inputs."""
        return {"model": self.root / "model.zip"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.ledger.close()


def unpack(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {item.name: archive.extractfile(item).read() for item in archive}  # type: ignore[union-attr]


def test_archive_has_everything_and_no_private_key(project: Project) -> None:
    made = project.run(retire, SPEC, project.inputs(), **project.more())
    files = unpack(made.artifacts["archive"])
    assert set(files) == {
        *("MANIFEST.json", "model.zip", "evidence.json", "lessons.md"),
        *("ledger/ledger.db", "ledger/ledger.pub"),
    }
    assert b"PRIVATE" not in b"".join(files.values())
    assert json.loads(files["evidence.json"])["evidence"][0]["value"] == 0.9
    manifest = json.loads(files["MANIFEST.json"])
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "MANIFEST.json"
    }
    copy = project.root / "copy.db"
    copy.write_bytes(files["ledger/ledger.db"])
    with Ledger.open_read_only(copy) as ledger:
        assert [event.body["text"] for event in ledger.events()] == ["in the write-ahead log"]
    assert sorted(path.name for path in made.artifacts["archive"].parent.iterdir()) == ["archive.tar.gz"]


def test_same_content_same_bytes(project: Project) -> None:
    spec = SPEC | {"archive": {"what": ["model", "evidence"], "seconds": 1}}
    one, two = (project.run(retire, spec, project.inputs(), **project.more()) for _ in range(2))
    assert one.artifacts["archive"].read_bytes() == two.artifacts["archive"].read_bytes()


def test_what_is_due_and_whom_to_tell(project: Project) -> None:
    effects = project.run(retire, SPEC, project.inputs(), **project.more()).effects
    assert effects["erase"] == {
        "now": [{"dataset": "recent", "after_seconds": 0}],
        "later": [{"dataset": "applications", "after_seconds": 157_680_000}],
    }
    assert effects["notify"] == ["inventory@bank.example"]
    assert effects["archive"]["keep_seconds"] == 315_360_000
    assert effects["stopped"] == [{"deployment": "production", "ran": False}]
    json.dumps(effects)


def test_the_server_is_stopped(project: Project) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        record = {"pid": process.pid, "process": serving.process_identity(process.pid), "address": "http://127.0.0.1:1"}
        path = serving.record_path(project.root / ".charter", "production")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record))
        (stopped,) = project.run(retire, SPEC, project.inputs(), **project.more()).effects["stopped"]
        assert stopped["ran"] is True and stopped["address"] == "http://127.0.0.1:1"
        assert serving.process_identity(process.pid) is None and not path.exists()
    finally:
        process.kill()
        process.wait()


def test_without_archive_clause_the_lessons_are_kept(project: Project) -> None:
    made = project.run(retire, SPEC | {"archive": None}, project.inputs(), **project.more())
    assert set(unpack(made.artifacts["archive"])) == {"MANIFEST.json", "lessons.md"}


@pytest.mark.parametrize(
    ("spec", "summary"),
    [
        ({"lessons": "nowhere.md"}, "no lessons"),
        ({"lessons": "empty.md"}, "no lessons"),
        ({"lessons": "../lessons.md"}, "outside the project"),
        ({"archive": {"what": ["modle"], "seconds": 1}}, "cannot be archived"),
    ],
)
def test_a_refused_retirement_changes_nothing(project: Project, spec: dict[str, Any], summary: str) -> None:
    (project.root / "empty.md").write_text(" \n")
    path = serving.record_path(project.root / ".charter", "production")
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert project.refuse(retire, SPEC | spec, project.inputs(), **project.more()).summary == summary
    assert path.exists()


def test_no_decision_no_retirement(project: Project) -> None:
    more = project.more() | {"effect": None}
    assert project.refuse(retire, SPEC, project.inputs(), **more).summary == "no decision"


def test_ledger_that_is_gone_or_broken(project: Project) -> None:
    project.ledger.close()
    ledger = project.root / ".charter" / "ledger.db"
    for extra in ("ledger.db-wal", "ledger.db-shm"):
        (project.root / ".charter" / extra).unlink(missing_ok=True)
    ledger.write_bytes(b"this was a ledger once" * 400)
    assert project.refuse(retire, SPEC, project.inputs(), **project.more()).summary == "ledger not copied"
    ledger.unlink()
    assert project.refuse(retire, SPEC, project.inputs(), **project.more()).summary == "no ledger"
