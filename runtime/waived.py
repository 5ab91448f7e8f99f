"""Gates that allowed because of what people signed: which waivers were used, and why one must decide again."""

from datetime import datetime

from charter.compiler.ir import IR, Point, Stage
from charter.runtime.events import GateDecided
from charter.runtime.state import Decided, StageState, State

BROKEN = "break-glass:"
"""Policies see broken glass as the signature under a waiver of this name and the gate's."""

_ACTING = frozenset({"deploy", "monitor", "retire"})
_GRADING = frozenset({"attest", "reproduce"})


def waivers_used(body: GateDecided) -> tuple[str, ...]:
    """Names of the waivers without which a decision would have been a denial."""
    return tuple(dict.fromkeys(str(item["waiver"]) for item in body.warnings if item.get("waiver")))


def allowed_words(body: GateDecided) -> str:
    """`allowed`, and under which waivers: a breach that is lived with is not hidden behind a green word."""
    used = [name for name in waivers_used(body) if not name.startswith(BROKEN)]
    broken = ", because its glass was broken" if len(used) < len(waivers_used(body)) else ""
    return f"allowed{f' under the waiver {_named(used)}' if used else ''}{broken}"


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def reopened(ir: IR, state: State, stage: Stage, known: StageState, now: datetime) -> str | None:
    """Why the exit gate of a stage, which allowed, must decide again; None if it need not.

    A waiver that lapses when the system is live already does not undo that: what monitors the system must go on.
    A signature that is taken back is a decision of a person, and counts at once.
    """
    decided = known.exit
    if decided is None or not decided.body.allow:
        return None
    used = waivers_used(decided.body)
    for act in state.acts:
        if act.seq > decided.seq and act.body.act == "withdraw" and act.body.name in used:
            return f"its gate must decide again: {act.body.person} took back a signature under `{act.body.name}`"
    today = now.date().isoformat()
    lapsed = [waiver.name for waiver in ir.waivers if waiver.name in used and waiver.until < today]
    if lapsed and not _live(ir, state, stage):
        return f"its gate must decide again: the waiver `{lapsed[0]}` has lapsed"
    return None


def people_changed(ir: IR, state: State, stage: Stage, point: Point, trust: frozenset[str] | None) -> str | None:
    """Why a gate that allowed must decide again: people's word counted there, and the trust root took from some since.

    Whose key was taken, or who left, may have opened it. What is live already stays, and what has happened has
    happened: `charter recall` is for those.

    Args:
        trust: digests of the trust root's versions from which nothing was taken since; None where nobody asks.
    """
    known = state.stage(stage.id)
    decided = known.entry if point == "entry" else known.exit
    if trust is None or decided is None or not decided.body.allow or not _by_people(state, stage, decided):
        return None
    run = next((run for run in state.runs if run.run == decided.body.run), None)
    if run is not None and run.trust in trust:
        return None
    over = known.exit is not None and known.exit.body.allow and known.exit.body.key == decided.body.key
    if _live(ir, state, stage) or (stage.kind in _ACTING and over):
        return None
    return f"its {point} gate must decide again: the trust root has taken keys or roles since people opened it"


def _by_people(state: State, stage: Stage, decided: Decided) -> bool:
    """Whether what people signed may have opened a gate: approvals at it, waivers, or grades that they gave."""
    if waivers_used(decided.body) or (stage.kind == "approve" and decided.body.point == "exit"):
        return True
    return any(act.seq < decided.seq and act.body.act in _GRADING for act in state.acts)


def _live(ir: IR, state: State, stage: Stage) -> bool:
    """Whether a deployment that follows from the stage's present result has been allowed in this iteration."""
    deployments = (other for other in ir.stages if other.kind == "deploy" and stage.id in _before(ir, other))
    return any(allowed_after(state, stage, other) for other in deployments)


def allowed_after(state: State, stage: Stage, follower: Stage) -> bool:
    """Whether what follows was allowed to the end since the stage's present result was recorded.

    What an earlier result let go live says nothing about this one.
    """
    finished, decided = state.stage(stage.id).finished, state.stage(follower.id).exit
    return decided is not None and decided.body.allow and (finished is None or decided.seq > finished.seq)


def _before(ir: IR, stage: Stage) -> set[str]:
    by_id = {item.id: item for item in ir.stages}
    found: set[str] = set()
    todo = list(stage.entry.waits_for)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += by_id[name].entry.waits_for
    return found
