"""What a recall is about and what it reaches: results, decisions, signatures, deployments."""

import difflib
import re
from dataclasses import dataclass

from charter.compiler.ir import IR
from charter.runtime.audit.consequences import Deployment, deployment, followed
from charter.runtime.audit.past import Past
from charter.runtime.failure import Failure
from charter.runtime.ledger import Recorded
from charter.runtime.report.trace import Index, Result, Start, trace
from charter.runtime.state import Finished
from charter.runtime.suspension import RECALL, REINSTATE, came_from

_DECLARED = ("dataset", "model", "evaluation")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything that depends on a subject.

    Attributes:
        results: stages with the record of each result, the subject's own first.
        decisions: records of the decisions that allowed one of these results.
        signatures: records of signatures that count no more.
        deployments: those that rest on it, live or not.
    """

    results: tuple[tuple[str, int], ...]
    decisions: tuple[int, ...]
    signatures: tuple[int, ...]
    deployments: tuple[Deployment, ...]


def canonical_subject(past: Past, ir: IR, given: str) -> str:
    """The name of a recall, `KIND/SUBJECT`, for what somebody wrote.

    Raises:
        Failure: nothing, or more than one thing, is meant by it.
    """
    digests = {artifact.digest for _, body in past.results for artifact in body.artifacts.values()}
    digests |= {
        f"sha256:{item.value}" for _, body in past.results for item in body.evidence if item.metric == "source_sha256"
    }
    known = {f"{item.kind}/{item.name}" for item in ir.declarations.values() if item.kind in _DECLARED}
    for event in _signatures(past):
        known |= {f"person/{event.body.get('person')}", f"key/{event.body.get('key')}"}
    match = _DIGEST.fullmatch(given.removeprefix("digest/"))
    if match is not None:
        found = {f"digest/{digest}" for digest in digests if digest.startswith(f"sha256:{match[1]}")}
    else:
        found = {name for name in known if given in {name, name.partition("/")[2]}}
    if len(found) == 1:
        return found.pop()
    if found:
        raise Failure("more than one is meant", f"`{given}` may be {', '.join(f'`{name}`' for name in sorted(found))}.")
    near = difflib.get_close_matches(given, [*known, *(name.partition("/")[2] for name in known)], n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(f'`{name}`' for name in sorted(known))}."
    raise Failure(
        "nothing by that name",
        f"nothing recorded or declared is `{given}`. Name a dataset, model or evaluation, a person or key that has "
        f"signed, or a digest (8 digits or more). {hint}",
    )


def reach(past: Past, name: str) -> Reach:
    """What depends on a subject, followed through the ledger."""
    kind, _, subject = name.partition("/")
    made = followed(past)
    if kind in {"person", "key"}:
        signed = [event for event in _signatures(past) if subject in {event.body.get("person"), event.body.get("key")}]
        stages = {(event.body.get("iteration"), f"approve/{event.body.get('approval')}") for event in signed}
        starts = [item for item in made.results if (item.body.iteration, item.body.stage) in stages]
        signatures = tuple(event.seq for event in signed)
    else:
        own = (Finished(item.seq, item.time, item.body) for item in made.results)
        wanted = {item.seq for item in own if came_from(item, kind, subject)}
        starts, signatures = [item for item in made.results if item.seq in wanted], ()
    return _reach(past, made, starts, signatures)


def _reach(past: Past, made: Index, starts: list[Result], signatures: tuple[int, ...]) -> Reach:
    results: dict[int, Result] = {}
    for start in starts:
        results |= {row.result.seq: row.result for row in trace(made, Start(start), forward=True)}
    names = {result.name for result in results.values()}
    decisions = [
        item.seq
        for item in past.decisions
        if item.body is not None and item.body.allow and (item.body.stage, item.body.key, item.body.check) in names
    ]
    deployed = [result for seq, result in sorted(results.items()) if result.body.stage.startswith("deploy/")]
    return Reach(
        results=tuple((result.body.stage, seq) for seq, result in results.items()),
        decisions=tuple(decisions),
        signatures=signatures,
        deployments=tuple(deployment(past.state, result) for result in deployed),
    )


def _signatures(past: Past) -> list[Recorded]:
    """Everything that people signed so far, but recalls: those stay what they are, whoever is recalled."""
    return [
        event
        for event in past.events
        if event.kind == "statement.signed"
        or (event.kind == "act.signed" and event.body.get("act") not in {RECALL, REINSTATE})
    ]
