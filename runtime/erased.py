"""Records whose bodies are gone: what they may have overturned counts no more, and nothing acts on what is left.

A header stays when a body is erased: it says what kind of event it was, and about what. That is enough to hold
things back, and never enough to let anything through.
"""

from typing import TYPE_CHECKING

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.suspension import RECALL, suspend

if TYPE_CHECKING:
    from charter.runtime.state import Gap, State

_STANDS_STILL = frozenset({"halt", "break-glass"})


def hold_back(state: "State", gap: "Gap") -> None:
    """Fold in that a record is gone: whatever it may have ended, reversed or forbidden is as if it had."""
    match gap.kind:
        case "iteration.opened":
            state.iteration += 1
        case "gate.decided":
            _ask_again(state, gap.subject)
        case "statement.signed":
            state.signed = [item for item in state.signed if not may_be_rejected(state, item.body.approval)]
            _ask_again(state, gap.subject)
        case "act.signed":
            act, _, name = gap.subject.partition("/")
            if act == RECALL:
                suspend(state, name, gap.seq)


def may_be_rejected(state: "State", approval: str) -> bool:
    """Whether a statement about an approval is gone: if it was a rejection, no signature counts beside it."""
    about = ("statement.signed", f"approve/{approval}")
    return any((gap.kind, gap.subject) == about for gap in state.gaps.values())


def _ask_again(state: "State", stage: str) -> None:
    for (_, name), item in state.stages.items():
        if name == stage:
            item.entry = item.exit = None


def lost(gap: "Gap") -> str:
    """What an erased record was, and why it is gone, in a line."""
    why = f"erased by {gap.by}: {gap.ground}" if gap.ground else "missing, and no record says why"
    return f"record {gap.seq} ({gap.kind} about {gap.subject}, {gap.time[:10]}) is {why}"


def lost_halt(state: "State") -> str | None:
    """Why everything stands still when what a halt or broken glass said is gone: nobody can say that it is over."""
    for gap in state.gaps.values():
        if gap.kind == "act.signed" and gap.subject.partition("/")[0] in _STANDS_STILL:
            return f"{lost(gap)}, so nobody can show that it is over"
    return None


def refuse_gaps(state: "State") -> None:
    """Nobody runs, signs or lifts anything on records that are not all there: who knows what they forbade.

    Raises:
        Failure: records are gone; it names the first of them.
    """
    if not state.gaps:
        return
    more = f", and {len(state.gaps) - 1} more are gone" if len(state.gaps) > 1 else ""
    raise Failure(
        "records that runs build on are gone",
        f"{lost(state.gaps[min(state.gaps)])}{more}. What was forbidden there is not known, so nothing is run or "
        "signed here any more. `charter status` and `charter report` say what is left; go on in a new project.",
        exit_code=code_with(state, ExitCode.OK),
    )


def code_with(state: "State", code: ExitCode) -> ExitCode:
    """The exit code of a command that tells of a state: never green, nor as if one only had to wait, with gaps in it.

    What somebody took out without a record of it is a finding, as `charter audit verify` has it.
    """
    if any(gap.ground is None for gap in state.gaps.values()):
        return ExitCode.DENIED
    return ExitCode.INCOMPLETE if state.gaps and code in {ExitCode.OK, ExitCode.WAITING} else code
