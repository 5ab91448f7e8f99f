"""Gates that allowed because of a waiver: which, and why one must decide again."""

from datetime import datetime

from charter.compiler.ir import IR, Stage
from charter.runtime.events import GateDecided
from charter.runtime.state import StageState, State

BROKEN = "break-glass:"
"""Policies see broken glass as the signature under a waiver of this name and the gate's."""


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


def _live(ir: IR, state: State, stage: Stage) -> bool:
    """Whether a deployment that follows from the stage has been allowed in this iteration."""
    for other in ir.stages:
        decided = state.stage(other.id).exit if other.kind == "deploy" else None
        if decided is not None and decided.body.allow and stage.id in _before(ir, other):
            return True
    return False


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
