"""What follows a durable exit decision of a stage with outside effects: serve, stop, react, erase."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from charter.compiler.ir import IR, Stage
from charter.runtime.events import Body, Erased, GateDecided, Reacted, ServerStopped
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore


def follow_up(run: str, state: State, stage: Stage, body: GateDecided) -> Iterator[Body]:
    """Do what the decision asks for and yield what was done, to be recorded.

    Every step asks first whether it is already so, since a crash may have come between it and its record.
    """
    if stage.kind == "deploy":
        yield from _only_the_allowed_server(run, state, stage, body)
    elif stage.kind == "retire" and body.allow:
        for deployment in stage.spec["deployments"]:
            for server in list(state.servers.get(f"deploy/{deployment}", [])):
                _stop(server)
                yield _stopped(run, f"deploy/{deployment}", body, "retired", server)
    elif stage.kind == "monitor":
        for obligation in body.obligations:
            if obligation.get("kind") == "react" and not _reacted(state, stage, body, obligation):
                yield from _react(run, state, stage, body, obligation)


def _only_the_allowed_server(run: str, state: State, stage: Stage, body: GateDecided) -> Iterator[Body]:
    """An allowed server replaces the earlier ones; one that was not allowed does not stay."""
    finished = state.stage(stage.id).finished
    current = finished.body.effects.get("server") if finished else None
    for server in list(state.servers.get(stage.id, [])):
        if (server == current) == body.allow:
            continue
        _stop(server)  # it may be gone already: what counts is that it is written off
        yield _stopped(run, stage.id, body, "superseded" if body.allow else "denied", server)


def _stopped(run: str, stage: str, body: GateDecided, because: str, server: Mapping[str, Any]) -> ServerStopped:
    return ServerStopped(
        run=run, stage=stage, iteration=body.iteration, because=because, address=str(server.get("address"))
    )


def _reacted(state: State, stage: Stage, body: GateDecided, obligation: Mapping[str, Any]) -> bool:
    """Whether the reaction is recorded already: the run that decided may have been killed after it, or before."""
    wanted = (stage.id, body.iteration, body.check, obligation.get("control"))
    return any((done.stage, done.iteration, done.check, done.control) == wanted for _, _, done in state.reactions)


def _react(run: str, state: State, stage: Stage, body: GateDecided, obligation: Mapping[str, Any]) -> Iterator[Body]:
    reaction, to = str(obligation["reaction"]), obligation.get("to")
    if reaction == "alert":
        outcome = f"recorded for {to}; shown by `charter status`"
    elif reaction == "retrain":
        outcome = "the next iteration opens as soon as the data it trains on changes"
    else:
        deployment = f"deploy/{stage.spec['deployment']}"
        live = list(state.servers.get(deployment, []))
        for server in live:
            _stop(server)
            yield _stopped(run, deployment, body, "rollback", server)
        after = "its retirement comes when a criterion is met" if reaction == "retire" else "no earlier version is kept"
        outcome = f"stopped serving; {after}" if live else "nothing was being served"
    yield Reacted(
        run=run,
        stage=stage.id,
        iteration=body.iteration,
        check=body.check,
        control=str(obligation.get("control")),
        reaction=reaction,
        to=None if to is None else str(to),
        outcome=outcome,
    )


def _stop(server: Mapping[str, Any]) -> bool:
    from charter.runtime.stages.serving import stop_server

    return stop_server(server)


def erasures(ir: IR, state: State) -> list[tuple[str, datetime, tuple[str, ...]]]:
    """Datasets that an allowed retirement has yet to erase: name, due time, artifact digests still kept."""
    outstanding = []
    for (_, name), stage in sorted(state.stages.items()):
        decided, finished = stage.exit, stage.finished
        if not name.startswith("retire/") or finished is None or decided is None or not decided.body.allow:
            continue
        orders = finished.body.effects.get("erase", {})
        for item in (*orders.get("now", ()), *orders.get("later", ())):
            due = datetime.fromisoformat(decided.time) + timedelta(seconds=item["after_seconds"])
            kept = tuple(sorted(_rows_of(ir, state, item["dataset"]) - state.erased.keys()))
            if kept:
                outstanding.append((item["dataset"], due, kept))
    return outstanding


def _rows_of(ir: IR, state: State, dataset: str) -> set[str]:
    """Digests of every artifact that holds rows of the dataset: its own stages' and predictions on it."""
    own = {f"{kind}/{dataset}" for kind in ("acquire", "prepare", "validate", "split")}
    readers = {
        stage.id for stage in ir.stages if stage.kind == "evaluate" and any(item.stage in own for item in stage.inputs)
    }
    results = [finished.body for finished in state.results.values()]
    return {artifact.digest for body in results if body.stage in own | readers for artifact in body.artifacts.values()}


def erase_due(run: str, ir: IR, state: State, store: ArtifactStore, now: datetime) -> list[Erased]:
    """Erase what is due and say what was erased; the source files outside the store are their owners' to erase."""
    done = []
    for dataset, due, digests in erasures(ir, state):
        if due > now:
            continue
        for digest in digests:
            store.erase(digest)
            done.append(
                Erased(
                    run=run,
                    stage=f"acquire/{dataset}",
                    iteration=state.iteration,
                    dataset=dataset,
                    digest=digest,
                )
            )
    return done
