"""Tools that tests need for real: found, or the test says loudly why it does not run."""

import os
import shutil

import pytest


def _tool(name: str, variable: str | None = None) -> str:
    named = os.environ.get(variable) if variable else None
    found = shutil.which(named) if named else shutil.which(name)
    if found is None:
        reason = f"`{name}` is not on this machine" + (f" and ${variable} names none" if variable else "")
        if os.environ.get("CHARTER_REQUIRE_TOOLS"):
            pytest.fail(f"{reason}, and CI must run this")
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def opa() -> str:
    """The real `opa` command."""
    return _tool("opa", "OPA_BIN")


@pytest.fixture(scope="session")
def openssl() -> str:
    """The real `openssl` command, which is a time-stamping authority too."""
    return _tool("openssl")


@pytest.fixture(scope="session")
def strace() -> str:
    """The real `strace` command."""
    return _tool("strace")
