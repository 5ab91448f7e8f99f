"""Conducts one run from an IR: lease, ledger, engine, executor, run, anchor; and what its end means."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from charter.compiler.codec import encode_ir
from charter.compiler.ir import IR, Stage
from charter.runtime.conclude import Conclusion, conclude
from charter.runtime.events import Body, IterationOpened, RunClosed, RunOpened
from charter.runtime.executor import Executor
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gatekeeper import Gatekeeper
from charter.runtime.gates.engine import EngineFailure, PolicyEngine
from charter.runtime.halted import Halted
from charter.runtime.journal import Journal
from charter.runtime.lease import lease
from charter.runtime.ledger.ledger import anchor
from charter.runtime.ledger.sqlite_store import MAX_ATTACHMENT
from charter.runtime.observer import Observer
from charter.runtime.people import People, trust_digest
from charter.runtime.project import Project
from charter.runtime.run import Run
from charter.runtime.session import Actor, dead_deployments, new_run_name, open_ledger
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore, digest_bytes
from charter.runtime.version import VERSION


def conduct(
    ir: IR,
    project: Project,
    *,
    engine: PolicyEngine,
    executor: Executor,
    observer: Observer,
    actor: Actor,
    threads: int,
    overrides: Mapping[str, str] | None = None,
) -> Conclusion:
    """Do what is due.

    Raises:
        Failure: the lease is held, the engine cannot load the policies, or nothing can be recorded.
    """
    with lease(project.lease_path):
        _refuse_gpus(ir)
        try:
            engine.load(ir.bundle)
        except EngineFailure as failure:
            raise Failure(
                "the policy engine cannot load the policies",
                f"{failure.message}. Nothing was run.",
                exit_code=ExitCode.ENVIRONMENT,
            ) from failure
        with open_ledger(project, ir.lifecycle.name, create=True) as ledger:
            journal = Journal(ledger)
            if journal.state.closed and not project.checkpoints_path.exists():
                observer.warned(
                    f"`{project.checkpoints_path.name}` is gone, and starts anew: that the ledger was not rolled back "
                    "before now can only be shown with a copy of it that was kept elsewhere"
                )
            store, compiled = ArtifactStore(project.store), encode_ir(ir)
            stored, earlier = digest_bytes(compiled), {run.ir for run in journal.state.runs}
            if stored not in earlier or not store.holds(stored):  # what a record names is durable already
                store.put(compiled)
            if earlier - {stored}:  # it compares charters, which takes more to load
                from charter.runtime.loosened import loosened_since

                for sentence in loosened_since(ir, stored, journal.state, store):
                    observer.warned(f"loosened: {sentence}")
            name = new_run_name()
            # A list: what opens is judged by the state before any of it is noted.
            for body in list(_opening(name, ir, stored, project, engine, actor, journal.state, overrides or {})):
                # With the compiled charter in it, the ledger alone is enough to decide everything again.
                attached = {stored: compiled} if isinstance(body, RunOpened) and len(compiled) <= MAX_ATTACHMENT else {}
                journal.note(body, f"lifecycle/{ir.lifecycle.name}", attached)
            run = Run(
                name=name,
                ir=ir,
                project=project,
                journal=journal,
                gatekeeper=Gatekeeper(ir, engine, journal, People(project), actor.name),
                executor=executor,
                observer=observer,
                threads=threads,
                dead=dead_deployments(journal.state),
            )
            with _closing_on_interrupt(run):
                standing = run.execute()
            conclusion = conclude(ir, journal.state, standing, engine_failed=run.engine_failed)
            journal.note(RunClosed(run=name, outcome=conclusion.code.name.lower()), f"lifecycle/{ir.lifecycle.name}")
            journal.commit()
            anchor(ledger, project.checkpoints_path)
            return replace(conclusion, records=ledger.size)


@contextmanager
def _closing_on_interrupt(run: Run) -> Iterator[None]:
    """Ctrl-C and a halt end a run in order: what was done is recorded, and so is that it was cut short."""
    try:
        yield
    except (KeyboardInterrupt, Halted) as cut:
        outcome = "halted" if isinstance(cut, Halted) else "interrupted"
        run.journal.note(RunClosed(run=run.name, outcome=outcome), f"lifecycle/{run.ir.lifecycle.name}")
        run.commit()
        raise


def _opening(
    name: str,
    ir: IR,
    stored: str,
    project: Project,
    engine: PolicyEngine,
    actor: Actor,
    state: State,
    overrides: Mapping[str, str],
) -> Iterator[Body]:
    yield RunOpened(
        run=name,
        lifecycle=ir.lifecycle.name,
        version=ir.lifecycle.version,
        ir=stored,
        meaning=ir.meaning,
        bundle=ir.bundle.digest,
        charter=VERSION,
        actor=actor.name,
        engine=f"{engine.name} {engine.version}",
        host=socket.gethostname(),
        key=actor.key,
        pins=dict(ir.pins),
        overrides=dict(overrides),
        trust=trust_digest(project, state),
    )
    if state.iteration == 0:
        yield IterationOpened(run=name, iteration=1, because="first run")
    elif reason := _next_iteration(ir, state):
        yield IterationOpened(run=name, iteration=state.iteration + 1, because=reason)


def _next_iteration(ir: IR, state: State) -> str | None:
    """Why a new pass through the graph begins, if one does."""
    asked = [
        (seq, body)
        for seq, _, body in state.reactions
        if body.iteration == state.iteration and body.reaction == "retrain"
    ]
    if asked and (changed := changed_data(ir, state)):
        return f"{asked[-1][1].control} was breached, and {', '.join(changed)} has new data"
    retired = any(
        stage.startswith("retire/") and iteration == state.iteration and item.exit is not None and item.exit.body.allow
        for (iteration, stage), item in state.stages.items()
    )
    if retired and state.runs and state.runs[-1].meaning != ir.meaning:
        return "the system was retired, and its charter has changed since"
    return None


def changed_data(ir: IR, state: State) -> list[str]:
    """Data files that differ from those of the latest run."""
    before = state.runs[-1].pins if state.runs else {}
    locations = {str(stage.spec.get("location")) for stage in ir.stages if stage.kind == "acquire"}
    return sorted(path for path in locations & ir.pins.keys() if ir.pins[path] != before.get(path))


def _refuse_gpus(ir: IR) -> None:
    """A stage that asks for more GPUs than there are would wait for ever: say so at once."""
    wanted: Stage | None = max(ir.stages, key=lambda stage: stage.limits.gpus, default=None)
    if wanted is None or wanted.limits.gpus == 0:
        return
    have = sum(1 for _ in Path("/dev").glob("nvidia[0-9]*"))
    if wanted.limits.gpus > have:
        raise Failure(
            "not enough GPUs",
            f"`{wanted.id}` asks for {wanted.limits.gpus} and this machine has {have}. Lower `limits {{ gpus: ... }}` "
            "in the charter, or run on a machine that has them.",
            exit_code=ExitCode.ENVIRONMENT,
        )


def default_jobs() -> int:
    """As many stages at a time as this process may use CPUs."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
