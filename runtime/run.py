"""The run: walks the lifecycle graph, asks at every gate, records first and acts then.

One thread drives. Stages run in the executor; the ledger is the journal. At any instant the process may
be killed: the next run folds the ledger and goes on, repeats no finished stage and asks for an outside
effect before it repeats it.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cached_property, partial
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from charter.compiler.ir import IR, Stage
from charter.runtime.assess import EFFECT_KINDS, Assessment, Basis, Status, assess, input_digests
from charter.runtime.events import (
    Artifact,
    GateApplied,
    GateDecided,
    Reacted,
    StageFailed,
    StageFinished,
    StageStarted,
)
from charter.runtime.executor import Ending, Executor, Outcome
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.follow_up import erase_due, erasures, follow_up
from charter.runtime.gatekeeper import Gatekeeper
from charter.runtime.halted import Brake
from charter.runtime.intake import ResultRefused, changed_pin, claimed
from charter.runtime.journal import Journal
from charter.runtime.observer import Observer
from charter.runtime.orphans import remove_orphans, was_cut_off
from charter.runtime.people import signed_under
from charter.runtime.project import Project
from charter.runtime.result_key import lock_digest
from charter.runtime.scratch import Scratch
from charter.runtime.secrets_redacted import Redact, redactor, without_secrets
from charter.runtime.state import Finished
from charter.runtime.store import ArtifactStore
from charter.runtime.tasks import resources_of, task_of
from charter.runtime.waived import allowed_words
from charter.runtime.workers.flavours import flavour_of


class Submitted(Struct, frozen=True):
    """A stage's work in the executor."""

    stage: Stage
    key: str
    check: int
    directory: Path


class Run:
    """One `charter run`. `execute` returns where every stage stands afterwards."""

    def __init__(
        self,
        *,
        name: str,
        ir: IR,
        project: Project,
        journal: Journal,
        gatekeeper: Gatekeeper,
        executor: Executor,
        observer: Observer,
        threads: int,
        dead: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.ir = ir
        self.project = project
        self.journal = journal
        self.gatekeeper = gatekeeper
        self.executor = executor
        self.observer = observer
        self.threads = threads
        self.dead = dead
        self.store = ArtifactStore(project.store)
        self.journal.first = self.store.make_durable
        self.known: dict[str, Assessment] = {}
        self.engine_failed = False
        self._lock = lock_digest(project.root)
        self._trust = signed_under(project, journal.state)
        self._stages = {stage.id: stage for stage in ir.stages}
        self._followers: dict[str, list[Stage]] = {stage.id: [] for stage in ir.stages}
        self._missing: dict[str, int] = {}
        for stage in ir.stages:
            self._missing[stage.id] = len(stage.entry.waits_for)
            for needed in stage.entry.waits_for:
                self._followers[needed].append(stage)
        self._ready: deque[Stage] = deque()
        self._effects: list[Callable[[], None]] = []
        """What was allowed and happens after the commit."""
        self._records: list[Callable[[], None]] = []
        """What is noted once the effects have happened: stages that just began work meanwhile."""
        self._told: list[Callable[[], None]] = []
        """What the observer is told after the commit, whatever becomes of the effects."""
        self._running: dict[Future[Outcome], Submitted] = {}
        self._scratch = Scratch(project.work)

    @cached_property
    def _redact(self) -> Redact:
        return redactor(self.ir)

    @property
    def basis(self) -> Basis:
        """What the next assessment is made from."""
        return Basis(self.ir, self.journal.state, self.store, self.journal.now(), self._lock, self.dead, self._trust)

    def execute(self) -> dict[str, Assessment]:
        """Do all that is due.

        Raises:
            Failure: the ledger or the store cannot be written; nothing unrecorded has happened.
            Halted: somebody halted the lifecycle; nothing that was allowed since has happened.
        """
        brake = Brake(self.project, self.journal)
        brake.check()
        self._scratch.clear()
        self._recover()
        self._expect_work()
        self._ready.extend(stage for stage in self.ir.stages if not stage.entry.waits_for)
        while True:
            while self._ready:
                self._advance(self._ready.popleft())
            self.journal.commit()
            effects, records = self._effects, self._records
            self._effects, self._records = [], []
            try:
                brake.check()
                _do(effects)
            finally:  # telling takes time in which the next stage can run, and nothing that fails may swallow it
                self._tell()
            _do(records)
            if self._ready or self._effects:
                continue
            if not self._running:
                if self._erase_due(brake):
                    continue
                break
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in done:
                work = self._running.pop(future)
                self._completed(work, without_secrets(future.result(), self._redact))
                self._records.append(partial(self._scratch.give_back, work.directory))
        self.commit()
        self._scratch.clear()
        return self.known

    def commit(self) -> None:
        """Make all notes durable, and tell of them."""
        self.journal.commit()
        self._tell()

    def _tell(self) -> None:
        told, self._told = self._told, []
        _do(told)

    def _expect_work(self) -> None:
        """What has no result yet will probably be worked on: its workers get ready while the gates decide."""
        state = self.journal.state
        new = (stage for stage in self.ir.stages if stage.callable and state.stage(stage.id).finished is None)
        self.executor.expect({flavour_of(stage.kind, project_code=stage.project_code) for stage in new})

    def _recover(self) -> None:
        """A run that was killed may have left decisions whose effect or record is missing: make up for both."""
        if was_cut_off(self.journal.state):
            count = remove_orphans(self.store, self.journal.ledger.events(), but=self.journal.state.runs[-1].ir)
            if count:
                self.observer.warned(f"removed {count} files that a run left in the store before it could record them")
        for stage in self.ir.stages:
            state = self.journal.state.stage(stage.id)
            if state.finished is None:
                continue
            exit_ = state.exit
            if exit_ is not None and stage.kind in EFFECT_KINDS and not (exit_.body.allow and exit_.applied):
                self._follow_up(stage, exit_.body)
            for decided in (state.entry, exit_):
                if decided is not None and decided.body.allow and not decided.applied:
                    self._applied(stage, decided.body.point, decided.body)

    def _erase_due(self, brake: Brake) -> bool:
        """Erase what an allowed retirement has made due; whether there was anything. It cannot be undone: ask first."""
        now = self.journal.now()
        if not any(due <= now for _, due, _ in erasures(self.ir, self.journal.state)):
            return False
        self.commit()
        self.journal.refresh()
        brake.check()
        done = erase_due(self.name, self.ir, self.journal.state, self.store, self.journal.now())
        for erased in done:
            self.journal.note(erased, erased.stage)
        return bool(done)

    # -- one stage, one step

    def _advance(self, stage: Stage) -> None:
        now = assess(self.basis, stage, self.known)
        if now.status in {Status.DONE, Status.LATER} or now.key is None:
            self._settle(now)
            return
        state = self.journal.state.stage(stage.id)
        bundle = self.ir.bundle.digest
        if now.status is Status.DENIED and state.entry_open(now.key, bundle) and state.exit_open(now.key, bundle):
            self._settle(now)  # rolled back: the gates were open, and what they let live was stopped
            return
        if now.entry_again or not state.entry_open(now.key, bundle):
            if not self._decide(stage, "entry", now):
                return
        elif state.entry is not None and not state.entry.applied:
            entry = state.entry.body
            self._records.append(lambda: self._applied(stage, "entry", entry))
        if now.status is Status.RUN and now.result is None:
            self._start(stage, now)
            return
        if now.status is Status.RUN and now.result is not None:
            if state.result(now.key) is not None or stage.kind in {"deploy", "monitor"}:
                self._start(stage, now)  # its files or its server are gone
                return
            now = self._take_over(stage, now)
        if now.result is not None and now.key and self.journal.state.stage(stage.id).result(now.key) is None:
            now = self._take_over(stage, now)
        if now.result is None or not self._present(stage, now.result):
            self._start(stage, now)
            return
        asked_again = now.status is Status.DECIDE
        if asked_again or not self.journal.state.stage(stage.id).exit_open(now.key or "", bundle):
            self._decide(stage, "exit", now)
        else:
            self._settle(replace(now, status=Status.DONE, why="allowed"))

    def _decide(self, stage: Stage, point: str, now: Assessment) -> bool:
        """Ask the gate; record; and see to it that what it allows happens after the commit."""
        assert now.key is not None
        gate = stage.entry if point == "entry" else stage.exit
        body, attached, failed = self.gatekeeper.decide(
            run=self.name, stage=stage, gate=gate, now=now, known=self.known
        )
        self.engine_failed |= failed
        last = getattr(self.journal.state.stage(stage.id), point)
        if last is not None and not body.allow and _same_answer(last.body, body):
            self._settle(replace(now, status=_closed(body), why=_message(body)))
            return False
        self.journal.note(body, stage.id, {body.input: attached})
        if point == "exit" and stage.kind in EFFECT_KINDS:
            self._effects.append(lambda: self._follow_up(stage, body))
        if body.allow:
            self._records.append(lambda: self._applied(stage, point, body))
        self._told.append(lambda: self.observer.decided(stage, body))
        if point == "exit" or not body.allow:
            # Followers may be decided before the commit, since deciding has no effect; they start after it.
            self._settle(
                replace(
                    now,
                    status=Status.DONE if body.allow else _closed(body),
                    why=allowed_words(body) if body.allow else _message(body),
                )
            )
        return body.allow

    def _applied(self, stage: Stage, point: str, body: GateDecided) -> None:
        """After the commit and the effect: record that what was allowed has happened."""
        decided = getattr(self.journal.state.stage(stage.id), point)
        self.journal.note(
            GateApplied(
                run=self.name,
                gate=body.gate,
                stage=stage.id,
                point=body.point,
                iteration=body.iteration,
                key=body.key,
                decision=decided.seq,
                check=body.check,
            ),
            stage.id,
        )

    def _follow_up(self, stage: Stage, body: GateDecided) -> None:
        """After the commit: the outside effects of a decision at an exit."""
        for event in follow_up(self.name, self.journal.state, stage, body):
            self.journal.note(event, stage.id)
            if isinstance(event, Reacted):
                self.observer.reacted(event)

    def _settle(self, now: Assessment) -> None:
        self.known[now.stage.id] = now
        self._told.append(lambda: self.observer.settled(now))
        for follower in self._followers[now.stage.id]:
            self._missing[follower.id] -= 1
            if self._missing[follower.id] == 0:
                self._ready.append(follower)

    def _present(self, stage: Stage, result: Finished) -> bool:
        """Whether every file of a result that is about to be decided on is there; erased ones may be gone.

        Raises:
            Failure: a file has other bytes than the ledger says.
        """
        kept = {name: item for name, item in result.body.artifacts.items() if not self._erased(item)}
        if not all(self.store.has(item.digest) for item in kept.values()):
            return False
        for name, item in kept.items():
            self._verified(stage, name, item.digest)
        return True

    def _erased(self, item: Artifact) -> bool:
        return item.digest in self.journal.state.erased

    # -- work

    def _start(self, stage: Stage, now: Assessment) -> None:
        assert now.key is not None
        if stage.callable is None:
            self._finish_without_work(stage, now)
            return
        started = StageStarted(
            run=self.name,
            stage=stage.id,
            iteration=self.journal.state.iteration,
            key=now.key,
            check=now.check,
        )
        self.journal.note(started, stage.id)
        self._effects.append(lambda: self._submit(stage, now))

    def _submit(self, stage: Stage, now: Assessment) -> None:
        assert now.key is not None
        if changed := changed_pin(self.ir, stage, self.project.root):
            unstarted = Submitted(stage, now.key, now.check, self._scratch.root)
            self._refused(unstarted, "file changed since it was compiled", changed)
            return
        directory = self._scratch.take()
        inputs = {
            name: self._verified(stage, name, digest) for name, digest in input_digests(stage, self.known).items()
        }
        entry = self.journal.state.stage(stage.id).entry
        assert entry is not None
        task = task_of(
            stage,
            self.project,
            inputs=inputs,
            directory=directory,
            threads=self.threads,
            effect=f"{self.journal.ledger.origin}#{entry.seq}",
            dossier=self.gatekeeper.dossier(stage, self.known),
        )
        future = self.executor.submit(task, resources=resources_of(stage))
        self._running[future] = Submitted(stage, now.key, now.check, directory)
        self.observer.started(stage)

    def _verified(self, stage: Stage, name: str, digest: str) -> Path:
        """The input's file, whose bytes still are what the ledger says."""
        path = self.store.path(digest)
        if not self.store.holds(digest):
            raise Failure(
                "artifact altered",
                f"the file `{name}` of `{stage.id}` should be `{digest}`, but `{path}` has other bytes or is gone. "
                "Nothing was run with it. Delete the file and run again to make it anew, and find out who changed it.",
                exit_code=ExitCode.DENIED,
            )
        return path

    def _finish_without_work(self, stage: Stage, now: Assessment) -> None:
        self._finished(
            stage,
            StageFinished(
                run=self.name,
                stage=stage.id,
                iteration=self.journal.state.iteration,
                key=now.key or "",
                artifacts={},
                evidence=(),
                check=now.check,
            ),
        )

    def _take_over(self, stage: Stage, now: Assessment) -> Assessment:
        """Use an earlier result of the same key: recorded, so that this iteration's trail is whole."""
        assert now.result is not None
        body = msgspec.structs.replace(
            now.result.body,
            run=self.name,
            stage=stage.id,
            iteration=self.journal.state.iteration,
            reused=True,
        )
        self.journal.note(body, stage.id)
        result = self.journal.state.stage(stage.id).finished
        return replace(now, result=result, status=Status.DECIDE)

    def _completed(self, work: Submitted, outcome: Outcome) -> None:
        stage = work.stage
        if outcome.ending is not Ending.DONE:
            self._failed(work, outcome)
            return
        try:
            result = claimed(self.ir, stage, work.directory, outcome.result)
        except ResultRefused as refused:
            self._refused(work, refused.summary, refused.detail, outcome)
            return
        if changed := changed_pin(self.ir, stage, self.project.root):
            self._refused(work, "file changed during the run", changed, outcome)
            return
        body = StageFinished(
            run=self.name,
            stage=stage.id,
            iteration=self.journal.state.iteration,
            key=work.key,
            artifacts={name: self.store.adopt(path) for name, path in result.files.items()},
            evidence=result.evidence,
            effects=result.effects,
            milliseconds=round(outcome.seconds * 1000),
            peak_bytes=outcome.peak_bytes,
            check=work.check,
            reads=result.reads,
        )
        self.observer.finished(stage, body)
        self._finished(stage, body)

    def _refused(self, work: Submitted, summary: str, detail: str, outcome: Outcome | None = None) -> None:
        """The stage has failed for a reason that a person can mend."""
        seconds, peak, log = (outcome.seconds, outcome.peak_bytes, outcome.log) if outcome else (0.0, 0, "")
        self._failed(work, Outcome(Ending.REFUSED, seconds, peak, summary=summary, detail=detail, log=log))

    def _finished(self, stage: Stage, body: StageFinished) -> None:
        """Note a result, and ask the exit gate."""
        self.journal.note(body, stage.id)
        result = self.journal.state.stage(stage.id).finished
        self._decide(stage, "exit", Assessment(stage, Status.DECIDE, "finished", body.key, result, check=body.check))

    def _failed(self, work: Submitted, outcome: Outcome) -> None:
        body = StageFailed(
            run=self.name,
            stage=work.stage.id,
            iteration=self.journal.state.iteration,
            key=work.key,
            reason=str(outcome.ending),
            summary=outcome.summary,
            detail=outcome.detail,
            check=work.check,
        )
        self.journal.note(body, work.stage.id)
        self.observer.failed(work.stage, body, outcome.log)
        self._settle(Assessment(work.stage, Status.FAILED, outcome.summary, work.key, check=work.check))


def _do(actions: list[Callable[[], None]]) -> None:
    for action in actions:
        action()


def _closed(body: GateDecided) -> Status:
    return Status.WAITING if body.waiting else Status.DENIED


def _message(body: GateDecided) -> str:
    return "; ".join(str(item.get("message", item.get("code"))) for item in body.violations) or "denied"


def _same_answer(last: GateDecided, new: GateDecided) -> bool:
    """Whether asking again changed nothing: then nothing is recorded again."""
    return (
        not last.allow
        and (last.key, last.content, last.bundle) == (new.key, new.content, new.bundle)
        and last.violations == new.violations
    )
