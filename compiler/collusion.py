"""The fewest people who together could ship a model that should not be: a minimum cut through what stands in the way.

Every deployment is guarded by whoever opens the run and by the approvals that it waits for, side by side: each has to
be won over. Deployments of the charter stand one behind the other: the weakest is enough. What has to be cut to
separate one end from the other is the fewest people, if nobody plays two parts (Menger; Ford and Fulkerson). If
people may hold several roles, the same few can sign everything, and only exclusions keep them apart.
"""

from collections.abc import Iterator

from msgspec import Struct

from charter.compiler import model
from charter.compiler.account import Item
from charter.compiler.graph import Ancestry, LifecycleGraph

RUNNER = "whoever opens the run"

ASSUMED = (
    "bounds hold nobody up: whoever may write the charter may loosen them, and what is measured is not faked",
    "roles have the people that the charter promises; who they are stands in the trust root, and its administrators "
    "are not among them",
    "keys are not shared or stolen, and a signature is its holder's own decision",
)


class Guard(Struct, frozen=True):
    """An approval that stands in the way: so many of a role, and whether who trained may be one of them."""

    approval: str
    role: str
    quorum: int
    trainer_excluded: bool


class Party(Struct, frozen=True):
    """So many people of one role, or whoever opens the run."""

    who: str
    count: int


class Shipping(Struct, frozen=True):
    """Who could ship.

    Attributes:
        deployment: the one that is guarded worst, if nobody plays two parts.
        apart: who has to be won over there.
        fewest: how many people are enough, if anybody may hold any role.
        fewest_at: the deployment where they are.
        fewest_guards: the approvals that it waits for.
    """

    deployment: str
    apart: tuple[Party, ...]
    fewest: int
    fewest_at: str
    fewest_guards: tuple[Guard, ...]

    @property
    def people(self) -> int:
        """How many that is, if nobody plays two parts."""
        return sum(party.count for party in self.apart)


def who_could_ship(charter: model.Charter, graph: LifecycleGraph) -> Shipping | None:
    """The fewest people; None where nothing is deployed, or stages wait for each other."""
    order = graph.order()
    if order is None or not charter.deployments:
        return None
    ancestry = Ancestry(graph, order)
    guards = {name: tuple(_guards(charter, name, ancestry)) for name in charter.deployments}
    apart = {name: _parties(of) for name, of in guards.items()}
    weakest = _minimum_cut(apart)
    fewest, at = min((_with_many_roles(of), name) for name, of in guards.items())
    return Shipping(weakest, apart[weakest], fewest, at, guards[at])


def sentences(found: Shipping) -> tuple[Item, ...]:
    """The answer for people."""
    parts = ", ".join(f"{party.count} of `{party.who}`" for party in found.apart if party.who != RUNNER)
    both = f"{parts}, and {RUNNER}" if parts else f"{RUNNER}, alone"
    keeping = [f"`{guard.approval}`" for guard in found.fewest_guards if guard.trainer_excluded]
    apart = f"{', '.join(keeping)} excludes the trainer" if keeping else "no approval excludes the trainer"
    return (
        Item("apart", f"{_people(found.people)} could ship `{found.deployment}` if nobody plays two parts: {both}"),
        Item(
            "fewest",
            f"{_people(found.fewest)} could ship `{found.fewest_at}` if people may hold several roles: {apart}",
        ),
        *(Item("assumed", text) for text in ASSUMED),
    )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _guards(charter: model.Charter, deployment: str, ancestry: Ancestry) -> Iterator[Guard]:
    for approval in charter.approvals.values():
        if approval.role is not None and ancestry.precedes(f"approve/{approval.name}", (f"deploy/{deployment}",)):
            excluded = "trainer" in {name.text for name in approval.excluding}
            yield Guard(approval.name, approval.role.text, approval.quorum, excluded)


def _parties(guards: tuple[Guard, ...]) -> tuple[Party, ...]:
    """The same people of a role sign all of its approvals, so its largest quorum counts."""
    quorum: dict[str, int] = {}
    for guard in guards:
        quorum[guard.role] = max(guard.quorum, quorum.get(guard.role, 0))
    return (*(Party(role, count) for role, count in sorted(quorum.items())), Party(RUNNER, 1))


def _with_many_roles(guards: tuple[Guard, ...]) -> int:
    """Everybody signs everything, but who trained cannot be one of those who sign where that is excluded."""
    return max([1, *(guard.quorum + guard.trainer_excluded for guard in guards)])


def _minimum_cut(apart: dict[str, tuple[Party, ...]]) -> str:
    """The deployment where the cut goes through."""
    import networkx as nx

    network: nx.DiGraph[tuple[int, str]] = nx.DiGraph()
    names = sorted(apart)
    for number, name in enumerate(names):
        for party in apart[name]:
            network.add_edge((number, ""), (number, party.who), capacity=party.count)
            network.add_edge((number, party.who), (number + 1, ""))
    reached: set[tuple[int, str]]
    _, (reached, _) = nx.minimum_cut(network, (0, ""), (len(names), ""))
    return names[max(number for number, who in reached if not who)]
