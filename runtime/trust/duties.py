"""Separation of duties: who owns the system and who trained the model, as people that were authenticated."""

from charter.compiler.ir import IR, Approval
from charter.runtime.state import State
from charter.runtime.trust.approvals import Excluded
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import ancestry, approve_stage
from charter.runtime.trust.times import parse_time


def excluded_people(ir: IR, approval: Approval, state: State, trust: TrustRoot) -> Excluded:
    """People by the word that excludes them; None for a word that cannot be resolved to people.

    The owner is the charter's `owner`, who must be in the trust root. The trainer is whoever opened the run
    in which a model on the way to the approval was trained, if their key was checked then (rule 13). The author is
    whoever opened the first run under what the charter means now.
    """
    resolved = {
        "owner": _owner(ir, trust),
        "trainer": _trainers(ir, approval, state, trust),
        "author": _author(ir, state, trust),
    }
    return {word: resolved.get(word) for word in approval.excluding}


def _owner(ir: IR, trust: TrustRoot) -> frozenset[str] | None:
    owner = trust.person(ir.lifecycle.owner)
    return None if owner is None else frozenset({owner.id})


def _author(ir: IR, state: State, trust: TrustRoot) -> frozenset[str] | None:
    """Who brought the last change of the meaning, Rego and schemas included; unknown where a run's record is gone.

    Who wrote a file nobody can tell; whose run first made it count is on the record. Going back to an earlier meaning
    is a change, too, so only the runs since the last other one are looked at.
    """
    from charter.runtime.trust.meaning import rules_and_schemas

    files = rules_and_schemas(ir)
    first = None
    for run in reversed(state.runs):
        if run.meaning != ir.meaning or any(run.pins.get(path) != digest for path, digest in files.items()):
            break
        first = run
    if first is None or first.key is None or any(gap.kind == "run.opened" for gap in state.gaps.values()):
        return None
    person = trust.owner_at(first.key, parse_time(state.opened[first.run]))
    return None if person is None or person != first.actor else frozenset({person})


def _trainers(ir: IR, approval: Approval, state: State, trust: TrustRoot) -> frozenset[str] | None:
    runs = {run.run: run for run in state.runs}
    trainers = set()
    for stage in ancestry(ir, approve_stage(ir, approval).id):
        if stage.kind != "train":
            continue
        finished = state.stage(stage.id).finished
        # The result's first record, not a later one that took it over: re-using work trains nothing.
        made = None if finished is None else state.results.get(finished.body.key)
        run = None if made is None or made.body.reused else runs.get(made.body.run)
        if made is None or run is None or run.key is None:
            return None
        # Under a key that had not ended by then: who trained is not forgotten when they leave or lose it.
        person = trust.owner_at(run.key, parse_time(made.time))
        if person is None or person != run.actor:
            return None
        trainers.add(person)
    return frozenset(trainers)
