"""The fixture of an open, empty ledger."""

import pytest
from hypothesis import settings
from ledger_samples import opened

# The machine may be busy with other things: a slow example is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture
def ledger(tmp_path):
    with opened(tmp_path) as made:
        yield made
