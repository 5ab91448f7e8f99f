"""What was acknowledged is there: after kill -9 at any time, at any system call, and after errors of the disk."""

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger_samples import fill, opened

from charter.runtime.failure import ExitCode
from charter.runtime.ledger import Event
from charter.runtime.ledger.verify import Verdict, verify_ledger

APPENDER = Path(__file__).with_name("appender.py")
TORTURE = bool(os.environ.get("CHARTER_TORTURE"))


def acknowledged(output: str) -> list[str]:
    """Ids that the process acknowledged; a line that the kill cut short counts for nothing."""
    return re.findall(r"^(event-\d+)\n", output, re.MULTILINE)


def lost_and_whole(folder: Path, acks: list[str]) -> list[str]:
    """The acknowledged ids that a later process does not find; the ledger must be whole and go on."""
    if not (folder / "ledger.key").exists():
        assert not acks
    with opened(folder) as ledger:
        recorded = [event.idem for event in ledger.events()]
        assert len(set(recorded)) == len(recorded)
        ledger.append([Event("test.after", "thing:1", {"n": len(recorded)})])
    report = verify_ledger(folder / "ledger.db")
    assert report.verdict is Verdict.NOT_ANCHORED, report.findings
    return [idem for idem in acks if idem not in recorded]


def killed_after(folder: Path, seconds: float, first: int, *options: str) -> list[str]:
    """Start an appender, kill it some time after it is ready, and return what it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, APPENDER, folder, "100000", str(first), *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.kill()
    output = process.stdout.read()
    process.wait()
    return acknowledged(output)


def test_kill_at_random_times_loses_nothing(tmp_path):
    chance = random.Random()
    total, turns = 0, 100 if TORTURE else 8
    for turn in range(10 * turns):
        if turn >= turns and total > 20:
            break  # on a busy machine it takes more of them until enough was acknowledged
        acks = killed_after(tmp_path, chance.uniform(0.0, 0.08), turn * 100_000)
        total += len(acks)
        assert lost_and_whole(tmp_path, acks) == []
    assert total > 20


def test_an_acknowledgement_before_the_commit_would_be_noticed(tmp_path):
    """The planted bug: the test above must be able to fail."""
    for turn in range(30):
        acks = killed_after(tmp_path, 0.02 + turn / 1000, turn * 100_000, "early")
        if lost_and_whole(tmp_path, acks):
            return
    pytest.fail("30 kills did not show a planted acknowledgement before the commit")


def injected(folder: Path, injection: str) -> subprocess.CompletedProcess:
    """Run an appender of six events under strace with one fault."""
    return subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", f"inject={injection}",
         sys.executable, APPENDER, folder, "6", "0"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture(scope="module")
def calls(tmp_path_factory, strace):
    """The names of the writes and syncs of an appender without faults, with its own messages between them."""
    folder = tmp_path_factory.mktemp("calls")
    trace = folder / "trace"
    subprocess.run(
        [strace, "-f", "-qq", "-o", trace, "-e", "trace=pwrite64,fdatasync,fsync,write",
         sys.executable, APPENDER, folder, "6", "0"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    lines = re.findall(
        r'^\d+ +(?:(pwrite64|fdatasync|fsync)\(|write\(1, "(ready|event-\d)\\n")', trace.read_text(), re.M
    )
    return [call or message for call, message in lines]


@pytest.fixture(scope="module")
def calls_of_an_append(tmp_path_factory, strace):
    """(call, number of its kind in the process) of every system call between two acknowledgements."""
    folder = tmp_path_factory.mktemp("every")
    trace = folder / "trace"
    subprocess.run(
        [strace, "-f", "-qq", "-o", trace, sys.executable, APPENDER, folder, "6", "0"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    counted, found, inside = dict[str, int](), list[tuple[str, int]](), False
    for call, rest in re.findall(r"^\d+ +(\w+)\((.*)$", trace.read_text(errors="replace"), re.M):
        counted[call] = counted.get(call, 0) + 1
        if call == "write" and rest.startswith('1, "event-'):
            inside = rest.startswith('1, "event-1')
        elif inside:
            found.append((call, counted[call]))
    return found


def number_after(calls: list[str], message: str, call: str) -> int:
    """Which call of its kind is the first after a message."""
    start = calls.index(message)
    return calls[:start].count(call) + 1


class TestFaults:
    """Faults at the system calls of an append, found out by counting them in a run without faults."""

    pytestmark = pytest.mark.strace

    @pytest.fixture
    def points(self, calls):
        """(call, number) of each write and sync, those of creation included; a sample, or all under torture."""
        kinds = ("pwrite64", "fdatasync", "fsync")
        every = [(call, number) for call in kinds for number in range(1, calls.count(call) + 1)]
        assert calls.count("pwrite64") > 12 and calls.count("fdatasync") > 5
        return every if TORTURE else random.Random().sample(every, 6)

    @pytest.mark.parametrize("fault", ["EIO", "ENOSPC", "kill"])
    def test_no_acknowledged_event_is_lost(self, tmp_path, points, fault):
        for call, number in points:
            folder = tmp_path / f"{call}-{number}"
            folder.mkdir()
            what = "signal=SIGKILL" if fault == "kill" else f"error={fault}"
            process = injected(folder, f"{call}:{what}:when={number}")
            acks = acknowledged(process.stdout)
            assert lost_and_whole(folder, acks) == [], (call, number)
            if fault == "kill":
                assert process.returncode != 0
            elif "failed" in process.stdout:
                assert process.returncode == ExitCode.ENVIRONMENT, process.stdout
            else:
                # SQLite may absorb an error while it folds its log into the file; then all is recorded.
                assert len(acks) == 6, process.stdout + process.stderr

    def test_a_disk_that_cannot_look_accuses_nobody(self, tmp_path, calls_of_an_append):
        number = next(number for call, number in calls_of_an_append if call == "newfstatat")
        process = injected(tmp_path, f"newfstatat:error=EIO:when={number}+")
        assert "failed ledger cannot be written or read" in process.stdout, process.stdout + process.stderr
        assert process.returncode == ExitCode.ENVIRONMENT
        assert lost_and_whole(tmp_path, acknowledged(process.stdout)) == []

    def test_no_random_numbers_are_said(self, tmp_path, calls_of_an_append):
        number = next(number for call, number in calls_of_an_append if call == "getrandom")
        process = injected(tmp_path, f"getrandom:error=EIO:when={number}+")
        assert "failed no random numbers" in process.stdout, process.stdout + process.stderr
        assert process.returncode == ExitCode.ENVIRONMENT
        assert lost_and_whole(tmp_path, acknowledged(process.stdout)) == []

    @pytest.mark.torture
    @pytest.mark.parametrize("fault", ["EIO", "ENOSPC", "kill"])
    def test_a_fault_at_every_call_of_an_append_loses_nothing(self, tmp_path, calls_of_an_append, fault):
        assert len(calls_of_an_append) > 10
        missed = 0
        for call, number in calls_of_an_append:
            if fault != "kill" and call == "getpid":
                continue  # it cannot fail
            folder = tmp_path / f"{call}-{number}"
            folder.mkdir()
            what = "signal=SIGKILL" if fault == "kill" else f"error={fault}"
            process = injected(folder, f"{call}:{what}:when={number}")
            acks = acknowledged(process.stdout)
            said = (call, number, process.stdout, process.stderr)
            assert lost_and_whole(folder, acks) == [], said
            if acks[:2] != ["event-0", "event-1"]:
                missed += 1  # what is imported before makes another number of calls when its compiled form is stale
                continue
            if fault == "kill":
                assert process.returncode != 0, said
                continue
            assert "Traceback" not in process.stderr and "replaced" not in process.stdout, said
            # A commit for which there were no random numbers wrote nothing: the next may succeed.
            assert process.returncode in (0, ExitCode.ENVIRONMENT) or call == "getrandom", said
        assert missed * 3 < len(calls_of_an_append)

    def test_a_failed_sync_is_never_acknowledged(self, tmp_path, calls):
        process = injected(tmp_path, f"fdatasync:error=EIO:when={number_after(calls, 'event-0', 'fdatasync')}")
        assert acknowledged(process.stdout) == ["event-0"]
        assert "failed ledger cannot be written or read" in process.stdout
        assert process.returncode == ExitCode.ENVIRONMENT

    def test_a_full_disk_is_said(self, tmp_path, calls):
        process = injected(tmp_path, f"pwrite64:error=ENOSPC:when={number_after(calls, 'event-3', 'pwrite64')}+")
        assert acknowledged(process.stdout) == ["event-0", "event-1", "event-2", "event-3"]
        assert "failed disk is full" in process.stdout
        assert process.returncode == ExitCode.ENVIRONMENT


def in_mount(folder: Path, mount: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run an appender where a folder is mounted in another way, in a mount namespace of its own."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a mount namespace (`unshare -rm`)")
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, APPENDER, folder, *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_disk_that_fills_up(tmp_path):
    process = in_mount(tmp_path, f"mount -t tmpfs -o size=300k tmpfs {tmp_path}", "5000", "0")
    assert "failed disk is full" in process.stdout, process.stdout[-300:] + process.stderr
    assert process.returncode == ExitCode.ENVIRONMENT
    assert "Traceback" not in process.stderr


def test_a_read_only_folder(tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 1)
    read_only = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path}"
    process = in_mount(tmp_path, read_only, "1", "5")
    assert process.stdout == "failed ledger cannot be opened\n", process.stderr
    assert process.returncode == ExitCode.ENVIRONMENT
    (tmp_path / "ledger.db").unlink()
    process = in_mount(tmp_path, read_only, "1", "5")
    assert process.stdout.startswith("failed "), process.stderr
    assert process.returncode == ExitCode.ENVIRONMENT


def test_a_ledger_on_a_read_only_disk_can_be_verified(tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 3)
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a mount namespace (`unshare -rm`)")
    code = (
        "import sys; from pathlib import Path; from charter.runtime.ledger import Ledger;"
        "from charter.runtime.ledger.verify import verify_ledger; path = Path(sys.argv[1]);"
        "print(verify_ledger(path).verdict, Ledger.open_read_only(path).size)"
    )
    script = f'mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path} && exec "$@"'
    process = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-c", code, tmp_path / "ledger.db"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert process.stdout == "not anchored 3\n", process.stderr
