"""Fixtures of the runtime tests."""

from pathlib import Path

import pytest
from sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """An empty project directory with `steps.py`."""
    made = Sandbox(tmp_path)
    made.steps()
    return made
