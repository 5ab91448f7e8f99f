"""Runs the `console` blocks of a page: each `$ command`, its exit code, and what it is shown to print."""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pages import Block

_EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass(frozen=True)
class Typed:
    """One command as the page shows it; `...` in what it prints stands for anything."""

    command: str
    code: int
    shown: str


def typed(text: str) -> Iterator[Typed]:
    """The commands of a block."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        code = _EXIT.search(command)
        yield Typed(_EXIT.sub("", command), int(code[1]) if code else 0, shown)


def play(parts: Iterable[Block], directory: Path) -> int:
    """Write the named files and run the commands, in order; how many commands there were."""
    count = 0
    for block in parts:
        if block.language == "console":
            for line in typed(block.text):
                run(line, directory)
                count += 1
        elif block.rest:
            path = directory / block.rest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    return count


def run(line: Typed, directory: Path) -> None:
    """Run one command and compare."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        line.command,
        shell=True,
        check=False,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == line.code, f"`{line.command}` ended with {done.returncode}:\n{done.stdout}"
    if line.shown and not matches(line.shown, done.stdout):
        raise AssertionError(f"`{line.command}` is shown to print\n{line.shown}\nbut prints\n{done.stdout}")


def matches(shown: str, printed: str) -> bool:
    """Whether what was printed is what is shown; `...` matches anything, runs of white space are equal."""
    return doctest.OutputChecker().check_output(shown, printed or "\n", doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
