"""Where each stage stands: the one judgement that `plan`, `run` and `status` share.

A stage is assessed from the IR and the folded ledger alone, once everything it waits for is.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from charter.compiler.ir import IR, Approval, Stage
from charter.runtime.result_key import result_key
from charter.runtime.state import Decided, Finished, StageState, State
from charter.runtime.store import ArtifactStore
from charter.runtime.waived import allowed_after, allowed_words, people_changed, reopened

EFFECT_KINDS = frozenset({"deploy", "monitor", "retire"})
"""Kinds whose work changes or watches the world: their results are never taken from another iteration."""


class Status(StrEnum):
    """What comes next for a stage."""

    DONE = "done"
    """Finished, and both gates allowed exactly this."""
    RUN = "run"
    """Its work is due."""
    DECIDE = "decide"
    """The work is there; a gate must decide (again)."""
    DENIED = "denied"
    WAITING = "waiting"
    """For people (approvals), or for a criterion that is not met."""
    LATER = "later"
    """Not due yet."""
    FAILED = "failed"
    """Its work ended without a result in this run."""
    BLOCKED = "blocked"
    """Something it waits for is not done."""


class Assessment(Struct, frozen=True):
    """One stage's standing, and why, in a sentence.

    Attributes:
        key: result key, when the inputs are known.
        result: the finished result that counts, if any.
        until: when it falls due, for LATER.
        check: number of the monitor's check that is due or was last done.
        entry_again: whether the entry gate, which allowed, must decide again.
    """

    stage: Stage
    status: Status
    why: str
    key: str | None = None
    result: Finished | None = None
    until: datetime | None = None
    check: int = 0
    entry_again: bool = False


class Basis(Struct, frozen=True):
    """What assessments are made from.

    Attributes:
        now: the later of clock and ledger.
        lock: digest of the project's lock file.
        dead: deployments whose server no longer answers.
    """

    ir: IR
    state: State
    store: ArtifactStore
    now: datetime
    lock: str = ""
    dead: frozenset[str] = frozenset()
    trust: frozenset[str] | None = None
    """Digests of the trust root's versions from which nothing was taken since; None: nobody has signed anything."""
    hopeful: bool = False
    """Whether what only waits for a decision counts as allowed: a plan looks further ahead than a run may."""

    @property
    def bundle(self) -> str:
        """Digest of the policies in force."""
        return self.ir.bundle.digest


def assess_all(basis: Basis) -> dict[str, Assessment]:
    """Every stage's standing, in the graph's topological order."""
    known: dict[str, Assessment] = {}
    for stage in basis.ir.stages:
        known[stage.id] = assess(basis, stage, known)
    return known


def as_it_ended(now: Assessment, state: State) -> Assessment:
    """A stage's standing as the last run left it: a failure stands until another attempt, although that is due."""
    failed = state.stage(now.stage.id).failed
    if now.status is Status.RUN and failed is not None and failed.key == now.key:
        return replace(now, status=Status.FAILED, why=failed.summary)
    return now


def assess(basis: Basis, stage: Stage, known: Mapping[str, Assessment]) -> Assessment:
    """One stage's standing, given those of all it waits for."""
    state = basis.state.stage(stage.id)
    for needed in stage.entry.waits_for:
        before = known[needed]
        if not passes_on(before, stage) and not (basis.hopeful and before.status is Status.DECIDE):
            return Assessment(stage, Status.BLOCKED, _blocked(before))
    if stage.kind == "monitor":
        return _monitor(basis, stage, state, known)
    return _settle(basis, stage, state, key_of(basis, stage, known), 0)


def passes_on(before: Assessment, stage: Stage) -> bool:
    """Whether `stage` may go on after `before`.

    A retirement follows from what monitors saw, so a monitor that breached does not hold it up.
    """
    if before.status is Status.DONE:
        return True
    return (
        stage.kind == "retire"
        and before.stage.kind == "monitor"
        and before.result is not None
        and before.status in {Status.DENIED, Status.LATER}
    )


def key_of(basis: Basis, stage: Stage, known: Mapping[str, Assessment], check: int = 0) -> str:
    """The stage's result key; everything it waits for must be finished."""
    return result_key(
        basis.ir,
        stage,
        input_digests(stage, known),
        after={name: known[name].key or "" for name in stage.after} if stage.kind == "approve" else {},
        lock=basis.lock,
        check=check,
    )


def input_digests(stage: Stage, known: Mapping[str, Assessment]) -> dict[str, str]:
    """Artifact digest by input name."""
    digests = {}
    for item in stage.inputs:
        result = known[item.stage].result
        assert result is not None, item
        digests[item.name] = result.body.artifacts[item.artifact].digest
    return digests


def _monitor(basis: Basis, stage: Stage, state: StageState, known: Mapping[str, Assessment]) -> Assessment:
    done = len(state.checks)
    last = state.checks[-1] if done else None
    if last is not None and _retired(basis, stage):
        settled = _settle(basis, stage, state, last.body.key, done)
        return replace(settled, why=f"{settled.why}; what it watched is retired")
    if last is not None:
        settled = _settle(basis, stage, state, last.body.key, done)
        if settled.status is Status.DECIDE:
            return settled
        due = datetime.fromisoformat(last.time) + timedelta(seconds=stage.every_seconds or 0)
        if basis.now < due:
            denied = settled.status is Status.DENIED
            status, why = (Status.DENIED, settled.why) if denied else (Status.LATER, f"check {done} was in bounds")
            return Assessment(stage, status, why, last.body.key, last, due, done)
    check = done + 1
    return Assessment(stage, Status.RUN, f"check {check} is due", key_of(basis, stage, known, check), last, check=check)


def _retired(basis: Basis, monitor: Stage) -> bool:
    """Whether what the monitor watches has been retired in this iteration."""
    for stage in basis.ir.stages:
        if stage.kind == "retire" and monitor.spec["deployment"] in stage.spec["deployments"]:
            decided = basis.state.stage(stage.id).exit
            if decided is not None and decided.body.allow:
                return True
    return False


def _settle(basis: Basis, stage: Stage, state: StageState, key: str, check: int) -> Assessment:
    result = state.result(key)
    if result is None and stage.kind not in EFFECT_KINDS:
        result = _earlier(basis, key)
    lost = _lost(basis, stage, result) if result is not None else None
    if lost is not None:
        return Assessment(stage, Status.RUN, lost, key, check=check)
    if not state.entry_open(key, basis.bundle):
        return _gate(stage, state.entry, key, result, basis.bundle, check)
    asks = stage.kind != "monitor"  # every check of one asks anew
    again = people_changed(basis.ir, basis.state, stage, "entry", basis.trust) if asks else None
    if result is None or again:
        status, why = Status.DECIDE if result else Status.RUN, again or _why_run(stage, state, key)
        return Assessment(stage, status, why, key, result, check=check, entry_again=again is not None)
    changed = signed_since(basis, stage, state) if stage.kind == "approve" else None
    changed = changed or reopened(basis.ir, basis.state, stage, state, basis.now)
    if changed := changed or people_changed(basis.ir, basis.state, stage, "exit", basis.trust):
        return Assessment(stage, Status.DECIDE, changed, key, result, check=check)
    if not state.exit_open(key, basis.bundle):
        return _gate(stage, state.exit, key, result, basis.bundle, check)
    if state.result(key) is None:
        return Assessment(stage, Status.RUN, "its result is taken over from an earlier iteration", key, result)
    if stage.id in basis.state.rolled_back:
        why = "a monitor rolled it back, and nothing that led to it has changed since"
        return Assessment(stage, Status.DENIED, why, key, result, check=check)
    words = "allowed" if state.exit is None else allowed_words(state.exit.body)
    return Assessment(stage, Status.DONE, f"unchanged since it was {words}", key, result, check=check)


def _earlier(basis: Basis, key: str) -> Finished | None:
    """The result of the same work in an earlier iteration, or before a detour; erased files cannot be used again."""
    result = basis.state.results.get(key)
    if result is None or any(item.digest in basis.state.erased for item in result.body.artifacts.values()):
        return None
    return result


def signed_since(basis: Basis, stage: Stage, state: StageState) -> str | None:
    """Why an approval that was given must be decided again: somebody signed since, or it lapsed before it was used."""
    decided = state.exit
    if decided is None or not decided.body.allow:
        return None
    later = [item for item in basis.state.signed if item.body.approval == stage.name and item.seq > decided.seq]
    if later:
        return f"its gate must decide again: {later[-1].body.person} signed since ({later[-1].body.type})"
    control = next(item for item in basis.ir.controls if isinstance(item, Approval) and item.gate == stage.exit.id)
    followers = [other for other in basis.ir.stages if stage.id in other.entry.waits_for]
    used = any(allowed_after(basis.state, stage, other) for other in followers)
    times = [item.time for item in basis.state.signed if item.body.approval == stage.name and item.seq < decided.seq]
    signed = datetime.fromisoformat(min(times, default=decided.time))
    if control.valid_seconds is not None and not used and basis.now > signed + timedelta(seconds=control.valid_seconds):
        return "its gate must decide again: a signature lapsed before it was used"
    return None


def _lost(basis: Basis, stage: Stage, result: Finished) -> str | None:
    """Why a finished result cannot be used any more, if it cannot."""
    if stage.name in basis.dead and stage.kind == "deploy":
        return "its server no longer answers"
    for name, artifact in result.body.artifacts.items():
        if artifact.digest not in basis.state.erased and not basis.store.has(artifact.digest):
            return f"its artifact `{name}` is missing from the store"
    return None


def _gate(
    stage: Stage, decided: Decided | None, key: str, result: Finished | None, bundle: str, check: int
) -> Assessment:
    point = decided.body.point if decided else "entry"
    if decided is None or decided.body.key != key:
        if result is None:
            why = "new" if decided is None else "changed"
            return Assessment(stage, Status.RUN, _NEW[why], key, check=check)
        return Assessment(stage, Status.DECIDE, "its gate has not decided on this result", key, result, check=check)
    if decided.body.bundle != bundle:
        why = f"its {point} gate must decide again: the policies changed"
        return Assessment(stage, Status.DECIDE if result else Status.RUN, why, key, result, check=check)
    status = Status.WAITING if decided.body.waiting else Status.DENIED
    return Assessment(stage, status, _first(decided), key, result, check=check)


_NEW = {
    "new": "it has not run yet",
    "changed": "its declaration, inputs, code or seed changed",
}


def _first(decided: Decided) -> str:
    messages = [str(item.get("message", item.get("code"))) for item in decided.body.violations]
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    return f"{messages[0]}{more}" if messages else "denied without a reason"


def _why_run(stage: Stage, state: StageState, key: str) -> str:
    if state.failed is not None and state.failed.key == key:
        return f"its last attempt failed: {state.failed.summary}"
    if state.started is not None and state.started.key == key:
        return "its last attempt was interrupted"
    if state.finished is not None:
        return _NEW["changed"]
    return _NEW["new"]


def _blocked(before: Assessment) -> str:
    return {
        Status.DENIED: f"`{before.stage.id}` was denied",
        Status.WAITING: f"`{before.stage.id}` waits for people",
        Status.LATER: f"`{before.stage.id}` is not due yet",
        Status.FAILED: f"`{before.stage.id}` failed",
    }.get(before.status, f"after `{before.stage.id}`")
