"""What a recall suspends: results that came from its subject, and signatures of a person or key; by the fold alone.

A recall counts as it stands in the ledger, since it can only hold things back. What lifts one is a signed act too,
but whether that counts is for the trust root to say (`people.recalled`).
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from charter.runtime.state import Finished, State

RECALL: Final = "recall"
REINSTATE: Final = "reinstate"
KINDS = ("dataset", "model", "evaluation", "digest", "person", "key")
"""What can be recalled: `dataset/NAME`, `digest/sha256:...`, `person/ID`, `key/SHA256:...` and so on."""

_STAGES = {
    "dataset": frozenset({"acquire", "prepare", "validate", "split"}),
    "model": frozenset({"train"}),
    "evaluation": frozenset({"evaluate"}),
}


def suspend(state: "State", name: str, seq: int) -> None:
    """Fold a recall in: what was recorded before it and rests on its subject counts no more.

    Decisions about suspended results are taken out of the state, so that their gates are asked again and whatever
    follows waits for them. Work that was changed since (new data, another key) is not touched.
    """
    kind, _, subject = name.partition("/")
    if kind in {"person", "key"}:
        _drop_signatures(state, subject)
        return
    # The latest of each work, whatever its iteration, and what was taken over from it: all have the same key.
    for finished in state.results.values():
        if came_from(finished, kind, subject):
            state.suspended.setdefault((finished.body.stage, finished.body.key), []).append((name, seq))
    for (_, stage), item in state.stages.items():
        if item.finished is not None and (stage, item.finished.body.key) in state.suspended:
            item.entry = item.exit = None


def came_from(finished: "Finished", kind: str, subject: str) -> bool:
    """Whether a stage's own result is of the subject: its declaration's, or with these very bytes."""
    body = finished.body
    if kind == "digest":
        made = {artifact.digest for artifact in body.artifacts.values()}
        sources = {f"sha256:{item.value}" for item in body.evidence if item.metric == "source_sha256"}
        return subject in made | sources
    stage, _, name = body.stage.partition("/")
    return stage in _STAGES.get(kind, ()) and name == subject


def _drop_signatures(state: "State", subject: str) -> None:
    dropped = [item for item in state.signed if subject in {item.body.person, item.body.key}]
    kept = {RECALL, REINSTATE}
    state.signed = [item for item in state.signed if item not in dropped]
    acts = [item for item in state.acts if subject in {item.body.person, item.body.key} and item.body.act not in kept]
    state.acts = [item for item in state.acts if item not in acts]
    for item in dropped:
        approved = state.stages.get((item.body.iteration, f"approve/{item.body.approval}"))
        if approved is not None:
            approved.exit = None
    waived = {item.body.name for item in acts if item.body.act == "waive"}
    for known in state.stages.values():
        decided = known.exit
        if decided is not None and any(warning.get("waiver") in waived for warning in decided.body.warnings):
            known.exit = None
