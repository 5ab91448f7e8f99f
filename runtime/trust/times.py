"""Times as text: RFC 3339, UTC, whole seconds, ending in `Z`."""

from datetime import UTC, datetime


def stamp(time: datetime) -> str:
    """`2026-11-22T07:00:00Z`.

    Raises:
        ValueError: the time has no zone.
    """
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The time that RFC 3339 text names, in UTC.

    Raises:
        ValueError: not such a text, or without a zone.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"`{text}` has no time zone")
    return time.astimezone(UTC)
