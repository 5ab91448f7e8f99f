"""Mutilated charters that import and extend mutilated files: findings in the right files, and never a crash."""

import random
import re
import shutil
from pathlib import Path

import pytest
from base import CASES

from charter.compiler.baseline import check_baseline
from charter.compiler.compile import check_charter
from charter.dsl.github import render_github
from charter.dsl.render import render_json, render_text

SPINE = CASES.parent / "credit-spine" / "credit-spine.charter"
BANK = (
    (CASES / "baselines" / "bank.charter").read_text("utf-8")
    + """
retirement of any model {
  when    age > 2 years
  archive model for 10 years
  erase   applications after 5 years
}

monitor drift of any deployment every 1 day {
  require psi of each feature <= 0.2 otherwise alert risk-officer
}

dataset any {
  require missing <= 1%
}

model any {
  limits { time: 10 minutes }
}
"""
)
ROLE = "charter 1\n\nrole auditor {\n  members at least 2\n}\n"
WORDS = ["any", "any model", "0", "-1", "9" * 30, "95%", "\n", "{", "}", "extends", "import", '""', "absolute", "1e400"]


def mutilated(text: str, times: int, random_: random.Random) -> str:
    parts = re.findall(r"\s+|\w+|[^\w\s]", text)
    for _ in range(times):
        at, other, kind = random_.randrange(len(parts)), random_.randrange(len(parts)), random_.randrange(4)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts.insert(at, parts[other])
        elif kind == 2:
            parts[at] = random_.choice(WORDS)
        else:
            parts[at], parts[other] = parts[other], parts[at]
    return "".join(parts)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(1, 10))])
def test_mutilated_files(seed: int, tmp_path: Path):
    random_ = random.Random(seed)
    home = tmp_path / "project"
    shutil.copytree(SPINE.parent, home)
    own = SPINE.read_text("utf-8").replace("charter 1\n", 'charter 1\n\nimport "more.charter"\n', 1)
    own = own.replace("  use policies core", '  use policies core\n  extends "bank.charter"', 1)
    for _ in range(3 if seed == 0 else 60):
        (home / "bank.charter").write_text(mutilated(BANK, random_.randrange(3), random_))
        (home / "more.charter").write_text(mutilated(ROLE, random_.randrange(2), random_))
        text = mutilated(own, random_.randrange(3), random_)
        result = check_charter(home / "x.charter", as_text=text)
        pins = [
            m[1] for d in result.diagnostics if (m := re.search(r'bank.charter" digest "(sha256:\w{64})', d.detail))
        ]
        if pins:
            pinned = text.replace('"bank.charter"', f'"bank.charter" digest "{pins[0]}"')
            result = check_charter(home / "x.charter", as_text=pinned)
            assert {"CH1103", "CH1104"}.isdisjoint(item.code for item in result.diagnostics)
        check_baseline(home / "bank.charter")
        for item in result.diagnostics:
            for span in filter(None, [item.span, *(related.span for related in item.related)]):
                assert 0 <= span.start <= span.end <= len(result.sources[span.path].text)
        render_text(result.diagnostics, result.sources, color=False)
        render_json(result.diagnostics, result.sources)
        render_github(result.diagnostics, result.sources)
