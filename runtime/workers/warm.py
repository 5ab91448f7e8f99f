"""The warm worker: imports once, then forks the processes that stages run in and reports how each ended.

Started as `python -m charter.runtime.workers.warm FD FLAVOUR`. It stays single-threaded, because a fork
copies only the thread that calls it. When the runtime goes away, even by kill -9, the channel closes
and everything that was forked is killed.
"""

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

from charter.runtime.workers import wire
from charter.runtime.workers.child import serve
from charter.runtime.workers.flavours import PRELOADS
from charter.runtime.workers.outside import kill_group


def main() -> None:
    """Serve until the channel closes."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runtime's to handle
    for module in PRELOADS[sys.argv[2]]:
        with contextlib.suppress(ImportError):  # the stage that needs it says so better
            importlib.import_module(module)
    # What is here now lives for ever: keep the collector from touching, and so copying, its pages in every fork.
    gc.collect()
    gc.freeze()
    gc.disable()
    _serve(channel)


def _serve(channel: socket.socket) -> None:
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(channel, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    children: dict[int, int] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is channel:
                received = wire.receive(channel)
                if received is None:
                    _abandon(children)
                    return
                message, fds = received
                pid = _fork(fds, inherited=(channel.fileno(), wake_read, wake_write, selector))
                children[pid] = message["id"]
                wire.send(channel, {"id": message["id"], "pid": pid})
            else:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
        _reap(channel, children)


def _fork(fds: list[int], inherited: tuple[Any, ...]) -> int:
    pid = os.fork()
    if pid == 0:
        _be_the_stage(fds[0], inherited)
    for fd in fds:
        os.close(fd)
    return pid


def _be_the_stage(tasks: int, inherited: tuple[Any, ...]) -> NoReturn:
    code = 0
    try:
        gc.enable()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()  # one signal to the group reaches everything that the stage starts
        _tie_to_parent()
        channel_fd, wake_read, wake_write, selector = inherited
        selector.close()
        for fd in (channel_fd, wake_read, wake_write):
            os.close(fd)
        serve(socket.socket(fileno=tasks))
    except BaseException:  # noqa: BLE001 - nothing may unwind into the copy of the serving loop
        code = 70
    _exit(code)


def _exit(code: int) -> NoReturn:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _tie_to_parent() -> None:
    """On Linux, be killed when the warm worker is, and inherit what descendants leave behind: prctl(2)."""
    if sys.platform == "linux":
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() == 1:
            os._exit(70)


_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _load_prctl() -> Any:
    if sys.platform != "linux":
        return None
    import ctypes

    return ctypes.CDLL(None).prctl


_PRCTL = _load_prctl()


def _reap(channel: socket.socket, children: dict[int, int]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in children:
            kill_group(pid)  # what the stage left running in its group
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                wire.send(channel, {"id": children.pop(pid), "code": code})


def _abandon(children: dict[int, int]) -> None:
    for pid in children:
        kill_group(pid)


if __name__ == "__main__":
    main()
