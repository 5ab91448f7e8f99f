"""The same graph in Luigi, at its quickest: local scheduler, work inside its own process.

python luigi_flow.py     in a directory with `graph.json`
"""

import json
import sys
from pathlib import Path

import luigi

GRAPH = json.loads(Path("graph.json").read_text())


class Stage(luigi.Task):
    """One line into one file."""

    stage = luigi.Parameter()

    def requires(self) -> list["Stage"]:
        """The stages that it reads from."""
        return [Stage(need) for need in GRAPH[self.stage]["needs"]]

    def output(self) -> luigi.LocalTarget:
        """Its file."""
        return luigi.LocalTarget(self.stage)

    def run(self) -> None:
        """Do the work."""
        parents = []
        for item in self.input():
            with item.open() as file:
                parents.append(file.read().split()[0])
        with self.output().open("w") as file:
            file.write(" ".join([self.stage, *parents]) + "\n")


class All(luigi.WrapperTask):
    """What nothing else reads from."""

    def requires(self) -> list[Stage]:
        """The last stages."""
        needed = {need for item in GRAPH.values() for need in item["needs"]}
        return [Stage(stage) for stage in GRAPH if stage not in needed]


if __name__ == "__main__":
    sys.exit(not luigi.build([All()], local_scheduler=True, workers=1, log_level="WARNING"))
