"""The README's tour and the pages' projects are true: their files are written, their commands run in order, and
print what is shown."""

from pathlib import Path

import pytest
from console import Typed, matches, play, typed
from pages import ROOT, blocks

_RUNNABLE = ("console", "python", "charter")


@pytest.mark.ml
def test_the_tour_of_the_readme(tmp_path: Path):
    assert play(blocks(ROOT / "README.md", *_RUNNABLE), tmp_path) > 20


@pytest.mark.ml
def test_a_teams_own_stages(tmp_path: Path):
    assert play(blocks(ROOT / "docs" / "writing-stages.md", *_RUNNABLE), tmp_path) == 1


def test_a_command_carries_its_exit_code_and_output():
    assert list(typed("$ charter run      # exit 5\nwaiting\n$ true\n")) == [
        Typed("charter run", 5, "waiting\n"),
        Typed("true", 0, ""),
    ]


def test_shown_output_is_compared():
    assert matches("a ...\nc\n", "a b\nc\n")
    assert not matches("a ...\nd\n", "a b\nc\n")
