"""Small real projects: a chain of the team's own stages, run by the real command."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charter.runtime.ledger.ledger import Ledger, Recorded

STEPS = '''
import os, time
from pathlib import Path
from charter.runtime.stages.api import Evidence, StageContext, StageResult

def made(context: StageContext, text: str = "x") -> StageResult:
    """Count the execution, and make one artifact."""
    with (context.project / "executed").open("a") as file:
        file.write(context.stage + "\\n")
    path = context.out / "data"
    path.write_text(text + "".join(sorted(part.read_text() for part in context.inputs.values())))
    return StageResult({"data": path}, [Evidence("rows", 1)])

def step(context: StageContext) -> StageResult:
    return made(context)
'''


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Sandbox:
    """A project directory and the real `charter` command in it."""

    root: Path

    def charter(self, *arguments: str, timeout: float = 90, env: dict[str, str] | None = None) -> Finished:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "charter.runtime.main", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=os.environ | (env or {}),
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "charter.runtime.main", *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def steps(self, extra: str = "") -> None:
        self.write("steps.py", STEPS + extra)

    def chain(self, functions: Sequence[str], *, head: str = "") -> None:
        """A chain of datasets, each made by the function of `steps.py` from the one before."""
        lines = [
            "charter 1",
            "",
            "lifecycle chain {",
            '  version "1"',
            '  owner "owner@example.org"',
            '  purpose "Test."',
            "  risk minimal",
            "  use policies core",
            "}",
            head,
        ]
        for number, function in enumerate(functions):
            before = f" from d{number - 1}" if number else ""
            lines += [f"dataset d{number} {{", f'  source python "steps:{function}"{before}', "}", ""]
        self.write("chain.charter", "\n".join(lines))

    @property
    def executed(self) -> list[str]:
        path = self.root / "executed"
        return path.read_text().split() if path.exists() else []

    @property
    def events(self) -> list[Recorded]:
        with Ledger.open_read_only(self.root / ".charter" / "ledger.db") as ledger:
            return list(ledger.events())

    def of_kind(self, kind: str) -> list[Recorded]:
        return [event for event in self.events if event.kind == kind]
