"""The engines that the contract tests run on."""

from collections.abc import Iterator

import pytest

from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import PolicyEngine


@pytest.fixture(params=["embedded"])
def engine(request: pytest.FixtureRequest) -> Iterator[PolicyEngine]:
    """Each real engine, with nothing loaded."""
    made = EmbeddedEngine()
    yield made
    made.close()
