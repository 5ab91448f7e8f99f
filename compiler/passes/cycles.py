"""Cycles: no stage waits, directly or through others, for itself."""

import itertools
from collections.abc import Iterator

from charter.compiler.codes import error
from charter.compiler.passes.context import Context
from charter.dsl.diagnostics import Diagnostic, Related


def check_cycles(context: Context) -> Iterator[Diagnostic]:
    """CH0401: one finding for each knot of stages, with the way round and the place of every step."""
    if context.ancestry is not None:
        return
    nodes = context.graph.nodes
    for cycle in context.graph.cycles():
        round_trip = (*cycle, cycle[0])
        steps = [(earlier, later) for earlier, later in itertools.pairwise(round_trip)]
        related = [
            Related(nodes[later].reason(earlier), f"`{later}` waits for `{earlier}`") for earlier, later in steps
        ]
        way = " → ".join(f"`{id_}`" for id_ in round_trip)
        detail = f"None of these stages could ever start: {way}. Take one of the references out."
        yield error("CH0401", related[0].span, detail, *related[1:])
