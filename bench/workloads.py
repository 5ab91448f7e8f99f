"""Graphs of trivial stages, and the projects in which Charter and its peers run them.

A stage writes one line: its own name and those of the stages it reads from. Every tool does exactly that.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Graph = Mapping[str, Sequence[str]]
"""The stages that each stage reads from, in topological order."""

STEPS = '''
from charter.runtime.stages.api import Evidence, StageContext, StageResult


def step(context: StageContext) -> StageResult:
    """Write one line: this stage's name and those of the stages it reads from."""
    parents = [context.inputs[name].read_text().split()[0] for name in sorted(context.inputs)]
    path = context.out / "data"
    path.write_text(" ".join([context.name, *parents]) + "\\n")
    return StageResult({"data": path}, [Evidence("rows", 1)])
'''

HEAD = """charter 1

lifecycle bench {
  version "1"
  owner "owner@example.org"
  purpose "Trivial stages, to measure what a stage costs."
  risk minimal
  use policies core
}
"""


@dataclass(frozen=True)
class Workload:
    """A graph with a name for people."""

    name: str
    graph: Graph


def chain(length: int) -> Workload:
    """One stage after the other."""
    return Workload(
        f"chain of {length}",
        {f"s{number:04}": (f"s{number - 1:04}",) if number else () for number in range(length)},
    )


def wide(layers: int, width: int) -> Workload:
    """Layers of stages; each reads from two of the layer before."""
    graph: dict[str, tuple[str, ...]] = {}
    for layer in range(layers):
        for place in range(width):
            before = sorted({place, (place + 1) % width})
            graph[f"s{layer:02}x{place:02}"] = tuple(f"s{layer - 1:02}x{other:02}" for other in before) if layer else ()
    return Workload(f"wide {layers}x{width}", graph)


def expected(graph: Graph, stage: str) -> str:
    """What a stage must have written."""
    return " ".join([stage, *graph[stage]]) + "\n"


def charter_project(root: Path, graph: Graph) -> Path:
    """The charter of a graph with the code of its stages; returns the charter's path."""
    root.mkdir(parents=True)
    (root / "steps.py").write_text(STEPS)
    blocks = []
    for stage, needs in graph.items():
        start = f" from {', '.join(needs)}" if needs else ""
        blocks.append(f'dataset {stage} {{\n  source python "steps:step"{start}\n}}\n')
    path = root / "bench.charter"
    path.write_text("\n".join([HEAD, *blocks]))
    return path


def shell_command(stage: str, needs: Sequence[str]) -> str:
    """The same work for `sh`, with its own builtins only: the quickest there is."""
    reads = "".join(f"read -r p{number} rest < {need}; " for number, need in enumerate(needs))
    words = " ".join([stage, *(f"$p{number}" for number in range(len(needs)))])
    return f'{reads}echo "{words}" > {stage}'


def peer_project(root: Path, graph: Graph) -> Path:
    """A directory with `graph.json` for the peers: stages, and their commands and needs; returns its path."""
    root.mkdir(parents=True)
    document = {stage: {"needs": list(needs), "sh": shell_command(stage, needs)} for stage, needs in graph.items()}
    path = root / "graph.json"
    path.write_text(json.dumps(document))
    return path


def snakemake_project(root: Path, graph: Graph) -> Path:
    """A Snakefile of the same commands; returns its path."""
    root.mkdir(parents=True)
    needed = {need for needs in graph.values() for need in needs}
    rules = [f"rule all:\n    input: {_names([stage for stage in graph if stage not in needed])}\n"]
    for stage, needs in graph.items():
        given = f"    input: {_names(needs)}\n" if needs else ""
        rules.append(f"rule {stage}:\n{given}    output: '{stage}'\n    shell: {shell_command(stage, needs)!r}\n")
    path = root / "Snakefile"
    path.write_text("\n".join(rules))
    return path


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
