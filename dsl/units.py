"""The units that can stand behind a number, as they are spelled; what they mean is the compiler's business."""


def _numbers_of(*words: str) -> frozenset[str]:
    """Each word as it is, and for several of it."""
    return frozenset(f"{word}{plural}" for word in words for plural in ("", "s"))


DURATION_UNITS = frozenset({"ms", "s", "min", "h", "d"}) | _numbers_of(
    "millisecond", "second", "minute", "hour", "day", "week", "month", "year"
)
SIZE_UNITS = frozenset({"B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"})
COUNT_UNITS = _numbers_of("check", "row", "trial", "core", "epoch")
UNITS = DURATION_UNITS | SIZE_UNITS | COUNT_UNITS
