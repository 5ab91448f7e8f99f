"""The fixture of an open, empty ledger."""

import pytest
from ledger_samples import opened


@pytest.fixture
def ledger(tmp_path):
    with opened(tmp_path) as made:
        yield made
