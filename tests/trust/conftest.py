"""A small project that ran once; each test has a copy of its own."""

import shutil
from pathlib import Path

import pytest
from small import Small, make_small


@pytest.fixture(scope="session")
def small_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after its first run, which is denied: there are too few rows."""
    made = make_small(tmp_path_factory.mktemp("small"))
    assert made.run()[0] == 1
    return made.root


@pytest.fixture
def small(small_once: Path, tmp_path: Path) -> Small:
    """A copy of that project."""
    return Small(Path(shutil.copytree(small_once, tmp_path / "small")))
