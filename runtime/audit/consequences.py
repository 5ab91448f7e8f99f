"""What came of a decision: the deployments that it let through, and which of them are live."""

from dataclasses import dataclass

from charter.runtime.audit.past import Past, PastDecision
from charter.runtime.report.trace import Index, Result, Start, index, trace
from charter.runtime.state import State


@dataclass(frozen=True, slots=True)
class Deployment:
    """One result of a deploy stage.

    Attributes:
        record: its number in the ledger.
        where: address or directory; empty when it has neither.
        live: allowed, the latest of its stage, and neither stopped, rolled back nor retired since.
    """

    stage: str
    record: int
    where: str
    live: bool

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        return f"{self.stage} (record {self.record}{', live' if self.live else ''}){at}"


def followed(past: Past) -> Index:
    """The ledger's results, arranged for following them."""
    return index([event for event in past.events if not event.erased], past.ledger.attachment)


def deployed_because_of(made: Index, state: State, decision: PastDecision) -> list[Deployment]:
    """Deployments that rest on the result that a decision was about; nothing when its stage never finished."""
    body = decision.body
    if body is None:
        return []
    # The latest record of equal work has the newest ties; older ones were taken over into it.
    starts = [result for result in made.results if result.name == (body.stage, body.key, body.check)][-1:]
    return deployments_from(made, state, starts)


def deployments_from(
    made: Index, state: State, starts: list[Result], *, artifact: str | None = None
) -> list[Deployment]:
    """Deployments among the results and all that followed from them, by record."""
    found: dict[int, Deployment] = {}
    for start in starts:
        for row in trace(made, Start(start, artifact), forward=True):
            if row.result.body.stage.startswith("deploy/"):
                found[row.result.seq] = deployment(state, row.result)
    return [found[seq] for seq in sorted(found)]


def deployment(state: State, result: Result) -> Deployment:
    """A deploy stage's result, with where it is and whether it is live."""
    effects = result.body.effects
    where = ""
    for name, place in (("server", "address"), ("directory", "path")):
        if isinstance(effects.get(name), dict):
            where = str(effects[name].get(place, ""))
    return Deployment(result.body.stage, result.seq, where, _is_live(state, result))


def _is_live(state: State, result: Result) -> bool:
    stage, iteration = result.body.stage, result.body.iteration
    known = state.stages.get((iteration, stage))
    latest = max((found for found, name in state.stages if name == stage), default=iteration)
    if known is None or known.finished is None or known.finished.body.key != result.body.key or iteration != latest:
        return False
    # A recall takes the decision away, not what it let go live.
    suspended = (stage, result.body.key) in state.suspended
    allowed = suspended or (known.exit is not None and known.exit.body.allow)
    if not allowed or stage in state.rolled_back:
        return False
    if "server" in result.body.effects and not state.servers.get(stage):
        return False
    return not any(
        name.startswith("retire/") and found >= iteration and item.exit is not None and item.exit.body.allow
        for (found, name), item in state.stages.items()
    )
