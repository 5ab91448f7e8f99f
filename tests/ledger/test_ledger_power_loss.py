"""Power loss: sectors that were not synced are lost, reordered and torn, at every write of an append.

kill -9 cannot stand in for this: the system keeps what a killed process wrote, even with `synchronous=OFF`.
"""

import random
import shutil
from pathlib import Path

import pytest
from ledger_samples import opened
from recording_disk import Recording, recorded

from charter.runtime.ledger import Event
from charter.runtime.ledger.verify import Verdict, verify_ledger

KEEP = (0.0, 0.3, 0.7, 0.95, 1.0)
"""How likely a sector that was not synced is there; none of them, and all of them, are among the cases."""


def appended(folder: Path, *, synchronous: str = "FULL", count: int = 14) -> Recording:
    """Commits of one and of many events, with foldings of SQLite's log into the file in between."""
    with recorded() as disk, opened(folder) as ledger:
        run = ledger._store._connection.execute
        run(f"PRAGMA synchronous={synchronous}; PRAGMA wal_autocheckpoint=9").close()
        for n in range(count):
            events = [Event("test.event", f"thing:{n}", {"n": n}, f"event-{n}")]
            events += [Event("test.more", f"thing:{n}", {"n": m, "filling": "x" * 300}) for m in range(n % 4 * 3)]
            ledger.append(events)
            disk.acknowledge(f"event-{n}")
    return disk


def lost_at(disk: Recording, moment: int, chance: random.Random, keep: float, home: Path, keys: Path) -> list[str]:
    """The acknowledged events that a later process does not find; the ledger must be whole and go on."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for name in ("ledger.key", "ledger.pub"):
        shutil.copy(keys / name, home)
    for name, data in disk.left_at(moment, chance, keep).items():
        if not name.endswith("-shm"):
            (home / name).write_bytes(data)
    with opened(home, create=False) as ledger:
        found = [event.idem for event in ledger.events()]
        ledger.append([Event("test.after", "thing:1", {"n": len(found)})])
    report = verify_ledger(home / "ledger.db")
    assert report.verdict is Verdict.NOT_ANCHORED, report.findings
    return [name for name in disk.acknowledged(moment) if name not in found]


def first_moment(disk: Recording) -> int:
    """From the first acknowledgement on: before it a ledger may not be there at all."""
    return next(index for index, step in enumerate(disk.operations) if step.kind == "ack")


def test_a_power_loss_takes_nothing_acknowledged(tmp_path):
    disk = appended(tmp_path)
    kinds = [step.kind for step in disk.operations]
    assert kinds.count("sync") > 20 and kinds.count("write") > 100
    assert {step.name for step in disk.operations} >= {"ledger.db", "ledger.db-wal"}
    chance = random.Random()
    moments = range(first_moment(disk), len(disk.operations) + 1)
    for moment in sorted(chance.sample(moments, 60)):
        keep = chance.choice(KEEP)
        assert lost_at(disk, moment, chance, keep, tmp_path / "after", tmp_path) == [], (moment, keep)


@pytest.mark.torture
def test_a_power_loss_at_every_operation(tmp_path):
    disk = appended(tmp_path, count=60)
    for moment in range(first_moment(disk), len(disk.operations) + 1):
        for keep in KEEP:
            chance = random.Random(f"{moment} {keep}")
            assert lost_at(disk, moment, chance, keep, tmp_path / "after", tmp_path) == [], (moment, keep)


def test_commits_that_are_not_synced_would_be_noticed(tmp_path):
    """The planted bug: with `synchronous=NORMAL` SQLite does not sync its log at a commit."""
    disk = appended(tmp_path, synchronous="NORMAL")
    chance = random.Random(5)
    acks = [index + 1 for index, step in enumerate(disk.operations) if step.kind == "ack"]
    assert any(lost_at(disk, moment, chance, 0.0, tmp_path / "after", tmp_path) for moment in acks)
