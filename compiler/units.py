"""Units: what a number with a unit means, so that `95%` and `0.95` are the same number.

Normal forms: ratios in [0, 1], durations in seconds, sizes in bytes, counts as they are. Months and years
have no fixed length; as in C++20's `std::chrono`, a year is the mean Gregorian year (365.2425 days) and a
month is a twelfth of it, so that `24 months` and `2 years` are the same bound. Sizes follow SI and IEC
80000-13: `GB` is 10^9 bytes, `GiB` is 2^30.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from msgspec import Struct

from charter.compiler.ir import Unit

YEAR = Decimal(31_556_952)
MAX_EXPONENT = 300
"""Numbers beyond 10^±300 are refused: they would overflow a float or never finish printing."""


class Quantity(Struct, frozen=True):
    """A number in normal form and the unit it is counted in."""

    value: Decimal
    unit: Unit


def _table() -> Mapping[str, tuple[Decimal, Unit]]:
    seconds = {
        ("ms", "millisecond", "milliseconds"): Decimal("0.001"),
        ("s", "second", "seconds"): Decimal(1),
        ("min", "minute", "minutes"): Decimal(60),
        ("h", "hour", "hours"): Decimal(3600),
        ("d", "day", "days"): Decimal(86_400),
        ("week", "weeks"): Decimal(604_800),
        ("month", "months"): YEAR / 12,
        ("year", "years"): YEAR,
    }
    table: dict[str, tuple[Decimal, Unit]] = {"%": (Decimal("0.01"), "ratio")}
    table |= {name: (factor, "seconds") for names, factor in seconds.items() for name in names}
    table |= {name: (Decimal(1000) ** power, "bytes") for power, name in enumerate(("B", "kB", "MB", "GB", "TB"))}
    table |= {name: (Decimal(1024) ** power, "bytes") for power, name in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)}
    table["KB"] = table["kB"]
    counted = ("check", "row", "trial", "core", "epoch")
    table |= {name: (Decimal(1), "count") for word in counted for name in (word, f"{word}s")}
    return MappingProxyType(table)


UNITS = _table()
"""Unit as written → factor to the normal form, and what it counts."""

NAMES: Mapping[Unit, str] = MappingProxyType(
    {
        "ratio": "a ratio",
        "count": "a count",
        "seconds": "a duration",
        "bytes": "a size",
        "number": "a plain number",
    }
)
"""How a unit is called in messages."""


def in_range(value: Decimal) -> bool:
    """Whether a number is finite and of a size that every later step can hold."""
    return value.is_finite() and (not value or abs(value.adjusted()) <= MAX_EXPONENT)


def normalise(value: Decimal, unit: str | None) -> Quantity | None:
    """The normal form of a number as written; None when the unit is unknown or the number out of range."""
    if not in_range(value):
        return None
    if unit is None:
        return Quantity(value, "number")
    known = UNITS.get(unit)
    return Quantity(value * known[0], known[1]) if known else None


def fits(given: Unit, wanted: Unit) -> bool:
    """Whether a bound in `given` may stand where `wanted` is expected: plain numbers are ratios and counts too."""
    return given == wanted or (given == "number" and wanted in ("ratio", "count"))


_WRITTEN = re.compile(r"\s*([+-]?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?)\s*(%|[A-Za-z]+)?\s*")


def parse_quantity(text: str) -> Quantity | None:
    """A quantity as typed on the command line: `0.78`, `78%`, `2 minutes`, `4GB`; None when it is none."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    try:
        return normalise(Decimal(match[1].replace("_", "")), match[2])
    except InvalidOperation:
        return None


def as_json(value: Decimal) -> int | float:
    """The number as JSON: an integer when it is one, so that `1`, `1.0` and `100%` have one normal form."""
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    return float(value)


_LARGEST_FIRST = (("years", YEAR), ("months", YEAR / 12), ("days", 86400), ("hours", 3600), ("minutes", 60))


def show(quantity: Quantity, *, wanted: Unit | None = None) -> str:
    """A quantity as people read it, in one spelling: `95%` stays a plain `0.95`, seconds become `2 minutes`."""
    value = quantity.value
    unit = wanted or quantity.unit
    if unit == "seconds":
        for name, factor in _LARGEST_FIRST:
            if _divides(factor, value):
                return f"{plain(value / factor)} {name if value != factor else name[:-1]}"
        return f"{plain(value)} seconds"
    if unit == "bytes":
        for name in ("TB", "GB", "MB"):
            factor = UNITS[name][0]
            if _divides(factor, value):
                return f"{plain(value / factor)} {name}"
        return f"{plain(value)} bytes"
    return plain(value)


def _divides(factor: Decimal | int, value: Decimal) -> bool:
    # Decimals refuse to divide what has more digits than their precision.
    return value != 0 and abs(value) < 10**20 and value % factor == 0


def plain(value: Decimal) -> str:
    """A decimal in its shortest plain notation: `0.10` is `0.1`, `5E+3` is `5000`."""
    if not value:
        return "0"
    shortest = value.normalize()
    return f"{shortest:f}" if -7 <= shortest.adjusted() <= 15 else f"{shortest:e}"
