"""Progress of a run for whoever watches: live on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from charter.compiler.ir import Stage
from charter.runtime.assess import Assessment, Status
from charter.runtime.cli.inert import inert
from charter.runtime.events import GateDecided, Reacted, StageFailed, StageFinished

_MARKS = {
    Status.DONE: ("✓", "green"),
    Status.DENIED: ("✗", "red"),
    Status.FAILED: ("✗", "red"),
    Status.WAITING: ("…", "yellow"),
    Status.LATER: ("…", "yellow"),
    Status.BLOCKED: ("·", "bright_black"),
}
_TICK = 0.2


class Progress:
    """Prints one line for each stage as it settles, and on a terminal what runs right now below it."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self.total = total
        self.quiet = quiet
        self.live = sys.stdout.isatty() and not quiet
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._reused: set[str] = set()
        self._settled = 0
        self._stop = threading.Event()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the live line fresh while the run goes on."""
        thread = threading.Thread(target=self._refresh, daemon=True) if self.live else None
        if thread is not None:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            if thread is not None:
                thread.join()
                self._write("")

    # -- the observer's calls

    def warned(self, sentence: str) -> None:
        """Say it at once."""
        self._line(f"  {click.style('warning', fg='yellow')}: {inert(sentence)}")

    def started(self, stage: Stage) -> None:
        """Note when the work began."""
        self._running[stage.id] = time.monotonic()

    def finished(self, stage: Stage, body: StageFinished) -> None:
        """Note how long the work took."""
        self._running.pop(stage.id, None)
        self._seconds[stage.id] = body.milliseconds / 1000
        if body.reads:
            more = f" and {len(body.reads) - 3} more" if len(body.reads) > 3 else ""
            self.warned(
                f"{stage.id} read {', '.join(body.reads[:3])}{more}, which no result key covers: when that changes, "
                "the stage does not run again. Declare it as a dataset, or import it"
            )

    def failed(self, stage: Stage, body: StageFailed, log: str) -> None:
        """Say at once why, with the end of what the stage printed."""
        self._running.pop(stage.id, None)
        self._line(f"  {click.style('✗', fg='red')} {stage.id}: {inert(body.summary)}")
        self._line(f"      {inert(body.detail)}")
        for line in log.strip().splitlines()[-12:]:
            self._line(click.style(f"      | {inert(line)[:160]}", fg="bright_black"))

    def decided(self, stage: Stage, body: GateDecided) -> None:
        """Say when broken glass does not cover what is denied; all else shows in the stage's own line."""
        for item in body.warnings:
            if item.get("code") == "glass_elsewhere":
                self.warned(f"{body.gate}: {item.get('message')}")

    def reacted(self, body: Reacted) -> None:
        """Say what a breach led to."""
        to = f" {body.to}" if body.to else ""
        self._line(
            f"  {click.style('!', fg='yellow')} {body.stage}: {inert(body.control)} was breached, "
            f"so: {body.reaction}{inert(to)} ({inert(body.outcome)})"
        )

    def settled(self, assessment: Assessment) -> None:
        """One line a stage."""
        self._settled += 1
        if assessment.status is Status.FAILED:
            return
        mark, color = _MARKS.get(assessment.status, ("?", None))
        seconds = self._seconds.get(assessment.stage.id)
        took = f"{seconds:6.1f} s" if seconds is not None else " " * 8
        name = click.style(f"{assessment.stage.id:<34}", dim=assessment.status is Status.BLOCKED)
        self._line(f"  {click.style(mark, fg=color)} {name} {took}  {inert(_words(assessment))}")

    # -- drawing

    def _line(self, text: str) -> None:
        if self.quiet:
            return
        with self._lock:
            if self.live:
                sys.stdout.write("\r\x1b[2K")
            click.echo(text)

    def _refresh(self) -> None:
        while not self._stop.wait(_TICK):
            now = time.monotonic()
            running = [f"{name} {now - since:.0f} s" for name, since in list(self._running.items())]
            self._write(f"  {self._settled}/{self.total}  {', '.join(running)}"[:110])

    def _write(self, text: str) -> None:
        with self._lock:
            sys.stdout.write(f"\r\x1b[2K{text}")
            sys.stdout.flush()


def _words(assessment: Assessment) -> str:
    if assessment.status is Status.DONE:
        return assessment.why
    if assessment.status is Status.LATER and assessment.until is not None:
        return f"{assessment.why}; next due {assessment.until:%Y-%m-%d %H:%M} UTC"
    if assessment.status is Status.BLOCKED:
        return assessment.why
    return f"{assessment.status}: {assessment.why}"
