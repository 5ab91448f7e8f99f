"""What deployments put in place: start a server or lay a package down, tell whether it lives, stop it.

A server is one process in a session of its own that outlives the stage which started it. What is known of it
stands in `serving/<deployment>.json` below the state directory:

    {"deployment", "address": "http://127.0.0.1:PORT", "pid", "process": identity of the process,
     "package": digest of the package, "model": digest of the model file, "effect": id of the decision}

The server writes this record itself before it answers, and holds a lock on the decision's id for its whole
life: a stage that was killed in between and runs again finds the server instead of starting a second one.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.packaged import file_digest

SMOKE_HEADER = "x-charter-effect"
"""Requests that carry the decision's id are the deployment's own tests, and are logged as such."""
INFERENCE_LOG = "inference.jsonl"
_START_SECONDS = 90.0
_STOP_SECONDS = 5.0
_TICK = 0.02


def server_directory(state: Path, deployment: str) -> Path:
    """Where a deployment's packages and logs are kept."""
    if not deployment or deployment.startswith(".") or "/" in deployment or "\0" in deployment:
        raise StageRefused("not a name", f"`{deployment}` cannot name a deployment's directory.")
    return state / "serving" / deployment


def record_path(state: Path, deployment: str) -> Path:
    """The record of the deployment's newest server."""
    return server_directory(state, deployment).with_name(f"{deployment}.json")


def read_record(state: Path, deployment: str) -> dict[str, Any] | None:
    """The record of the deployment's newest server, or None when there is none that can be read."""
    try:
        record = json.loads(record_path(state, deployment).read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def process_identity(pid: int) -> str | None:
    """What tells a process from a later one with the same number; None when it is gone or a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return _identity(process)
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None


def _identity(process: psutil.Process) -> str:
    # Seconds since the epoch shift when the clock is set; ticks since this boot do not.
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return f"{process.create_time():.2f}"
    return f"{boot}:{fields[19]}"


def server_alive(record: Mapping[str, Any]) -> bool:
    """Whether the recorded process still runs, not a later one with its number; or the package still lies there."""
    if "file" in record:
        return _digest(Path(record["file"])) == record.get("package")
    pid = record.get("pid")
    return isinstance(pid, int) and record.get("process") is not None and process_identity(pid) == record["process"]


def stop_server(record: Mapping[str, Any]) -> bool:
    """Stop the recorded server and wait until it is gone, or take the package away.

    Returns:
        True when it ran and was stopped, False when it did not run any more.

    Raises:
        Failure: it may not be stopped by this user, or does not end.
    """
    if "file" in record:
        return _take_away(Path(record["file"]))
    if not server_alive(record):
        return False
    try:
        process = psutil.Process(int(record["pid"]))
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(_STOP_SECONDS)
    except psutil.NoSuchProcess:
        return True
    except (psutil.AccessDenied, psutil.TimeoutExpired) as error:
        raise Failure(
            "server does not stop",
            f"the server of `{record.get('deployment')}` (process {record['pid']}, {record.get('address')}) could not "
            f"be stopped: {type(error).__name__}. Stop it as the user who started it, then run again.",
            exit_code=ExitCode.ENVIRONMENT,
        ) from error
    return True


def lay_down(state: Path, deployment: str, package: Path, *, effect: str) -> dict[str, Any]:
    """Copy a package to where others take it from; the record stands for it as a server's does for a process.

    Every decision has a place of its own, so that taking an earlier package away leaves a later one of the same bytes.
    """
    target = _own_directory(state, deployment, effect) / "package.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}")
    shutil.copyfile(package, scratch)
    scratch.replace(target)
    return {
        "deployment": deployment,
        "address": str(target),
        "file": str(target),
        "package": file_digest(target),
        "effect": effect,
    }


def _take_away(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Failure(
            "package is not taken away",
            f"`{file}` could not be removed: {error.strerror}. Remove it, then run again.",
            exit_code=ExitCode.ENVIRONMENT,
        ) from error
    return True


def _digest(file: Path) -> str | None:
    try:
        return file_digest(file)
    except OSError:
        return None


def _own_directory(state: Path, deployment: str, effect: str) -> Path:
    return server_directory(state, deployment) / hashlib.sha256(effect.encode()).hexdigest()[:16]


def ensure_server(
    state: Path, deployment: str, package: Path, *, model: str, effect: str
) -> tuple[dict[str, Any], float]:
    """The running server that this decision allowed: found, or started now.

    Args:
        state: the project's state directory.
        deployment: its name.
        package: the file to serve; a copy is served.
        model: digest of the model file that the package was made from.
        effect: id of the decision.

    Returns:
        The server's record, and the seconds from its start to its first healthy answer (0 when found).

    Raises:
        StageRefused: it does not start, or does not become healthy in time.
    """
    own = _own_directory(state, deployment, effect)
    own.mkdir(parents=True, exist_ok=True)
    lock = os.open(own / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        free = _try_lock(lock)
        if not free:
            record = _wait_healthy(state, deployment, effect, None, own)
            if record["package"] == file_digest(package):
                return record, 0.0
            stop_server(record)
            if not _lock_within(lock, _STOP_SECONDS):
                raise StageRefused(
                    "server does not stop", f"another server of `{deployment}` for the same decision stays."
                )
        started = time.monotonic()
        shutil.copyfile(package, own / "package.zip")
        process = _spawn(state, deployment, own, lock, model=model, effect=effect)
        record = _wait_healthy(state, deployment, effect, process, own)
        return record, time.monotonic() - started
    finally:
        os.close(lock)  # the server holds its own copy


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_within(lock: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _try_lock(lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK)
    return True


def _spawn(state: Path, deployment: str, own: Path, lock: int, *, model: str, effect: str) -> "subprocess.Popen[bytes]":
    order = {
        "deployment": deployment,
        "package": str(own / "package.zip"),
        "model": model,
        "effect": effect,
        "record": str(record_path(state, deployment)),
        "log": str(server_directory(state, deployment) / INFERENCE_LOG),
    }
    path = own / "server.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(order))
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
    with (own / "server.log").open("ab") as log:
        # A server sees none of the secrets that the environment of a run may hold.
        return subprocess.Popen(  # noqa: S603 - this interpreter, our own module, a path that we made
            [sys.executable, "-P", "-m", "charter.runtime.stages.server", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=own,
            env={name: os.environ[name] for name in kept if name in os.environ},
            pass_fds=(lock,),
            start_new_session=True,
        )


def _wait_healthy(
    state: Path, deployment: str, effect: str, process: "subprocess.Popen[bytes] | None", own: Path
) -> dict[str, Any]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        record = read_record(state, deployment)
        if record is not None and record.get("effect") == effect and server_alive(record) and _healthy(record):
            return record
        if process is not None and process.poll() is not None:
            break
        time.sleep(_TICK)
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()
    raise StageRefused(
        "server does not start",
        f"the server of `{deployment}` did not become healthy within {_START_SECONDS:.0f} seconds. Its own words, from "
        f"`{own / 'server.log'}`: {_tail(own / 'server.log')}",
    )


def _healthy(record: Mapping[str, Any]) -> bool:
    try:
        status, answer = ask(record, "GET", "/health")
    except (OSError, http.client.HTTPException, ValueError):
        return False
    return status == http.client.OK and answer.get("package") == record["package"]


def ask(
    record: Mapping[str, Any], method: str, path: str, body: Any = None, *, timeout: float = 10.0
) -> tuple[int, dict[str, Any]]:
    """One request to a server, as the deployment's own test; its status and its JSON answer.

    Raises:
        OSError, HTTPException, ValueError: no answer, or none in JSON.
    """
    host, _, port = str(record["address"]).removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
    with contextlib.closing(connection):
        headers = {"content-type": "application/json", SMOKE_HEADER: str(record["effect"])}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return f"`{lines[-1][:300]}`." if lines else "none."
