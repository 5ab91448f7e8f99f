"""A fresh regorus engine that takes files of any size that a charter or a team may have."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regorus import Engine

MAX_COLUMNS = 1 << 20
MAX_LINES = 1 << 18
MAX_BYTES = 16 << 20


def new_engine() -> "Engine":
    """Without a policy. Its own limits, 1,024 columns and 20,000 lines, are less than a large charter generates."""
    import regorus

    engine = regorus.Engine()
    engine.set_policy_length_config(max_col=MAX_COLUMNS, max_file_bytes=MAX_BYTES, max_lines=MAX_LINES)
    return engine


def why_unreadable(path: str, text: str) -> str:
    """The first line of what the parser objects to in a file; empty if it reads it."""
    try:
        new_engine().add_policy(path, text)
    except Exception as problem:  # noqa: BLE001 - the engine raises its own types of error, without a common one
        return next((line.strip() for line in str(problem).splitlines() if line.strip()), "it cannot be read")
    return ""
