"""An OPA server of our own on loopback: started when asked for, guarded by a token, gone when we are."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from charter.runtime.gates.engine import EngineFailure
from charter.runtime.gates.server import ServerAddress, ServerEngine

_START_SECONDS = 10.0

# The pipe on standard input ends when the parent does, however it ends; then OPA is stopped by its process id.
_KEEPER = '"$@" >"$CHARTER_OPA_LOG" 2>&1 & opa=$!; echo "$opa"; cat >/dev/null; kill "$opa" 2>/dev/null; wait "$opa"'

_AUTHORIZATION = """package system.authz

default allow := false

allow if input.identity == "{token}"
"""


def find_opa() -> str | None:
    """The `opa` command: `$OPA_BIN`, then PATH; None if there is none."""
    named = os.environ.get("OPA_BIN")
    return shutil.which(named) if named else shutil.which("opa")


class LoopbackServer:
    """One `opa run --server` on 127.0.0.1, on a free port, that only holders of a fresh random token may ask."""

    def __init__(self, opa: str) -> None:
        self.token = secrets.token_urlsafe(32)
        self._folder = Path(tempfile.mkdtemp(prefix="charter-opa-"))
        self._keeper: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None
        self._opa = Path(opa)
        try:
            self.address = self._start(opa)
        except BaseException:
            self.close()
            raise

    @property
    def binary(self) -> Path:
        """The program that decides: what runs where the system shows it, else the file that was started."""
        running = Path(f"/proc/{self.pid}/exe")
        return running if self.pid is not None and running.exists() else self._opa

    def close(self) -> None:
        """Stop it by its process id; safe to call twice."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            if self.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGTERM)
            assert keeper.stdin is not None
            keeper.stdin.close()
            try:
                keeper.wait(5)
            except subprocess.TimeoutExpired:
                if self.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self.pid, signal.SIGKILL)
                keeper.kill()
                keeper.wait()
            assert keeper.stdout is not None
            keeper.stdout.close()
        self.pid = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, opa: str) -> ServerAddress:
        rules = self._folder / "authz.rego"
        rules.touch(mode=0o600)
        rules.write_text(_AUTHORIZATION.format(token=self.token), encoding="utf-8")
        port = _free_port()
        # An environment of its own: a policy must find no secrets in `opa.runtime()`.
        self._keeper = subprocess.Popen(  # noqa: S603 - a fixed command; `opa` is the user's own choice
            ["/bin/sh", "-c", _KEEPER, "sh", opa, "run", "--server", "--addr", f"127.0.0.1:{port}",
             "--authentication", "token", "--authorization", "basic", "--log-level", "error",
             "--disable-telemetry", "--shutdown-grace-period", "1", str(rules)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._folder,
            env={"CHARTER_OPA_LOG": str(self._folder / "opa.log"), "HOME": str(self._folder), "PATH": os.defpath},
            start_new_session=True,
        )  # fmt: skip
        assert self._keeper.stdout is not None
        line = self._keeper.stdout.readline()
        self.pid = int(line) if line.strip().isdigit() else None
        address = ServerAddress(f"http://127.0.0.1:{port}", token=self.token)
        self._wait_until_ready(address)
        return address

    def _wait_until_ready(self, address: ServerAddress) -> None:
        engine = ServerEngine(address)
        deadline = time.monotonic() + _START_SECONDS
        try:
            while not engine.ready():
                if self.pid is None or not _alive(self.pid) or time.monotonic() > deadline:
                    raise EngineFailure("engine_unreachable", f"`opa` does not start: {self._last_words()}")
                time.sleep(0.01)
        finally:
            engine.close()

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self._folder / "opa.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if lines:
                return lines[-1][:300]
        return "it says nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
