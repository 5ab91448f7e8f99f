"""Ledgers to test with."""

from pathlib import Path

from charter.runtime.ledger import Event, Ledger

ORIGIN = "charter/test"


def opened(folder: Path, **options) -> Ledger:
    """The folder's ledger, made when there is none."""
    return Ledger.open(
        folder / "ledger.db", key_path=folder / "ledger.key", origin=ORIGIN, **{"create": True, **options}
    )


def fill(ledger: Ledger, count: int, *, first: int = 0, commit: int = 100) -> None:
    """Append numbered events."""
    events = [Event("test.event", f"thing:{n}", {"n": n, "text": "Grüße"}) for n in range(first, first + count)]
    for start in range(0, count, commit):
        ledger.append(events[start : start + commit])
