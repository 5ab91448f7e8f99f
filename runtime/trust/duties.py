"""Separation of duties: who owns the system and who trained the model, as people that were authenticated."""

from collections.abc import Iterable

from charter.compiler.ir import IR, Approval, Stage
from charter.runtime.events import RunOpened
from charter.runtime.state import State
from charter.runtime.trust.approvals import Excluded
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import ancestry, approve_stage
from charter.runtime.trust.times import parse_time


def excluded_people(ir: IR, approval: Approval, state: State, trust: TrustRoot) -> Excluded:
    """People by the word that excludes them; None for a word that cannot be resolved to people.

    The owner is the charter's `owner`, who must be in the trust root. The trainer is whoever opened the run
    in which a model on the way to the approval was trained, if their key was checked then (rule 13). The author is
    whoever opened a run that first made count what the charter means now.
    """
    resolved = {
        "owner": _owner(ir, trust),
        "trainer": trainers(ancestry(ir, approve_stage(ir, approval).id), state, trust),
        "author": _authors(ir, state, trust),
    }
    return {word: resolved.get(word) for word in approval.excluding}


def _owner(ir: IR, trust: TrustRoot) -> frozenset[str] | None:
    owner = trust.person(ir.lifecycle.owner)
    return None if owner is None else frozenset({owner.id})


def _authors(ir: IR, state: State, trust: TrustRoot) -> frozenset[str] | None:
    """Who brought what the charter means now, Rego and schemas included; unknown where a run's record is gone.

    Who wrote a file nobody can tell; whose run made it count is on the record. Going back to an earlier meaning is a
    change, too: who does that is an author as well, and whoever brought that meaning before stays one.
    """
    from charter.runtime.trust.meaning import rules_and_schemas

    files = rules_and_schemas(ir)
    people: set[str] = set()
    last, meant = None, False
    for run in state.runs:
        before, meant = meant, run.meaning == ir.meaning and all(run.pins.get(path) == files[path] for path in files)
        if meant and not before:
            last = _opener(run, state, trust)
            people |= {last} if last is not None else set()
    if not meant or last is None or any(gap.kind == "run.opened" for gap in state.gaps.values()):
        return None
    return frozenset(people)


def _opener(run: RunOpened, state: State, trust: TrustRoot) -> str | None:
    """The person whose key a run was opened with, if it was theirs then."""
    person = None if run.key is None else trust.owner_at(run.key, parse_time(state.opened[run.run]))
    return person if person == run.actor else None


def trainers(stages: Iterable[Stage], state: State, trust: TrustRoot) -> frozenset[str] | None:
    """Who opened the runs in which the models among the stages were trained; None if that is not known of each."""
    runs = {run.run: run for run in state.runs}
    found = set()
    for stage in stages:
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
        found.add(person)
    return frozenset(found)
