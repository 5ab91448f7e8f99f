"""The lifecycle graph against networkx: the order, who comes before whom, and what deployments wait for."""

from pathlib import Path

import networkx as nx

from charter.compiler.compile import compile_charter
from charter.compiler.graph import Ancestry

SPINE = Path(__file__).parents[1] / "cases" / "credit-spine" / "credit-spine.charter"


def test_order_ancestry_and_gates_are_what_networkx_says() -> None:
    result = compile_charter(SPINE)
    assert result.graph is not None
    oracle = result.graph.to_networkx()
    order = result.graph.order()
    assert order is not None
    place = {id_: number for number, id_ in enumerate(order)}
    assert place.keys() == oracle.nodes.keys()
    assert all(place[before] < place[after] for before, after in oracle.edges)
    ancestry = Ancestry(result.graph, order)
    for later in order:
        known = {earlier for earlier in order if ancestry.precedes(earlier, [later])}
        assert known == nx.ancestors(oracle, later), later
    assert result.graph.cycles() == ()


def test_every_deployment_waits_for_an_evaluation_and_an_approval() -> None:
    result = compile_charter(SPINE)
    assert result.graph is not None
    oracle = result.graph.to_networkx()
    deployments = [id_ for id_ in oracle if id_.startswith("deploy/")]
    assert deployments
    for deployment in deployments:
        for kind in ("evaluate", "approve"):
            assert any(id_.startswith(f"{kind}/") for id_ in nx.ancestors(oracle, deployment))
