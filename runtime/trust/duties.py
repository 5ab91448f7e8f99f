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
    in which a model on the way to the approval was trained, if their key was checked then (rule 13).
    """
    resolved = {"owner": _owner(ir, trust), "trainer": _trainers(ir, approval, state, trust)}
    return {word: resolved.get(word) for word in approval.excluding}


def _owner(ir: IR, trust: TrustRoot) -> frozenset[str] | None:
    owner = trust.person(ir.lifecycle.owner)
    return None if owner is None else frozenset({owner.id})


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
