"""The README's tour is true: its files are written, its commands run in order, and print what is shown."""

from pathlib import Path

import pytest
from console import Typed, matches, play, typed
from pages import ROOT, blocks


@pytest.mark.ml
def test_the_tour_of_the_readme(tmp_path: Path):
    assert play(blocks(ROOT / "README.md", "console", "python", "charter"), tmp_path) > 20


def test_a_command_carries_its_exit_code_and_output():
    assert list(typed("$ charter run      # exit 5\nwaiting\n$ true\n")) == [
        Typed("charter run", 5, "waiting\n"),
        Typed("true", 0, ""),
    ]


def test_shown_output_is_compared():
    assert matches("a ...\nc\n", "a b\nc\n")
    assert not matches("a ...\nd\n", "a b\nc\n")
